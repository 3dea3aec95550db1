import NIOCore
import Seeded

@testable import Media

/// A publisher as they are: a frame rate, a keyframe interval and a sound, and whatever goes wrong with them.
///
/// Each frame carries a number in its bytes, so that it is found again in what was packaged, and with it the time that
/// the publisher meant.
struct CrookedPublisher: CustomStringConvertible {
    /// What goes wrong, and when, in seconds of media.
    enum Fault: Equatable {
        /// Stamps are off by up to this many milliseconds.
        case videoJitter(Int)
        case audioJitter(Int)
        /// Frames last 0.4 to 2.5 times as long as they should.
        case variableRate
        /// Both tracks' stamps go on elsewhere, by so many milliseconds.
        case jump(at: Double, by: Int)
        /// One track's stamps alone.
        case videoJump(at: Double, by: Int)
        /// One frame's stamp is elsewhere, by so many milliseconds.
        case strayStamp(at: Double, by: Int)
        case missingAudio(from: Double, to: Double)
        case missingVideo(from: Double, to: Double)
        /// Nothing comes, and the stamps tell.
        case stall(at: Double, for: Double)
        /// Every so manieth frame is lost.
        case lostFrames(every: Int)
        case lostSound(every: Int)
        case repeatedDecodeTime(every: Int)
        case newResolution(at: Double)
        case newSampleRate(at: Double)
        /// Seconds of media that sound is sent before the picture of the same time.
        case audioAhead(Double)
        case videoAhead(Double)
        /// The track's frames and its configuration begin later.
        case lateAudio(Double)
        case lateVideo(Double)
        /// Frames begin later than the configuration.
        case lateSound(Double)
        /// The publisher's clock against ours.
        case clock(Double)
        case truncated24
        case startsAt(milliseconds: Int64)
        /// Frames come for so many seconds of every so many.
        case bursts(of: Double, every: Double)
    }

    var rate = 30.0
    var sampleRate = 48_000
    var keyframeSeconds = 2.0
    var reordersFrames = false
    /// Frames are shown in another order than they are decoded, and keyframes when they are decoded: I P B B, whose
    /// offsets are 0, 2, -1 and -1 frames.
    var offsetsAreSigned = false
    var hasVideo = true
    var hasAudio = true
    var seconds = 16.0
    var declaresRate = true
    /// It announces which tracks it sends.
    var declaresTracks = false
    var faults: [Fault] = []

    var description: String {
        "\(rate) fps, \(sampleRate) Hz, key each \(keyframeSeconds) s, B \(reordersFrames) \(offsetsAreSigned), video \(hasVideo), "
            + "audio \(hasAudio), declares \(declaresRate), \(faults)"
    }

    /// The picture is away for a while, or its line breaks: nobody can foretell the keyframe that follows.
    var pictureBreaks: Bool {
        faults.contains { fault in
            switch fault {
            case .jump, .videoJump, .strayStamp, .missingVideo, .stall, .newResolution: true
            default: false
            }
        }
    }

    /// What is sent, in order.
    struct Sent {
        enum Packet { case video(VideoPacket), audio(AudioPacket) }
        let packet: Packet
        /// When it is sent, in seconds since the publish began.
        let at: Double
    }

    /// What the publisher meant with a frame.
    struct Meant {
        let kind: MediaKind
        /// Presentation time in seconds, as its stamps tell it.
        let time: Double
        /// How many jumps lie before it; nil where its stamp tells nothing of the other track.
        let era: Int?
    }

    // MARK: Bytes

    static func sps(width: UInt32, height: UInt32, profile: UInt32 = 66) -> [UInt8] {
        var bits = BitWriter()
        for byte: UInt32 in [0x67, profile, 0xc0, 31] { bits.write(byte, 8) }
        func code(_ value: UInt32) {
            let length = 32 - (value + 1).leadingZeroBitCount
            bits.write(0, length - 1)
            bits.write(value + 1, length)
        }
        for value: UInt32 in [0, 0, 2, 1] { code(value) }
        bits.write(0, 1)
        code(width / 16 - 1)
        code(height / 16 - 1)
        bits.write(0b11_0_0_1, 5)
        return bits.bytes
    }

    static func videoRecord(width: UInt32, height: UInt32, profile: UInt8 = 66) -> ByteBuffer {
        let set = sps(width: width, height: height, profile: UInt32(profile))
        return ByteBuffer(
            bytes: [1, profile, 0xc0, 31, 0xff, 0xe1, 0, UInt8(set.count)] + set + [1, 0, 4, 0x68, 0xce, 0x38, 0x80])
    }

    static func audioRecord(sampleRate: Int) -> ByteBuffer {
        ByteBuffer(bytes: sampleRate == 48_000 ? [0x11, 0x90] : sampleRate == 44_100 ? [0x12, 0x10] : [0x13, 0x90])
    }

