import struct NIOCore.ByteBuffer

/// The picture of a publish: frames onto their grid, segments cut at keyframes, parts as long as whole frames allow.
struct VideoTrack: Codable {
    private(set) var configuration: VideoConfiguration
    private var announced: FrameDuration?
    private var clock: FrameClock?
    var writer: TrackWriter
    private var initNumber: Int
    /// Its init section has not been announced by this packager.
    private var needsInit = true
    /// What was said of it with its init section.
    private var told: TrackFormat?
    /// Nothing before the next keyframe can be decoded.
    var needsSync = true
    /// The next keyframe begins a segment, however short the one under way is.
    var cutsAtSync = false
    /// By how much presentation runs after decoding, in microseconds: fixed with each break of the line.
    private var lead: Int64?
    private var longGOP: LongGOP
    /// No frame of the segment under way that is shown before its first needs an earlier segment.
    private var entryIsClosed = true
    private var hasCaptions = false
    /// By how much frames are decoded before their stamps, in ticks: so that none is shown before it is decoded.
    private var shift: Int64 = 0
    private(set) var forecast: CutForecast
    private(set) var lastGrid: Int64?
    /// The longest that frames have lately been apart, in ticks.
    private var pace: Int64 = 0
    /// What stands for the picture until the next frame.
    private(set) var group = PictureGroup()
    /// The last part is the picture before, standing.
    var hasStood = false
    /// The segment under way holds gaps and no media.
    var segmentIsGap = false
    /// Where the part under way ends, as soon as the next frame tells whether its segment ends there too.
    private(set) var due: Int64?
    /// The last part has told that its segment ends with it.
    var endIsTold = false
    /// It goes on with an earlier publish: its rendition exists.
    let isContinued: Bool
    /// The longest a part may be, and the shortest, in ticks.
    let longest: Int64
    private let shortest: Int64

    private static let ticksPerMicrosecond = 0.09
    /// 5 ms in ticks: what is shorter is no part of its own.
    private static let shortestPart: Int64 = 450

    init(
        _ configuration: VideoConfiguration, settings: PackagerConfiguration, declaredFrameRate: Double?,
        continuation: PackagerContinuation.Track? = nil
    ) {
        self.configuration = configuration
        announced = configuration.frameDuration ?? declaredFrameRate.flatMap(FrameDuration.init(near:))
        let target = settings.partTarget.microseconds * Self.ticksPerMicrosecond
        longest = max(1, Int64(target.rounded(.down)))
        shortest = Int64((target * 0.85).rounded(.up))
        forecast = CutForecast(settings: settings)
        longGOP = LongGOP()
        isContinued = continuation != nil
        initNumber = min(max(0, continuation?.initNumber ?? 0), .max / 2)
        lead = continuation.map { min(max(0, $0.lead), 1_000_000) }
        writer = TrackWriter(
            kind: .video, timescale: 90_000, position: min(max(0, continuation?.decodeTime ?? 0), 1 << 52))
    }

    /// True once the first keyframe has come, or where an earlier publish's has.
    var hasBegun: Bool { writer.isOpen || isContinued }
    /// A segment is under way.
    var isOpen: Bool { writer.isOpen }
    /// Microseconds that a frame lasts.
    var frameMicroseconds: Int64 { Int64((frameTicks / Self.ticksPerMicrosecond).rounded()) }
    /// Frames are further apart than a part is long, or have lately been.
    var isSlow: Bool { max(Int64(frameTicks), pace) > longest }
    private var isEven: Bool { clock?.isEven ?? true }
    private var frameTicks: Double { (clock?.frame ?? announced)?.ticks ?? 3_000 }

    /// Every cut before this moment on the line is made; nil before the first.
    var frontier: Int64? {
        guard writer.isOpen else { return nil }
        return writer.lastPending.map { moment($0) + 1 } ?? moment(writer.position)
    }

    /// Where a decode time lies on the line, in microseconds.
    func moment(_ ticks: Int64) -> Int64 {
        Int64((Double(ticks) / Self.ticksPerMicrosecond).rounded()) + (lead ?? 0)
    }

    func ticks(_ moment: Int64) -> Int64 {
        Int64((Double(moment - (lead ?? 0)) * Self.ticksPerMicrosecond).rounded(.up))
    }

    /// Takes a configuration that may have changed. Returns true when it did.
    mutating func reconfigure(_ found: VideoConfiguration) -> Bool {
        guard found != configuration else { return false }
        configuration = found
        announced = found.frameDuration ?? announced
        clock = nil
        if writer.isOpen || isContinued { initNumber += 1 }
        needsInit = true
        needsSync = true
        cutsAtSync = true
        group.forget()
        return true
    }

