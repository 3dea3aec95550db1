import struct NIOCore.ByteBuffer

/// What a publish begins with: packets wait here until every track that is expected has shown its configuration, or has
/// been waited for long enough by the stamps of what came.
struct StartWait: Sendable {
    enum Packet: Sendable {
        case video(VideoPacket)
        case audio(AudioPacket)

        var kind: MediaKind { if case .video = self { .video } else { .audio } }

        /// Some encoders send an empty one first, and the true one with their first frame.
        var isConfiguration: Bool {
            let payload =
                switch self {
                case .video(let packet): packet.payload
                case .audio(let packet): packet.payload
                }
            return if case .configuration(let record) = payload { record.readableBytes > 0 } else { false }
        }
    }

    /// How much media time a track's packets span.
    private struct Span: Sendable {
        private var first: Stamp?
        private(set) var microseconds: Int64 = 0

        mutating func note(_ stamp: Stamp) {
            guard let first else { return self.first = stamp }
            microseconds = max(microseconds, first.step(to: stamp))
        }
    }

    private(set) var packets: [(packet: Packet, wall: Int64)] = []
    private var since: Int64?
    private var video = Span()
    private var audio = Span()
    /// The composition offset of the first frame of video.
    private var firstOffset: Int32?
    private(set) var pace = StartPace()
    /// What was known when every track was: packets that came while the pace was measured make no difference.
    private var known: (packets: Int, offset: Int32?)?
    private var hasVideoConfiguration = false
    private var hasAudioConfiguration = false

    private static let mostPackets = 2_000

    private var hasAny: Bool { hasVideoConfiguration || hasAudioConfiguration }

    mutating func add(_ packet: Packet, at wall: Int64) {
        since = since ?? wall
        packets.append((packet, wall))
        switch packet {
        case .video(let packet):
            switch packet.payload {
            case .configuration(let record): if record.readableBytes > 0 { hasVideoConfiguration = true }
            case .frame:
                // AV1 key frames bring theirs, and so do some of H.264 and HEVC.
                if packet.bringsConfiguration { hasVideoConfiguration = true }
                video.note(packet.stamp)
                pace.note(packet.stamp, at: wall)
                firstOffset = firstOffset ?? packet.compositionOffsetMilliseconds
            case .end: break
            }
        case .audio(let packet):
            switch packet.payload {
            case .configuration(let record): if record.readableBytes > 0 { hasAudioConfiguration = true }
            case .frame:
                audio.note(packet.stamp)
                pace.note(packet.stamp, at: wall)
            case .end: break
            }
        }
    }

    /// How long is waited: longer for a picture that was announced. Sound that begins alone is a presentation without a
    /// picture for all who open it, while sound may join its picture later.
    private func bound(_ declared: (video: Bool?, audio: Bool?), _ limit: Duration) -> Double {
        let waitsForPicture = declared.video == true && !hasVideoConfiguration
        return waitsForPicture ? max(limit.microseconds, Double(Absence.firstWait)) : limit.microseconds
    }

    /// - Parameters:
    ///   - declared: which tracks the publisher announced; nil where it said nothing.
    ///   - limit: how much media time is waited for a track that may yet come.
    mutating func isOver(declared: (video: Bool?, audio: Bool?), limit: Duration, at wall: Int64) -> Bool {
        if known == nil, tracksAreKnown(declared: declared, limit: limit) { known = (packets.count, firstOffset) }
        return known != nil && (pace.isSettled(at: wall) || packets.count >= Self.mostPackets)
    }

    private func tracksAreKnown(declared: (video: Bool?, audio: Bool?), limit: Duration) -> Bool {
        let videoIsSettled = hasVideoConfiguration || declared.video == false
        let audioIsSettled = hasAudioConfiguration || declared.audio == false
        if videoIsSettled && audioIsSettled, firstOffset != nil || !hasVideoConfiguration { return hasAny }
        let span = Double(max(video.microseconds, audio.microseconds))
        return packets.count >= Self.mostPackets || hasAny && span >= bound(declared, limit)
    }

    /// Nothing arrives that could end the wait.
    func isStale(at wall: Int64, declared: (video: Bool?, audio: Bool?), limit: Duration) -> Bool {
        guard let since, hasAny else { return false }
        return Double(wall &- since) >= max(4 * limit.microseconds, bound(declared, limit))
    }

    /// Whether frames have to be decoded before the first one's stamp: it is shown no later than it is decoded.
    var beginsWithoutDelay: Bool { ((known?.offset ?? firstOffset) ?? 1) <= 0 }

    /// Every configuration that has come, the first of each track: known before the first frame is placed.
    var firstConfigurations: [Packet] {
        var found: Set<MediaKind> = []
        return packets.prefix(known?.packets ?? packets.count).map(\.packet).filter {
            $0.isConfiguration && found.insert($0.kind).inserted
        }
    }

    /// The init sections that the packets' configurations give.
    var layout: [MediaKind: ByteBuffer] {
        var sections: [MediaKind: ByteBuffer] = [:]
        for (packet, _) in packets {
            switch packet {
            case .video(let packet):
                guard case .configuration(let record) = packet.payload, record.readableBytes > 0 else { continue }
                let found = try? VideoConfiguration(codec: packet.codec, record: Array(record.readableBytesView))
                if let found { sections[.video] = InitializationSegment.video(found) }
            case .audio(let packet):
                guard case .configuration(let record) = packet.payload, record.readableBytes > 0 else { continue }
                let found = try? AudioConfiguration(codec: packet.codec, record: Array(record.readableBytesView))
                if let found { sections[.audio] = InitializationSegment.audio(found) }
            }
        }
        return sections
    }

    mutating func takePackets() -> [(packet: Packet, wall: Int64)] {
        defer { packets = [] }
        return packets
    }
}