    private static func videoFrame(_ id: Int, isSync: Bool) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0, 0, 0, 9, isSync ? 0x65 : 0x41])
        bytes.writeInteger(UInt64(id))
        return bytes
    }

    private static func audioFrame(_ id: Int) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0xa5])
        bytes.writeInteger(UInt64(id))
        return bytes
    }

    /// The number of a frame, by its bytes.
    static func id(of frame: ByteBuffer, kind: MediaKind) -> Int? {
        var frame = frame
        let head = kind == .video ? 5 : 1
        guard frame.readableBytes == head + 8, kind == .video || frame.getInteger(at: frame.readerIndex) == UInt8(0xa5)
        else { return nil }
        frame.moveReaderIndex(forwardBy: head)
        return frame.readInteger(as: UInt64.self).map { Int($0) }
    }

    // MARK: Sending

    private struct Frame {
        let packet: Sent.Packet
        /// When it is sent.
        let at: Double
        /// Order among those sent at once.
        let rank: Int
    }

    /// Everything that it sends, and what it meant by frame number.
    func send(random: inout SeededGenerator) -> (sent: [Sent], meant: [Int: Meant]) {
        var frames: [Frame] = []
        var meant: [Int: Meant] = [:]
        if hasVideo { makeVideo(&frames, &meant, &random) }
        if hasAudio { makeAudio(&frames, &meant, &random) }
        frames.sort { ($0.at, $0.rank) < ($1.at, $1.rank) }
        return (frames.map { Sent(packet: $0.packet, at: $0.at) }, meant)
    }

    /// A stamp of a moment, with every fault that is not a single frame's.
    private func stamp(
        _ time: Double, _ kind: MediaKind, jitter: Int, _ random: inout SeededGenerator
    ) -> (stamp: UInt32, said: Double) {
        var offset = 0.0
        var start: Int64 = 0
        var rate = 1.0
        var isTruncated = false
        for fault in faults {
            switch fault {
            case .jump(let at, let by) where time >= at: offset += Double(by) / 1_000
            case .videoJump(let at, let by) where kind == .video && time >= at: offset += Double(by) / 1_000
            case .startsAt(let milliseconds): start = milliseconds
            case .clock(let factor): rate = factor
            case .truncated24: isTruncated = true
            default: break
            }
        }
        let shake = jitter == 0 ? 0 : Int.random(in: -jitter...jitter, using: &random)
        let said = (time + offset) * rate
        var milliseconds = start + Int64((said * 1_000).rounded()) + Int64(shake)
        if isTruncated { milliseconds &= 0xff_ffff }
        return (UInt32(truncatingIfNeeded: milliseconds), said)
    }

    /// How many jumps lie before `time`; nil where a track has jumped alone, and sound and picture no longer tell of
    /// each other.
    private func era(_ time: Double) -> Int? {
        var era = 0
        for fault in faults {
            if case .videoJump(let at, _) = fault, time >= at { return nil }
            if case .jump(let at, _) = fault, time >= at { era += 1 }
        }
        return era
    }

    private func isAway(_ time: Double, _ kind: MediaKind) -> Bool {
        faults.contains { fault in
            switch fault {
            case .missingAudio(let from, let to): kind == .audio && time >= from && time < to
            case .missingVideo(let from, let to): kind == .video && time >= from && time < to
            case .stall(let at, let seconds): time >= at && time < at + seconds
            case .lateAudio(let seconds), .lateSound(let seconds): kind == .audio && time < seconds
            case .lateVideo(let seconds): kind == .video && time < seconds
            case .bursts(let length, let every):
                kind == .video && time.truncatingRemainder(dividingBy: every) >= length
            default: false
            }
        }
    }

    private func makeVideo(_ frames: inout [Frame], _ meant: inout [Int: Meant], _ random: inout SeededGenerator) {
        let profile: UInt8 = offsetsAreSigned ? 77 : 66
        var jitter = 0
        var isVariable = false
        var (lost, repeated) = (Int.max, Int.max)
        var (ahead, begin, resolutionAt) = (0.0, 0.0, Double.infinity)
        var stray: (at: Double, by: Int)?
        for fault in faults {
            switch fault {
            case .videoJitter(let reach): jitter = reach
            case .variableRate: isVariable = true
            case .lostFrames(let every): lost = every
            case .repeatedDecodeTime(let every): repeated = every
            case .videoAhead(let seconds): ahead = seconds
            case .lateVideo(let seconds): begin = seconds
            case .newResolution(let at): resolutionAt = at
            case .strayStamp(let at, let by): stray = (at, by)
            default: break
            }
        }
        frames.append(
            Frame(
                packet: .video(
                    VideoPacket(
                        codec: .h264, timestampMilliseconds: 0,
                        payload: .configuration(Self.videoRecord(width: 640, height: 360, profile: profile)))),
                at: begin - ahead, rank: 0
            ))
        let group = Int((keyframeSeconds * rate).rounded())
        var time = 0.0
        var index = 0
        var sinceSync = 0
        var sinceKey = Double.infinity
        var highest = -Double.infinity
        var lastStamp: UInt32?
        while time < seconds {
            let step = isVariable ? Double.random(in: 0.4...2.5, using: &random) / rate : 1 / rate
            defer {
                time += step
                sinceKey += step
                index += 1
            }
            let isNew = time >= resolutionAt
            if isNew {
                resolutionAt = .infinity
                frames.append(
                    Frame(
                        packet: .video(
                            VideoPacket(
                                codec: .h264, timestampMilliseconds: 0,
                                payload: .configuration(Self.videoRecord(width: 320, height: 192, profile: profile)))),
                        at: time - ahead, rank: index))
            }
            let isSync = sinceKey >= keyframeSeconds - 0.5 / rate || isNew
            if isAway(time, .video) { continue }
            if isSync { sinceKey = 0 } else if index % lost == lost - 1 { continue }
            // Two B-frames behind each reference: the picture is shown a frame later than it is decoded, or three.
            var delay = reordersFrames && !isVariable ? (index % 3 == 0 ? 3 : 1) / rate : 0
            sinceSync = isSync ? 0 : sinceSync + 1
            if offsetsAreSigned && !isVariable { delay = Self.signedDelay(sinceSync, of: group) / rate }
            var (stamp, said) = stamp(time, .video, jitter: jitter, &random)
            var era = era(time)
            if let wild = stray, time >= wild.at {
                stamp = UInt32(truncatingIfNeeded: Int64(stamp) + Int64(wild.by))
                (stray, era) = (nil, nil)
            }
            if index % repeated == repeated - 1, let lastStamp, !isSync { (stamp, era) = (lastStamp, nil) }
            lastStamp = stamp
            // Stamps went back a little: what was shown cannot be shown again.
            if said < highest && said > highest - 0.6 { era = nil } else { highest = said }
            let id = meant.count + 1
            meant[id] = Meant(kind: .video, time: said + delay, era: era)
            frames.append(
                Frame(
                    packet: .video(
                        VideoPacket(
                            codec: .h264, timestampMilliseconds: stamp,
                            compositionOffsetMilliseconds: Int32((delay * 1_000).rounded()),
                            payload: .frame(Self.videoFrame(id, isSync: isSync)))), at: time - ahead, rank: index))
        }
    }

    /// In frames: groups of P, B and B as far as they are whole before the next keyframe.
    private static func signedDelay(_ sinceSync: Int, of group: Int) -> Double {
        guard sinceSync > 0 else { return 0 }
        let place = (sinceSync - 1) % 3
        guard sinceSync - place + 3 <= group else { return 0 }
        return place == 0 ? 2 : -1
    }

    private func makeAudio(_ frames: inout [Frame], _ meant: inout [Int: Meant], _ random: inout SeededGenerator) {
        var (jitter, lost, ahead, begin, rateAt) = (0, Int.max, 0.0, 0.0, Double.infinity)
        for fault in faults {
            switch fault {
            case .audioJitter(let reach): jitter = reach
            case .lostSound(let every): lost = every
            case .audioAhead(let seconds): ahead = seconds
            case .lateAudio(let seconds): begin = seconds
            case .newSampleRate(let at): rateAt = at
            default: break
            }
        }
        let other = sampleRate == 48_000 ? 44_100 : 48_000
        // A track that begins late begins with what it has by then.
        var hertz = rateAt <= begin ? other : sampleRate
        frames.append(
            Frame(
                packet: .audio(
                    AudioPacket(
                        codec: .aac, timestampMilliseconds: 0,
                        payload: .configuration(Self.audioRecord(sampleRate: hertz)))), at: begin - ahead, rank: 0)
        )
        if rateAt <= begin { rateAt = .infinity }
        var time = 0.0
        var index = 0
        while time < seconds {
            if time >= rateAt {
                rateAt = .infinity
                hertz = other
                frames.append(
                    Frame(
                        packet: .audio(
                            AudioPacket(
                                codec: .aac, timestampMilliseconds: 0,
                                payload: .configuration(Self.audioRecord(sampleRate: hertz)))), at: time - ahead,
                        rank: index))
            }
            defer {
                time += 1_024 / Double(hertz)
                index += 1
            }
            if isAway(time, .audio) || index % lost == lost - 1 { continue }
            let (stamp, said) = stamp(time, .audio, jitter: jitter, &random)
            let id = meant.count + 1
            meant[id] = Meant(kind: .audio, time: said, era: era(time))
            frames.append(
                Frame(
                    packet: .audio(
                        AudioPacket(
                            codec: .aac, timestampMilliseconds: stamp, payload: .frame(Self.audioFrame(id)))),
                    at: time - ahead, rank: index))
        }
    }
}