    /// What there is to say of cuts that had to be made without a keyframe, once.
    mutating func takeLongGOP() -> PackagerWarning? { longGOP.take() }

    /// Captions stand in a frame.
    mutating func noteCaptions() { hasCaptions = true }

    // MARK: Frames

    /// - Parameters:
    ///   - time: its decode time on the line, in microseconds.
    ///   - floor: up to where sound has been cut; a segment that breaks the line begins after it.
    mutating func frame(
        _ bytes: ByteBuffer, _ access: RandomAccess, time: Int64, offsetMilliseconds: Int32, isJump: Bool,
        floor: Int64?, plan: inout SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        let isSync = access.isEntry
        if isSync { entryIsClosed = access == .closed }
        let stamped = Double(time) * Self.ticksPerMicrosecond
        if isJump {
            clock?.restart(at: stamped)
            cutsAtSync = true
        }
        let stampedOffset = snappedOffset(offsetMilliseconds)
        decodeEarlier(for: stampedOffset)
        let grid = place(stamped) - shift
        // A hole that no frame may bridge: what follows it begins anew.
        if isJump, writer.isOpen, grid - (writer.lastPending ?? writer.position) > longest { needsSync = true }
        guard isSync || !needsSync else { return }
        var isCut = isSync && Double(grid - writer.segmentStart) / 90_000 >= forecast.shortestElapsed
        // Another part of this segment has been hinted, and no time is left for it.
        if hasStood, !endIsTold, grid - writer.position < Self.shortestPart { isCut = false }
        if due != nil {
            closeDuePart(isLast: isCut || isSync && cutsAtSync && (plan.breaks || needsInit), into: &events)
        }
        let step = Int64(frameTicks.rounded())
        let offset = stampedOffset + shift
        if !writer.isOpen || isSync && cutsAtSync && (plan.breaks || needsInit) {
            begin(at: grid, offset: offset, floor: floor, plan: &plan, dates: dates, into: &events)
        } else {
            fill(upTo: grid, step: step, isCut: isCut, plan: &plan, dates: dates, into: &events)
            if isCut {
                closePart(before: grid, into: &events)
                open(at: writer.position, isIndependent: true, plan: &plan, dates: dates, into: &events)
            } else if segmentIsGap, writer.isPartEmpty,
                writer.position - writer.segmentStart >= CutForecast.leastSegment
            {
                // 4.4.4.7: a segment is media or a gap. Where this frame needs others, they are decoded before it.
                open(
                    at: writer.position, isIndependent: isSync || group.isWhole, plan: &plan, dates: dates,
                    into: &events)
                if !isSync { repeatPicture() }
            } else if writer.isPartEmpty, !isSync, isSlow, group.isWhole, mustCut(at: writer.position) {
                // Slow frames are few: decoded before this one, they make its segment independent.
                open(at: writer.position, isIndependent: true, plan: &plan, dates: dates, into: &events)
                repeatPicture()
            } else if writer.isPartEmpty, mustCut(at: writer.position) {
                if !isSync { longGOP.cut(after: Double(grid - writer.segmentStart) / 90_000) }
                open(at: writer.position, isIndependent: isSync, plan: &plan, dates: dates, into: &events)
            }
        }
        (needsSync, hasStood) = (false, false)
        pace = isJump ? 0 : max(lastGrid.map { grid - $0 } ?? 0, pace - pace / 16)
        if let lastGrid, isJump || grid - lastGrid > step + step / 2 { forecast.lose() }
        lastGrid = grid
        forecast.note(isSync: isSync)
        longGOP.note(access, at: grid)
        group.note(bytes, shown: grid + offset, isSync: isSync, isFresh: access == .closed)
        append(
            bytes, grid: grid, step: step, offset: offset, isSync: isSync, lineBreaks: plan.breaks, into: &events)
    }

    private mutating func append(
        _ bytes: ByteBuffer, grid: Int64, step: Int64, offset: Int64, isSync: Bool, lineBreaks: Bool,
        into events: inout [PackagerEvent]
    ) {
        writer.append(
            Sample(
                decodeTime: grid, duration: UInt32(clamping: step), compositionOffset: Int32(clamping: offset),
                isSync: isSync,
                bytes: bytes))
        guard let placed = writer.lastPending else { return }
        // When the next frame is due: as soon as it would not fit, the part need not wait for it.
        let next = max(grid + step, placed + 1)
        let length = next - writer.position
        if !isEven {
            // The next frame decides.
            if placed - writer.position >= longest { writer.closePart(at: placed + 1, into: &events) }
        } else if length >= shortest, length + step > longest + longest / 300 {
            let end = writer.position + min(length, longest)
            let elapsed = Double(end - writer.segmentStart) / 90_000
            if forecast.nextFrameDecides(
                at: elapsed, frameTicks: frameTicks, breaks: cutsAtSync && (lineBreaks || needsInit))
            {
                due = end
            } else {
                endIsTold = forecast.isCutExpected(at: elapsed, frameTicks: frameTicks)
                writer.closePart(at: end, isLikelyLast: endIsTold, into: &events)
            }
        } else if length > longest {
            // A slow frame that begins before a part may end: its part ends within it.
            closePart(at: writer.position + shortest, into: &events)
        }
    }

