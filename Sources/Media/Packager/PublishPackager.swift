import struct NIOCore.ByteBuffer

/// One publish from packets to parts: tracks are found, put on one time line, cut into segments and parts, and written
/// as CMAF.
///
/// Every decision about where to cut follows from timestamps, none from arrival; the clock is used for PROGRAM-DATE-TIME,
/// for bridging jumps and for how long to wait for a missing track.
package struct PublishPackager {
    private enum Arrived {
        case video(VideoPacket)
        case audio(AudioPacket)
    }

    private let configuration: PackagerConfiguration
    private var plan: SegmentPlan
    private let continuation: PublishContinuation?
    private let beganAt: Int64?
    private var line: PublishLine
    private var programDates: ProgramDates
    private var lineIsTold = false
    private var layoutIsKept = true
    private var video: VideoTrack?
    private var audio: AudioTrack?
    private var declared: (video: Bool?, audio: Bool?) = (nil, nil)
    private var declaredFrameRate: Double?

    // Before the start: packets wait here until every expected track has shown its configuration.
    private var waiting: [(Arrived, wall: Int64)] = []
    private var waitingSince: Int64?
    private var hasVideoConfiguration = false
    private var hasAudioConfiguration = false
    private var isRunning = false
    private var warned: Set<PackagerWarning> = []
    private var isRefused = false

    private static let waitingPackets = 2_000

    /// - Parameters:
    ///   - firstSequence: numbers the first segment.
    ///   - continuation: where an earlier publish left the same playlists.
    ///   - beganAt: wall-clock time of the first frame, microseconds since 1970, where it was agreed on; without it, when
    ///     the frame comes.
    package init(
        configuration: PackagerConfiguration, firstSequence: Int64, continuing continuation: PublishContinuation? = nil,
        beganAt: Int64? = nil
    ) {
        self.beganAt = beganAt
        self.configuration = configuration
        self.continuation = continuation
        line = PublishLine(continuing: continuation)
        programDates = ProgramDates(offset: continuation?.dateOffset)
        plan = SegmentPlan(firstSequence: firstSequence)
    }

    // MARK: In

    /// Takes what the publisher announced: nil where it said nothing.
    package mutating func declare(hasVideo: Bool?, hasAudio: Bool?, frameRate: Double?) {
        declared = (hasVideo ?? declared.video, hasAudio ?? declared.audio)
        declaredFrameRate = frameRate ?? declaredFrameRate
    }

    package mutating func video(_ packet: VideoPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        if case .configuration(let record) = packet.payload, record.readableBytes > 0 { hasVideoConfiguration = true }
        if packet.codec == .av1 { hasVideoConfiguration = true }
        take(.video(packet), at: wall, into: &events)
    }

    package mutating func audio(_ packet: AudioPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        if case .configuration = packet.payload { hasAudioConfiguration = true }
        take(.audio(packet), at: wall, into: &events)
    }

    /// Lets the wait for a missing track end.
    package mutating func tick(at wall: Int64, into events: inout [PackagerEvent]) {
        if !isRunning, !waiting.isEmpty, waitIsOver(at: wall) { start(into: &events) }
    }

    /// Closes what is open. The publish is over.
    package mutating func finish(into events: inout [PackagerEvent]) {
        if !isRunning, !waiting.isEmpty { start(into: &events) }
        flushAudio(upTo: .max, into: &events)
        video?.finish(into: &events)
        audio?.finish(into: &events)
    }

    private mutating func take(_ packet: Arrived, at wall: Int64, into events: inout [PackagerEvent]) {
        guard !isRefused else { return }
        guard !isRunning else { return process(packet, at: wall, into: &events) }
        waitingSince = waitingSince ?? wall
        waiting.append((packet, wall))
        if waitIsOver(at: wall) { start(into: &events) }
    }

    private func waitIsOver(at wall: Int64) -> Bool {
        let videoIsSettled = hasVideoConfiguration || declared.video == false
        let audioIsSettled = hasAudioConfiguration || declared.audio == false
        if videoIsSettled && audioIsSettled { return hasVideoConfiguration || hasAudioConfiguration }
        guard let waitingSince else { return false }
        guard hasVideoConfiguration || hasAudioConfiguration || waiting.count >= Self.waitingPackets else {
            return false
        }
        // By timestamps, which are the same wherever the stream goes; the clock helps where none come.
        return waitingMilliseconds * 1_000 >= configuration.trackWait.microseconds
            || Double(wall - waitingSince) >= configuration.trackWait.microseconds * 2
            || waiting.count >= Self.waitingPackets
    }

    /// From the first waiting frame to the last. Configurations may bear any timestamp.
    private var waitingMilliseconds: Double {
        let stamps = waiting.compactMap { packet, _ -> UInt32? in
            switch packet {
            case .video(let packet): if case .frame = packet.payload { packet.timestampMilliseconds } else { nil }
            case .audio(let packet): if case .frame = packet.payload { packet.timestampMilliseconds } else { nil }
            }
        }
        guard let first = stamps.first, let last = stamps.last, last > first else { return 0 }
        return Double(last - first)
    }

    private mutating func start(into events: inout [PackagerEvent]) {
        isRunning = true
        let packets = waiting
        waiting = []
        if let continuation { layoutIsKept = layout(of: packets.map(\.0)) == continuation.initSections }
        for (packet, wall) in packets { process(packet, at: wall, into: &events) }
    }

    private mutating func process(_ packet: Arrived, at arrival: Int64, into events: inout [PackagerEvent]) {
        let wall = lineIsTold ? arrival : beganAt ?? arrival
        switch packet {
        case .video(let packet): processVideo(packet, at: wall, into: &events)
        case .audio(let packet): processAudio(packet, at: wall, into: &events)
        }
    }

    /// The init sections that the packets' configurations give.
    private func layout(of packets: [Arrived]) -> [MediaKind: ByteBuffer] {
        var sections: [MediaKind: ByteBuffer] = [:]
        for packet in packets {
            switch packet {
            case .video(let packet):
                guard case .configuration(let record) = packet.payload, record.readableBytes > 0 else { continue }
                let found = try? VideoConfiguration(codec: packet.codec, record: Array(record.readableBytesView))
                if let found { sections[.video] = InitializationSegment.video(found) }
            case .audio(let packet):
                guard case .configuration(let record) = packet.payload else { continue }
                let found = try? AudioConfiguration(codec: packet.codec, record: Array(record.readableBytesView))
                if let found { sections[.audio] = InitializationSegment.audio(found) }
            }
        }
        return sections
    }

    private mutating func tellLine(_ kind: MediaKind, isJump: Bool, into events: inout [PackagerEvent]) {
        guard isJump || !lineIsTold else { return }
        let isFirst = !lineIsTold
        lineIsTold = true
        events.append(
            .line(
                LineState(
                    dateOffset: programDates.date(at: 0), timestampShift: line.shift(of: kind),
                    isContinuous: !isFirst || line.isContinuous && layoutIsKept)))
    }

    // MARK: Video

    private mutating func processVideo(_ packet: VideoPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        switch packet.payload {
        case .end: return
        case .configuration(let record):
            // ffmpeg's first AV1 header is empty: the key frame brings its own.
            guard record.readableBytes > 0 else { return }
            configureVideo(packet.codec, record: Array(record.readableBytesView), into: &events)
        case .frame(let bytes):
            if video == nil, packet.codec == .av1,
                let found = AV1Configuration(keyFrame: Array(bytes.readableBytesView)[...])
            {
                configureVideo(VideoConfiguration.av1(found), into: &events)
            }
            guard bytes.readableBytes > 0, video != nil else { return }
            let (time, isJump) = line.place(
                .video, milliseconds: packet.timestampMilliseconds, nanosecondOffset: packet.nanosecondOffset,
                wall: wall)
            if isJump { warn(.timestampJump(kind: .video), into: &events) }
            programDates.note(time + Int64(packet.compositionOffsetMilliseconds) * 1_000, wall: wall)
            tellLine(.video, isJump: isJump, into: &events)
            video?.frame(
                bytes, time: time, offsetMilliseconds: packet.compositionOffsetMilliseconds, isJump: isJump,
                plan: &plan, dates: programDates, into: &events)
            if let seconds = video?.takeLongGOP() { longGOP(seconds, into: &events) }
            flushAudio(upTo: time, into: &events)
        }
    }

    private mutating func configureVideo(_ codec: VideoCodec, record: [UInt8], into events: inout [PackagerEvent]) {
        do throws(MediaError) {
            configureVideo(try VideoConfiguration(codec: codec, record: record), into: &events)
        } catch {
            warn(.badConfiguration(error.description), into: &events)
        }
    }

    private mutating func configureVideo(_ found: VideoConfiguration, into events: inout [PackagerEvent]) {
        if video != nil {
            if video?.reconfigure(found) == true { warn(.layoutChanged(kind: .video), into: &events) }
        } else {
            video = VideoTrack(
                found, settings: configuration, declaredFrameRate: declaredFrameRate,
                fragments: continuation?.fragments[.video] ?? 0)
            // Sound alone has begun: from the picture's first keyframe on, the picture leads.
            if audio?.hasBegun == true { warn(.layoutChanged(kind: .video), into: &events) }
        }
    }

    private mutating func longGOP(_ seconds: Double, into events: inout [PackagerEvent]) {
        switch configuration.longGOP {
        case .cut: warn(.longGOP(seconds: seconds.rounded()), into: &events)
        case .refuse:
            isRefused = true
            events.append(.refused("\(PackagerWarning.longGOP(seconds: seconds))"))
        }
    }

    // MARK: Audio

    private mutating func processAudio(_ packet: AudioPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        switch packet.payload {
        case .end: return
        case .configuration(let record):
            let bytes = Array(record.readableBytesView)
            do throws(MediaError) {
                configureAudio(try AudioConfiguration(codec: packet.codec, record: bytes), into: &events)
            } catch {
                warn(.badConfiguration(error.description), into: &events)
            }
        case .frame(let bytes):
            guard bytes.readableBytes > 0, audio != nil else { return }
            let (time, isJump) = line.place(
                .audio, milliseconds: packet.timestampMilliseconds, nanosecondOffset: packet.nanosecondOffset,
                wall: wall)
            if isJump { warn(.timestampJump(kind: .audio), into: &events) }
            programDates.note(time, wall: wall)
            tellLine(.audio, isJump: isJump, into: &events)
            audio?.hold(bytes, time: time, isJump: isJump)
            // Where there is no picture, sound leads and waits for nobody.
            flushAudio(upTo: video == nil ? .max : video?.lastTime ?? .min, into: &events)
        }
    }

    private mutating func configureAudio(_ found: AudioConfiguration, into events: inout [PackagerEvent]) {
        if audio != nil {
            if audio?.reconfigure(found) == true { warn(.layoutChanged(kind: .audio), into: &events) }
        } else {
            audio = AudioTrack(
                found, settings: configuration, fragments: continuation?.fragments[.audio] ?? 0)
        }
    }

    private mutating func flushAudio(upTo time: Int64, into events: inout [PackagerEvent]) {
        guard audio != nil else { return }
        let isAhead = audio?.release(
            upTo: time, videoHasBegun: video?.hasBegun ?? false, hasVideo: video != nil, plan: &plan,
            dates: programDates, into: &events)
        if isAhead == true { warn(.audioAhead, into: &events) }
    }

    /// Each cause is told once a publish.
    private mutating func warn(_ warning: PackagerWarning, into events: inout [PackagerEvent]) {
        guard warned.count < 64, warned.insert(warning).inserted else { return }
        events.append(.warning(warning))
    }
}

/// Wall-clock time of moments on the publish's line: fixed by the first frame. Jumps are bridged so that it stays true.
struct ProgramDates: Sendable {
    private var offset: Int64?

    init(offset: Int64? = nil) { self.offset = offset }

    mutating func note(_ time: Int64, wall: Int64) {
        if offset == nil { offset = wall - time }
    }

    /// Microseconds since 1970 at `time` on the line.
    func date(at time: Int64) -> Int64 { time &+ (offset ?? 0) }
}
