import struct NIOCore.ByteBuffer

/// One publish from packets to parts: tracks are found, put on one time line, cut into segments and parts, and written
/// as CMAF.
///
/// Everything follows from timestamps and from what it was started with, nothing from arrival. The clock is asked in two
/// places: for the date of a line that nobody has agreed on, and for how long a publisher was silent before its
/// timestamps jumped, in whole seconds. It is the last resort where a publisher sends too little to decide by.
package struct PublishPackager: Sendable {
    let configuration: PackagerConfiguration
    private let start: PackagerStart
    private var publish: PublishContinuation?
    private var beganAt: Int64?
    /// The same where origins agreed on it, less what came in a burst.
    private var began: Int64?
    private var lineIsTold = false
    private var layoutIsKept = true
    private(set) var plan: SegmentPlan
    private(set) var line: PublishLine
    private(set) var dates: ProgramDates
    private(set) var video: VideoTrack?
    private(set) var audio: AudioTrack?
    private var declared: (video: Bool?, audio: Bool?) = (nil, nil)
    private var declaredFrameRate: Double?
    /// The first frame's place on the line.
    private var firstLine: Int64?

    private var inBandSets = InBandSets()
    private var absence: Absence
    private var wait = StartWait()
    private(set) var isRunning = false
    private var warned: Set<PackagerWarning> = []
    /// Tracks of which a configuration came that cannot be used.
    private var misconfigured: Set<MediaKind> = []
    private var isRefused = false

    /// - Parameters:
    ///   - firstSequence: numbers the first segment.
    ///   - continuation: where an earlier publish left playlists that somebody has kept alive on the clock since.
    ///   - beganAt: wall-clock time of the first frame, microseconds since 1970, where it was agreed on; without it, when
    ///     the frame comes.
    package init(
        configuration: PackagerConfiguration, firstSequence: Int64, continuing continuation: PublishContinuation? = nil,
        beganAt: Int64? = nil
    ) {
        self.init(
            configuration: configuration,
            start: PackagerStart(
                firstSequence: firstSequence,
                programDate: beganAt.map(PackagerStart.ProgramDate.firstFrame) ?? .arrival))
        self.beganAt = beganAt
        publish = continuation
        absence = Absence(configuration, isContinued: continuation != nil)
        line = PublishLine(continuing: continuation)
        dates = ProgramDates(offset: continuation?.dateOffset)
    }

    package init(configuration: PackagerConfiguration, start: PackagerStart) {
        self.configuration = configuration
        self.start = start
        let continuation = start.continuation
        absence = Absence(configuration, isContinued: continuation != nil)
        plan = SegmentPlan(firstSequence: start.firstSequence, continuation: continuation)
        line = continuation.map(PublishLine.init) ?? PublishLine()
        dates = ProgramDates(offset: continuation?.programDateOffset)
        if let track = continuation?.video, let codec = VideoCodec(rawValue: track.codec),
            let found = try? VideoConfiguration(codec: codec, record: track.configuration)
        {
            video = VideoTrack(found, settings: configuration, declaredFrameRate: nil, continuation: track)
        }
        if let track = continuation?.audio, let codec = AudioCodec(rawValue: track.codec),
            let found = try? AudioConfiguration(codec: codec, record: track.configuration),
            found.sampleRate == track.timescale
        {
            audio = AudioTrack(found, settings: configuration, continuation: track)
        }
    }

    /// Where this publish's line stands now, for the packager of a publisher that returns; nil before the first segment.
    /// Take it after `finish`.
    package var continuation: PackagerContinuation? {
        guard let offset = dates.offset, video?.hasBegun == true || audio?.hasBegun == true else {
            return start.continuation
        }
        let track = { (kind: MediaKind, make: (Stamp?, Int64) -> PackagerContinuation.Track) in
            let last = line.last(kind)
            return make(last?.stamp, last?.line ?? 0)
        }
        return PackagerContinuation(
            nextSequence: plan.nextSequence, programDateOffset: offset, discontinuities: plan.discontinuities,
            video: video.flatMap { $0.hasBegun ? track(.video, $0.continuation) : nil },
            audio: audio.flatMap { $0.hasBegun ? track(.audio, $0.continuation) : nil })
    }

    /// False while no track has a configuration that can be used: nothing that comes can be packaged.
    package var hasTrack: Bool { video != nil || audio != nil || !wait.layout.isEmpty }

    // MARK: Handover

    /// The same without what its twin does not need: the media of parts that end before the next cut.
    var withoutOpenParts: PublishPackager {
        var packager = self
        packager.video?.dropOpenPart()
        packager.audio?.dropOpenPart()
        return packager
    }

    // MARK: In

    /// Takes what the publisher announced: nil where it said nothing.
    package mutating func declare(hasVideo: Bool?, hasAudio: Bool?, frameRate: Double?) {
        declared = (hasVideo ?? declared.video, hasAudio ?? declared.audio)
        declaredFrameRate = frameRate ?? declaredFrameRate
    }

    package mutating func video(_ packet: VideoPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        take(.video(packet), at: wall, into: &events)
    }

    package mutating func audio(_ packet: AudioPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        take(.audio(packet), at: wall, into: &events)
    }

    /// Lets the wait for a missing track end where nothing arrives that could end it.
    package mutating func tick(at wall: Int64, into events: inout [PackagerEvent]) {
        guard !isRunning else { return }
        let isOver = wait.isOver(declared: declared, limit: configuration.trackWait, at: wall)
        if isOver || wait.isStale(at: wall, declared: declared, limit: configuration.trackWait) {
            begin(into: &events)
        }
    }

    /// Others have gone on with the playlist while nothing came, and used the numbers below `sequence`: what is open is
    /// forgotten, and the next keyframe begins the segment of that number or a later one.
    package mutating func skip(to sequence: Int64) {
        plan.skip(to: sequence)
        video?.interrupt()
        audio?.interrupt(above: plan.nextSequence - 1)
        firstLine = nil
    }

    /// Closes what is open. The publish is over.
    package mutating func finish(into events: inout [PackagerEvent]) {
        if !isRunning, !wait.packets.isEmpty { begin(into: &events) }
        if let newest = audio?.newest, let stands = video?.frontier, video?.canStand == true, !plan.breaks,
            newest - stands > Absence.nearness
        {
            _ = video?.standStill(
                until: newest, from: stands, isLast: true, endOfSound: nil, plan: &plan, dates: dates, into: &events)
        }
        audio?.pictureHasEnded()
        flushAudio(before: .max, into: &events)
        video?.finish(into: &events)
        audio?.finish(into: &events)
    }

    private mutating func take(_ packet: StartWait.Packet, at wall: Int64, into events: inout [PackagerEvent]) {
        guard !isRefused else { return }
        guard !isRunning else { return process(packet, at: wall, into: &events) }
        wait.add(packet, at: wall)
        if wait.isOver(declared: declared, limit: configuration.trackWait, at: wall) { begin(into: &events) }
    }

    private mutating func begin(into events: inout [PackagerEvent]) {
        isRunning = true
        // A burst is dated by where the clock stood when its media was made.
        switch start.programDate {
        case .arrival: beganAt = beganAt ?? wait.pace.began
        case .firstFrame(let date): began = wait.pace.began(agreed: date)
        case .zeroStamp: break
        }
        if let publish { layoutIsKept = wait.layout == publish.initSections }
        // Every track is known before the first frame is placed.
        for packet in wait.firstConfigurations { configure(packet, into: &events) }
        // Frames that are shown in another order than they are decoded are decoded before they are shown: where the stamps
        // leave no time for that, the line does.
        if video?.configuration.mayReorder == true, wait.beginsWithoutDelay { line.makeRoom() }
        for (packet, wall) in wait.takePackets() { process(packet, at: wall, into: &events) }
    }

    private mutating func configure(_ packet: StartWait.Packet, into events: inout [PackagerEvent]) {
        switch packet {
        case .video(let packet):
            if case .configuration(let record) = packet.payload {
                configureVideo(packet.codec, record: record, into: &events)
            }
        case .audio(let packet):
            if case .configuration(let record) = packet.payload {
                configureAudio(packet.codec, record: record, into: &events)
            }
        }
    }

    private mutating func process(_ packet: StartWait.Packet, at arrival: Int64, into events: inout [PackagerEvent]) {
        let wall = lineIsTold ? arrival : began ?? beganAt ?? arrival
        switch packet {
        case .video(let packet): processVideo(packet, at: wall, into: &events)
        case .audio(let packet): processAudio(packet, at: wall, into: &events)
        }
    }

    // MARK: Times

    /// Puts a frame on the line.
    private mutating func place(
        _ kind: MediaKind, _ stamp: Stamp, presentation offset: Int64, frame: Int64, wall: Int64,
        into events: inout [PackagerEvent]
    ) -> (time: Int64, isJump: Bool) {
        let landing =
            switch start.programDate {
            case .arrival: wall &- offset &- (dates.offset ?? 0)
            case .firstFrame(let date): (began ?? date) &- offset &- (dates.offset ?? 0)
            case .zeroStamp(let date): stamp.total &+ date &- (dates.offset ?? 0)
            }
        let (time, isJump) = line.place(kind, stamp, frame: frame, wall: wall, landing: landing)
        if isJump {
            if !line.isPaired { plan.breakLine() }
            warn(.timestampJump(kind: kind), into: &events)
        }
        firstLine = firstLine ?? time
        switch start.programDate {
        case .arrival: dates.tie(time + offset, to: wall)
        case .firstFrame(let date): dates.tie(time + offset, to: began ?? date)
        case .zeroStamp(let date): dates.tie(time - stamp.total, to: date)
        }
        tellLine(shift: time &- stamp.total, isJump: isJump && !line.isPaired, into: &events)
        return (time, isJump)
    }

    private mutating func tellLine(shift: Int64, isJump: Bool, into events: inout [PackagerEvent]) {
        guard isJump || !lineIsTold else { return }
        let isFirst = !lineIsTold
        lineIsTold = true
        events.append(
            .line(
                LineState(
                    dateOffset: dates.date(at: 0), timestampShift: shift,
                    isContinuous: !isFirst || line.isContinuous && layoutIsKept)))
    }

    // MARK: Video

    private mutating func processVideo(_ packet: VideoPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        switch packet.payload {
        case .end: return
        case .configuration(let record): configureVideo(packet.codec, record: record, into: &events)
        case .frame(let bytes):
            let readable = read(bytes, packet.codec, into: &events)
            guard let frame = video?.frameMicroseconds else {
                return bytes.readableBytes > 0 ? warnOfNoConfiguration(.video, packet.codec.name, into: &events) : ()
            }
            guard let (bytes, access) = readable else { return }
            let offset = Int64(max(-10_000, min(packet.compositionOffsetMilliseconds, 10_000))) * 1_000
            let (time, isJump) = place(
                .video, packet.stamp, presentation: offset, frame: frame, wall: wall, into: &events)
            video?.frame(
                bytes, access, time: time, offsetMilliseconds: packet.compositionOffsetMilliseconds, isJump: isJump,
                floor: audio?.frontier, plan: &plan, dates: dates, into: &events)
            if let found = video?.takeLongGOP() { longGOP(found, into: &events) }
            absence.notePicture(at: time, newestSound: audio?.newest)
            settle(into: &events)
        }
    }

    /// A frame as it is stored, and whether decoding can start there; nil where nothing of it can be shown.
    private mutating func read(
        _ frame: ByteBuffer, _ codec: VideoCodec, into events: inout [PackagerEvent]
    ) -> (bytes: ByteBuffer, access: RandomAccess)? {
        guard frame.readableBytes > 0 else { return nil }
        if codec == .av1 { configureVideo(keyFrame: frame, into: &events) }
        if codec == .av1 || video?.configuration.codec == .av1 {
            guard let configuration = video?.configuration else { return nil }
            return (frame, frame.withUnsafeReadableBytes { configuration.access(of: $0) })
        }
        var size = video?.configuration.units?.lengthSize ?? 4
        let unit = frame.withUnsafeReadableBytes { AccessUnit($0, codec: codec, lengthSize: size) }
        if unit.hasParameterSets {
            let sets = frame.withUnsafeReadableBytes {
                AccessUnit.parameterSets(of: $0, codec: codec, lengthSize: size, framing: unit.framing)
            }
            inBandSets.take(sets, codec: codec)
        }
        if unit.framing == .broken { warn(.brokenFrame, into: &events) }
        guard unit.hasPicture else { return nil }
        if unit.access.isEntry { configureVideo(codec, pictureSet: unit.pictureSetID, into: &events) }
        guard let known = video?.configuration.units else { return nil }
        if unit.hasCaptions { video?.noteCaptions() }
        guard unit.mustRewrite else { return (frame, unit.access) }
        size = known.lengthSize
        guard let bytes = AccessUnit.rewrite(frame, codec: codec, lengthSize: size, framing: unit.framing) else {
            warn(.brokenFrame, into: &events)
            return nil
        }
        return (bytes, unit.access)
    }

    /// Parameter sets that came with the frames take effect where decoding can start.
    private mutating func configureVideo(_ codec: VideoCodec, pictureSet: UInt32?, into events: inout [PackagerEvent]) {
        do throws(MediaError) {
            let found = try inBandSets.configuration(
                after: video?.configuration, codec: codec, pictureSet: pictureSet)
            if let found { configureVideo(found, into: &events) }
        } catch {
            warn(.badConfiguration(error.description), into: &events)
        }
    }

    private mutating func configureVideo(
        _ codec: VideoCodec, record: ByteBuffer, into events: inout [PackagerEvent]
    ) {
        // ffmpeg's first AV1 header is empty: the key frame brings its own.
        guard record.readableBytes > 0 else { return }
        do throws(MediaError) {
            let found = try VideoConfiguration(codec: codec, record: Array(record.readableBytesView))
            configureVideo(found, into: &events)
        } catch {
            misconfigured.insert(.video)
            warn(.badConfiguration(error.description), into: &events)
        }
    }

    /// AV1 key frames carry their sequence header, which is another one after a change that no header announced.
    private mutating func configureVideo(keyFrame bytes: ByteBuffer, into events: inout [PackagerEvent]) {
        guard video?.configuration.isSequence(of: bytes) != true,
            let found = AV1Configuration(keyFrame: Array(bytes.readableBytesView.prefix(4_096))[...])
        else { return }
        configureVideo(VideoConfiguration.av1(found), into: &events)
    }

    private mutating func configureVideo(_ found: VideoConfiguration, into events: inout [PackagerEvent]) {
        if video != nil {
            guard video?.reconfigure(found) == true else { return }
            if video?.hasBegun == true { layoutChanged(.video, into: &events) }
        } else {
            video = VideoTrack(found, settings: configuration, declaredFrameRate: declaredFrameRate)
            // Sound alone has begun: from the picture's first keyframe on, the picture leads.
            if audio?.hasBegun == true { warn(.layoutChanged(kind: .video), into: &events) }
        }
    }

    private mutating func layoutChanged(_ kind: MediaKind, into events: inout [PackagerEvent]) {
        plan.breakLine()
        warn(.layoutChanged(kind: kind), into: &events)
    }

    private mutating func longGOP(_ warning: PackagerWarning, into events: inout [PackagerEvent]) {
        switch configuration.longGOP {
        case .cut: warn(warning, into: &events)
        case .refuse:
            isRefused = true
            events.append(.refused("\(warning)"))
        }
    }

    // MARK: Audio

    private mutating func processAudio(_ packet: AudioPacket, at wall: Int64, into events: inout [PackagerEvent]) {
        switch packet.payload {
        case .end: return
        case .configuration(let record): configureAudio(packet.codec, record: record, into: &events)
        case .frame(let bytes):
            guard bytes.readableBytes > 0 else { return }
            guard let frame = audio?.frameMicroseconds else {
                return warnOfNoConfiguration(.audio, packet.codec.name, into: &events)
            }
            let (time, isJump) = place(
                .audio, packet.stamp, presentation: 0, frame: frame, wall: wall, into: &events)
            audio?.hold(bytes, time: time, isJump: isJump)
            absence.noteSound(at: time, picture: video?.frontier)
            settle(into: &events)
        }
    }

    private mutating func configureAudio(
        _ codec: AudioCodec, record: ByteBuffer, into events: inout [PackagerEvent]
    ) {
        // From AAC in ADTS, ffmpeg sends an empty one first: the true one comes with its first frame.
        guard record.readableBytes > 0 else { return }
        do throws(MediaError) {
            let found = try AudioConfiguration(codec: codec, record: Array(record.readableBytesView))
            if audio != nil {
                guard audio?.reconfigure(found) == true else { return }
                if audio?.hasBegun == true { layoutChanged(.audio, into: &events) }
            } else {
                audio = AudioTrack(found, settings: configuration)
                // Sound that is sent later than its picture is no other layout: it begins where its stamps say.
                guard let stands = video?.frontier, stands - (firstLine ?? stands) > Absence.firstWait else { return }
                layoutChanged(.audio, into: &events)
                audio?.join(above: plan.nextSequence - 1)
            }
        } catch {
            misconfigured.insert(.audio)
            warn(.badConfiguration(error.description), into: &events)
        }
    }

    // MARK: Both

    /// Lets go of what is decided: sound up to where the picture stands, and what stands for a track that stays away.
    private mutating func settle(into events: inout [PackagerEvent]) {
        guard audio != nil else { return }
        if video == nil { return flushAudio(before: .max, into: &events) }
        if let newest = audio?.newest {
            if video?.hasBegun == true {
                let stands = video?.frontier ?? firstLine ?? newest
                let waiting = (plan.breaks ? audio?.waitingAndLeapt : audio?.waiting) ?? 0
                var end = absence.endOfGap(sound: newest, picture: stands, waiting: waiting)
                if end == nil, !plan.breaks, let video, video.isOpen, video.canStand {
                    end = absence.endOfStand(
                        sound: newest, picture: stands, waiting: waiting, isSlow: video.isSlow)
                }
                if let end {
                    let hasGaps = video?.standStill(
                        until: end, from: stands, endOfSound: audio?.endBeforeLeap, plan: &plan, dates: dates,
                        into: &events)
                    if hasGaps == true { warn(.trackMissing(kind: .video), into: &events) }
                }
            } else if let oldest = audio?.oldest, audio?.isOpen == true || newest - oldest > Absence.firstWait {
                // A picture that is known and does not come: sound goes on alone until then.
                return flushAudio(before: newest, into: &events)
            }
        }
        guard let frontier = video?.frontier else { return }
        flushAudio(before: frontier, into: &events)
        let stands = max(audio?.frontier ?? firstLine ?? frontier, plan.cuts.first?.time ?? .min)
        if audio?.isEmpty == true, let silence = absence.endOfSilence(picture: frontier, sound: stands) {
            if audio?.isOpen == true { warn(.trackMissing(kind: .audio), into: &events) }
            audio?.keepSilent(until: silence, plan: &plan, dates: dates, into: &events)
        }
    }

    private mutating func flushAudio(before time: Int64, into events: inout [PackagerEvent]) {
        let leads = video?.hasBegun != true
        audio?.release(before: time, leads: leads, plan: &plan, dates: dates, into: &events)
    }

    /// A configuration that cannot be used has been told already.
    private mutating func warnOfNoConfiguration(
        _ kind: MediaKind, _ codec: String, into events: inout [PackagerEvent]
    ) {
        if !misconfigured.contains(kind) { warn(.noConfiguration(kind: kind, codec: codec), into: &events) }
    }

    /// Each cause is told once a publish.
    private mutating func warn(_ warning: PackagerWarning, into events: inout [PackagerEvent]) {
        guard warned.count < 64, warned.insert(warning).inserted else { return }
        events.append(.warning(warning))
    }
}

/// Everything that what it makes of later packets follows from, once it has begun.
extension PublishPackager: Codable {
    private enum CodingKeys: String, CodingKey {
        case configuration, start, beganAt, began, lineIsTold, layoutIsKept, plan, line, dates, video, audio
        case declaredFrameRate, firstLine, inBandSets, absence, isRunning
    }
}