    /// Closes the part that waited for the next frame, which has come: the playlist tells at once what follows.
    mutating func closeDuePart(isLast: Bool = false, into events: inout [PackagerEvent]) {
        if let due {
            endIsTold = isLast
            writer.closePart(at: due, isLikelyLast: isLast, into: &events)
        }
        due = nil
    }

    /// Makes room for a frame at `grid`: the part under way ends before it would grow too long, and the picture before
    /// stands up to there.
    private mutating func fill(
        upTo grid: Int64, step: Int64, isCut: Bool, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        if !writer.isPartEmpty, grid - writer.position >= shortest,
            !isEven || grid + step - writer.position > longest + longest / 300
        {
            closePart(before: grid, into: &events)
        }
        guard writer.isPartEmpty else { return }
        let (hole, endsSegment) = (grid - writer.position, isCut || segmentIsGap)
        // What is too little for a part of its own is left to the frame, which is decoded early and shown in time.
        let isLong = hole + step > longest && (step <= longest || hole >= longest / 3)
        let leastEnd = hasStood || segmentIsGap ? Self.shortestPart : min(step + step / 2, longest / 8)
        guard isLong || endsSegment && hole >= leastEnd else { return }
        idle(until: grid, endsSegment: endsSegment, plan: &plan, dates: dates, into: &events)
    }

    /// Ends the part under way where a frame at `grid` begins, or where it is as long as it may be.
    private mutating func closePart(before grid: Int64, into events: inout [PackagerEvent]) {
        closePart(at: min(grid, writer.position + longest), into: &events)
        // What is left before the frame is its own: it is decoded early and shown in time.
    }

    /// Ends the part under way, and tells whether its segment can take another.
    mutating func closePart(at end: Int64, into events: inout [PackagerEvent]) {
        guard !writer.isPartEmpty else { return }
        endIsTold = mustCut(at: end)
        writer.closePart(at: end, isLikelyLast: endIsTold, into: &events)
    }

    // MARK: Segments

    /// Begins a segment where the line breaks, or the first one: not before what is there already.
    private mutating func begin(
        at grid: Int64, offset: Int64, floor: Int64?, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        var start = grid
        // Sound was there alone: another layout.
        if !hasBegun && floor != nil { plan.breakLine() }
        let newLead = min(max(0, Int64((Double(offset) / Self.ticksPerMicrosecond).rounded())), 1_000_000)
        if writer.isOpen {
            writer.closePart(at: min(grid, writer.position + longest), into: &events)
            // Sound goes on to the cut, whatever the picture does: what lies before it must not be too long for one segment.
            let hole = grid - writer.position
            let isLong = moment(grid) + newLead - (lead ?? 0) - moment(writer.segmentStart) > forecast.longestStretch
            if hole <= Self.longestHole, needsInit && hole > longest || isLong {
                idle(until: grid, plan: &plan, dates: dates, into: &events)
                // The gap may have begun the new line already: dates that leap ask for another break.
                if newLead != lead { plan.breakLine() }
            }
            // Where frames are shown sooner after they are decoded than before, the moment of the cut would go back.
            let sooner = max(0, (lead ?? 0) - newLead)
            start = max(
                start, writer.segmentStart + CutForecast.leastSegment + Int64(Double(sooner) * Self.ticksPerMicrosecond)
            )
        }
        start = max(start, writer.position)
        // A hole stays open where the line breaks; where it goes on, the frame's part begins where the last one ended.
        if writer.isOpen, start - writer.position <= longest / 2, newLead == lead,
            writer.position >= writer.segmentStart + CutForecast.leastSegment
        {
            start = writer.position
        }
        lead = newLead
        if let floor { start = max(start, ticks(floor + 1)) }
        open(at: start, isIndependent: true, plan: &plan, dates: dates, into: &events)
    }

