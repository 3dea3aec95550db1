import Media
import NIOCore

/// A publisher's packets, kept until it is known where in its twin's publish they are.
struct HeldPackets {
    enum Packet {
        case video(VideoPacket)
        case audio(AudioPacket)

        var kind: MediaKind { if case .video = self { .video } else { .audio } }

        /// The frame that it carries.
        var frame: ByteBuffer? {
            let payload =
                switch self {
                case .video(let packet): packet.payload
                case .audio(let packet): packet.payload
                }
            guard case .frame(let bytes) = payload, bytes.readableBytes > 0 else { return nil }
            return bytes
        }

        var stamp: Stamp {
            switch self {
            case .video(let packet): packet.sentStamp
            case .audio(let packet): packet.sentStamp
            }
        }

        var mark: PacketMark? { frame.map { PacketMark(kind, stamp, $0) } }

        /// The same by a clock that is so many milliseconds behind.
        func sent(earlier milliseconds: UInt32) -> Packet {
            switch self {
            case .video(let packet): .video(packet.sent(earlier: milliseconds))
            case .audio(let packet): .audio(packet.sent(earlier: milliseconds))
            }
        }
    }

    /// Where a cut of the twin's is in the packets.
    struct Match {
        /// By how many milliseconds these packets' timestamps are ahead of the twin's.
        let shift: UInt32
        /// The last frame of sound before the cut.
        let sound: Packet?
        /// What follows from the cut on, and when each came.
        let rest: [(packet: Packet, wall: Int64)]
    }

    private(set) var all: [(packet: Packet, wall: Int64)] = []
    private var byteCount = 0

    /// More is not kept: a minute of 8 Mbit/s.
    private static let mostBytes = 64 << 20
    private static let mostPackets = 20_000
    /// Clocks of twins, and ways to them, differ by less, in microseconds.
    private static let clocks: Int64 = 1_000_000
    /// No frame of sound lasts longer, in microseconds.
    private static let longestSound: Int64 = 100_000

    mutating func take(_ packet: Packet, at wall: Int64) {
        all.append((packet, wall))
        byteCount += packet.frame?.readableBytes ?? 0
    }

    var isFull: Bool { byteCount > Self.mostBytes || all.count > Self.mostPackets }

    /// The first frame, and when it came.
    var first: (packet: Packet, wall: Int64)? { all.first { $0.packet.frame != nil } }

    /// Finds a cut by the frame that begins it: its bytes, and its timestamp as the twin's publisher sent it. Where the
    /// encoder counts each connection's timestamps from a zero of its own, the one frame with these bytes that came at
    /// the same time; frames that look alike at several cuts, as those of a still picture do, tell nothing.
    ///
    /// - Parameter known: all cuts that the twin has left of late.
    func match(_ handover: Handover, among known: [Handover]) -> Match? {
        let anchor = handover.cut.anchor
        let kind: MediaKind = anchor.isVideo ? .video : .audio
        let alike = all.indices.filter { isFrame(at: $0, kind, like: anchor) }
        let exact = alike.first { all[$0].packet.stamp == anchor.stamp }
        guard let place = exact ?? (alike.count == 1 ? alike.first : nil) else { return nil }
        let found = all[place]
        let shift = found.packet.stamp.milliseconds &- anchor.stamp.milliseconds
        if exact == nil {
            let others = known.filter { $0.listed.sequence != handover.listed.sequence }
            guard !others.isEmpty, others.allSatisfy({ $0.cut.anchor.digest != anchor.digest }),
                abs(found.wall - handover.writtenAt) <= Self.clocks,
                found.packet.stamp.microseconds == anchor.stamp.microseconds
            else { return nil }
        }
        guard let sound = handover.cut.sound else {
            let hasSound = all[..<place].contains { $0.packet.kind == .audio && $0.packet.frame != nil }
            return hasSound && anchor.isVideo
                ? nil : Match(shift: shift, sound: nil, rest: rest(from: place, soundAfter: place - 1))
        }
        // Where the sound before the cut ends here: the same frame, or where none has come yet, the next one.
        var stamp = sound.stamp
        stamp.milliseconds &+= shift
        let last = all.indices.last { all[$0].packet.stamp == stamp && isFrame(at: $0, .audio, like: sound) }
        if let last {
            return Match(shift: shift, sound: all[last].packet, rest: rest(from: place, soundAfter: last))
        }
        guard let next = all.indices.first(where: { all[$0].packet.kind == .audio && all[$0].packet.frame != nil }),
            next > place
        else { return nil }
        let step = Int64(Int32(bitPattern: all[next].packet.stamp.milliseconds &- stamp.milliseconds)) * 1_000
        guard step > 0, step <= Self.longestSound else { return nil }
        return Match(shift: shift, sound: nil, rest: rest(from: place, soundAfter: place))
    }

    private func isFrame(at index: Int, _ kind: MediaKind, like mark: PacketMark) -> Bool {
        let packet = all[index].packet
        guard packet.kind == kind, let bytes = packet.frame, bytes.readableBytes == mark.byteCount else { return false }
        return PacketMark.digest(of: bytes) == mark.digest
    }

    private func rest(from place: Int, soundAfter last: Int) -> [(packet: Packet, wall: Int64)] {
        all.indices.filter { index in
            all[index].packet.kind == .video || last < place && all[place].packet.kind == .audio
                ? index >= place : index > last
        }.map { all[$0] }
    }
}
