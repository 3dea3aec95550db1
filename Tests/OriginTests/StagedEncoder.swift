import Media
import NIOCore
import Seeded

/// An encoder as its network shows it: packets at 30 and 46.875 frames a second, stamped from `firstTimestamp` on.
struct StagedEncoder {
    /// What becomes of media while the line stalls.
    enum Stall {
        /// It waits in a buffer and comes in a burst.
        case burst
        /// It is thrown away, and timestamps go on.
        case drop
        /// The encoder stands still: its timestamps do not go on.
        case pause
    }

    enum Packet {
        case video(VideoPacket)
        case audio(AudioPacket)
    }

    var hasVideo = true
    var hasAudio = true
    /// Milliseconds.
    var firstTimestamp: UInt32 = 0
    /// Frames from one keyframe to the next.
    var keyframeInterval = 60
    /// Each frame has bytes of its own, as those of a camera do.
    var isMoving = false
    /// Another picture size, so another configuration.
    var isOtherLayout = false
    /// From `at` microseconds of media on, timestamps are `by` milliseconds higher.
    var jump: (at: Int64, by: UInt32)?
    /// Microseconds by which packets may be late.
    var jitter: Int64 = 0
    /// Microseconds by which sound is sent later than the picture of the same time; earlier where negative.
    var soundLag: Int64 = 0
    private var random: SeededGenerator
    private let start: Int64
    private var nextVideo = 0
    private var nextAudio = 0
    private var hasConfigured = false
    private var paused: Int64 = 0
    private var stalledSince: Int64?

    init(at start: Int64, seed: UInt64 = 1) {
        self.start = start
        random = SeededGenerator(seed: seed)
    }

    private static let avcC = hex(
        "0164000affe100186764000aacd9447b0110000003001000000303c0f122596001000468efbcb0fdf8f800")

    private static func hex(_ text: String) -> ByteBuffer {
        var bytes = ByteBuffer()
        var digits = text[...]
        while let byte = UInt8(digits.prefix(2), radix: 16) {
            bytes.writeInteger(byte)
            digits = digits.dropFirst(2)
        }
        return bytes
    }

    /// What arrives by `now`, in order.
    mutating func packets(until now: Int64, stall: Stall? = nil) -> [Packet] {
        if let stall {
            let since = stalledSince ?? now
            stalledSince = since
            switch stall {
            case .burst: return []
            case .drop: _ = due(by: now)
            case .pause: paused += now - since
            }
            stalledSince = now
            return []
        }
        stalledSince = nil
        var packets: [Packet] = []
        if !hasConfigured {
            hasConfigured = true
            packets += configurations
        }
        return packets + due(by: now - (jitter > 0 ? Int64.random(in: 0...jitter, using: &random) : 0))
    }

    private var configurations: [Packet] {
        var packets: [Packet] = []
        if hasVideo {
            let record = isOtherLayout ? Self.avcC.withChangedLevel : Self.avcC
            packets.append(
                .video(
                    VideoPacket(
                        codec: .h264, timestampMilliseconds: firstTimestamp, payload: .configuration(record))))
        }
        if hasAudio {
            packets.append(
                .audio(
                    AudioPacket(
                        codec: .aac, timestampMilliseconds: firstTimestamp,
                        payload: .configuration(ByteBuffer(bytes: [0x11, 0x90])))))
        }
        return packets
    }

    private mutating func due(by now: Int64) -> [Packet] {
        let elapsed = now - start - paused
        var packets: [Packet] = []
        while true {
            let video = Int64(nextVideo) * 1_000_000 / 30
            let audio = Int64(nextAudio) * 1_024_000_000 / 48_000
            let videoSent = hasVideo ? video + max(0, -soundLag) : .max
            let audioSent = hasAudio ? audio + max(0, soundLag) : .max
            guard min(videoSent, audioSent) <= elapsed else { return packets }
            if videoSent <= audioSent {
                let isKey = nextVideo % keyframeInterval == 0
                packets.append(
                    .video(
                        VideoPacket(
                            codec: .h264, timestampMilliseconds: stamp(video),
                            payload: .frame(frame([0, 0, 0, isMoving ? 10 : 2, isKey ? 0x65 : 0x41, 0x88], nextVideo))))
                )
                nextVideo += 1
            } else {
                packets.append(
                    .audio(
                        AudioPacket(
                            codec: .aac, timestampMilliseconds: stamp(audio),
                            payload: .frame(frame([0x21, 0x10, 0x04], nextAudio)))))
                nextAudio += 1
            }
        }
    }

    private func frame(_ head: [UInt8], _ number: Int) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: head)
        if isMoving { bytes.writeInteger(UInt64(number)) }
        return bytes
    }

    private func stamp(_ microseconds: Int64) -> UInt32 {
        let leap = jump.map { microseconds >= $0.at ? $0.by : 0 } ?? 0
        return firstTimestamp &+ leap &+ UInt32(truncatingIfNeeded: (microseconds + 500) / 1_000)
    }
}

extension ByteBuffer {
    /// An avcC that differs in its compatibility byte, as another encoder's would.
    fileprivate var withChangedLevel: ByteBuffer {
        var copy = self
        copy.setInteger(UInt8(0x0b), at: readerIndex + 3)
        return copy
    }
}