    mutating func open(
        at decodeTime: Int64, isIndependent: Bool, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        forecast.segmentIsIndependent = isIndependent
        (endIsTold, segmentIsGap) = (false, false)
        if needsInit && writer.isOpen { plan.breakLine() }
        let discontinuities = plan.discontinuities
        // The segment before is closed first: what it still holds needs the old init section.
        writer.close(at: decodeTime, into: &events)
        let cut = plan.cut(at: moment(decodeTime), end: moment(writer.position))
        if needsInit, isIndependent || !writer.isOpen {
            needsInit = false
            told = format
            events.append(
                .track(
                    InitSection(
                        kind: .video, number: initNumber, bytes: InitializationSegment.video(configuration),
                        format: format, discontinuitiesBefore: discontinuities)))
        }
        if isIndependent { cutsAtSync = false }
        writer.open(
            SegmentStart(
                kind: .video, sequence: cut.sequence, isDiscontinuity: cut.isDiscontinuity,
                programDateTimeMicroseconds: dates.date(at: moment(decodeTime)), startsIndependent: isIndependent,
                decodesAlone: entryIsClosed),
            at: decodeTime, into: &events)
    }

    /// Closes what is open. The publish is over.
    mutating func finish(into events: inout [PackagerEvent]) {
        closeDuePart(into: &events)
        let end = (writer.lastPending ?? writer.position) + Int64(frameTicks.rounded())
        writer.close(at: min(end, writer.position + longest), into: &events)
    }

    /// Others have gone on with the playlist: the next keyframe begins anew.
    mutating func interrupt() {
        writer.abandon()
        due = nil
        needsSync = true
        needsInit = true
        group.forget()
    }

    /// Whether the segment has to end at a decode time.
    func mustCut(at decodeTime: Int64) -> Bool {
        forecast.mustCut(at: Double(decodeTime - writer.segmentStart) / 90_000, frameTicks: frameTicks)
    }

    // MARK: Times

    private mutating func place(_ ticks: Double) -> Int64 {
        if let placed = clock?.place(ticks) { return placed }
        if let frame = announced ?? FrameDuration(near: 30) { clock = FrameClock(frame: frame, start: ticks) }
        return Int64(ticks.rounded())
    }

    /// The composition offset on the frame grid, where the stamp is within its rounding of it.
    private func snappedOffset(_ milliseconds: Int32) -> Int64 {
        let ticks = Double(max(-10_000, min(milliseconds, 10_000))) * 90
        let grid = (ticks / frameTicks).rounded() * frameTicks
        return Int64((abs(grid - ticks) <= 180 ? grid : ticks).rounded())
    }

    /// Decodes the track so much earlier that a frame of this offset is not shown before it is decoded. Once a part is
    /// closed it is too late for that: the offset is negative then.
    private mutating func decodeEarlier(for offset: Int64) {
        // Whole microseconds, so that no moment on the line moves: 9 ticks are 100.
        let missing = min((8 - offset - shift) / 9 * 9, Self.longestShift - shift)
        guard missing > 0 else { return }
        guard writer.isOpen else {
            shift += missing
            return
        }
        guard due == nil, writer.room >= missing, writer.decodeEarlier(by: missing) else { return }
        shift += missing
        lead = (lead ?? 0) + missing * 100 / 9
        lastGrid = lastGrid.map { $0 - missing }
    }

    /// A second in ticks.
    private static let longestShift: Int64 = 90_000

    /// Adds the picture before once more to the part under way.
    mutating func repeatPicture() {
        let lead = Int64((Double(lead ?? 0) * Self.ticksPerMicrosecond).rounded())
        for sample in group.samples(at: writer.position, lead: lead) { writer.append(sample) }
    }

    private var format: TrackFormat {
        var format = configuration.format
        format.frameRate = clock?.frame.rate ?? format.frameRate
        format.hasCaptions = hasCaptions
        return format
    }

    /// Its init section in force; nil where the next segment brings one.
    func initSection(discontinuitiesBefore: Int64) -> InitSection? {
        guard !needsInit else { return nil }
        return InitSection(
            kind: .video, number: initNumber, bytes: InitializationSegment.video(configuration),
            format: told ?? format, discontinuitiesBefore: discontinuitiesBefore)
    }

    /// Lets go of the bytes of the part under way, and of those that the next keyframe does without.
    mutating func dropOpenPart() {
        writer.dropBytes()
        group.dropBytes()
    }

    /// Where a later publish goes on.
    func continuation(stamp: Stamp?, line: Int64) -> PackagerContinuation.Track {
        PackagerContinuation.Track(
            codec: configuration.codec.rawValue, configuration: configuration.record, initNumber: initNumber,
            timescale: 90_000, decodeTime: writer.position, lead: lead ?? 0, stamp: stamp, line: line)
    }
}
