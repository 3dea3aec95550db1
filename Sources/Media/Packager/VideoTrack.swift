import struct NIOCore.ByteBuffer

/// The picture of a publish: frames onto their grid, segments cut at keyframes, parts at their frame count.
struct VideoTrack {
    private let settings: PackagerConfiguration
    private var configuration: VideoConfiguration
    private var announced: FrameDuration?
    private var clock: FrameClock?
    private var writer: TrackWriter
    private var initNumber = -1
    private var needsInit = true
    private var needsDiscontinuity = false
    private var segmentIsIndependent = true
    private var longGOP: Double?
    private var cadence = KeyframeCadence()
    /// Line time of the last frame, in microseconds.
    private(set) var lastTime: Int64?

    /// `fragments` is how many an earlier publish has written for the same rendition.
    init(
        _ configuration: VideoConfiguration, settings: PackagerConfiguration, declaredFrameRate: Double?,
        fragments: UInt32 = 0
    ) {
        writer = TrackWriter(kind: .video, timescale: 90_000, fragments: fragments)
        self.settings = settings
        self.configuration = configuration
        announced = configuration.frameDuration ?? declaredFrameRate.flatMap(FrameDuration.init(near:))
    }

    /// True once the first keyframe has come.
    var hasBegun: Bool { writer.sequence != nil }

    /// Takes a configuration that may have changed. Returns true when it did.
    mutating func reconfigure(_ found: VideoConfiguration) -> Bool {
        guard found != configuration else { return false }
        configuration = found
        announced = found.frameDuration ?? announced
        clock = nil
        needsInit = true
        needsDiscontinuity = true
        return true
    }

    /// Seconds without a keyframe, once for each cut that had to be made without one.
    mutating func takeLongGOP() -> Double? {
        defer { longGOP = nil }
        return longGOP
    }

    mutating func frame(
        _ bytes: ByteBuffer, time: Int64, offsetMilliseconds: Int32, isJump: Bool, plan: inout SegmentPlan,
        dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        let isSync = bytes.withUnsafeReadableBytes { configuration.isSync($0) }
        // Nothing before the first keyframe can be decoded.
        guard hasBegun || isSync else { return }
        lastTime = time
        let ticks = Double(time) * 0.09
        if isJump { clock = nil }
        let decodeTime = place(ticks)
        let frameTicks = clock?.frame.ticks ?? 3_000
        let offset = snappedOffset(offsetMilliseconds, frameTicks: frameTicks)
        let longest = Int64((settings.partTarget.microseconds * 0.09).rounded(.down))

        if isJump { needsDiscontinuity = true }
        closePartBeforeGap(decodeTime: decodeTime, frameTicks: frameTicks, longest: longest, into: &events)
        let presentation = Int64((Double(decodeTime + Int64(offset)) / 0.09).rounded())
        if let discontinuity = cutBefore(decodeTime, isSync: isSync, frameTicks: frameTicks, presentation, plan) {
            open(
                at: decodeTime, presentation: presentation, isSync: isSync, discontinuity: discontinuity, plan: &plan,
                dates: dates, into: &events)
        }
        writer.append(
            Sample(
                decodeTime: decodeTime, duration: clock?.nominalStep ?? 3_000, compositionOffset: offset,
                isSync: isSync, bytes: bytes))
        cadence.note(isSync: isSync)
        let perPart = settings.framesPerPart(frameTicks: frameTicks, timescale: 90_000)
        if writer.pendingCount >= perPart {
            let end = Double(decodeTime - writer.segmentStart) + frameTicks
            writer.closePart(isLikelyLast: isCutExpected(at: end / 90_000, frameTicks: frameTicks), into: &events)
        }
    }

    /// Whether a frame `elapsed` seconds into the segment is expected to begin the next one.
    private func isCutExpected(at elapsed: Double, frameTicks: Double) -> Bool {
        let target = settings.segmentDuration.microseconds * 0.09
        if cadence.expectsSync(assuming: Int((target / frameTicks).rounded())) && elapsed >= shortestElapsed {
            return true
        }
        return mustCut(at: elapsed)
    }

    /// Seconds after which a keyframe ends the segment. Nine tenths: a keyframe interval that is meant to be the target
    /// may fall a little short of it. A segment that began without a keyframe ends at the first.
    private var shortestElapsed: Double {
        segmentIsIndependent
            ? settings.segmentDuration.microseconds * 0.9 / 1e6 : settings.partTarget.microseconds / 1e6
    }

    /// Whether another part would make the segment longer than it may be.
    private func mustCut(at elapsed: Double) -> Bool {
        elapsed + settings.partTarget.microseconds / 1e6 > settings.maximumSegmentDuration.microseconds / 1e6
    }

    mutating func finish(into events: inout [PackagerEvent]) { writer.close(into: &events) }

    private mutating func place(_ ticks: Double) -> Int64 {
        if clock == nil {
            let frame = announced ?? FrameDuration(near: 30)
            guard let frame else { return Int64(ticks.rounded()) }
            clock = FrameClock(frame: frame, start: ticks)
            return Int64(ticks.rounded())
        }
        return clock?.place(ticks) ?? Int64(ticks.rounded())
    }

    /// The composition offset on the frame grid, where the stamp is within its rounding of it.
    private func snappedOffset(_ milliseconds: Int32, frameTicks: Double) -> UInt32 {
        let ticks = Double(max(0, min(milliseconds, 60_000))) * 90
        let grid = (ticks / frameTicks).rounded() * frameTicks
        return UInt32((abs(grid - ticks) <= 180 ? grid : ticks).rounded())
    }

    /// Frames are missing: the part under way ends before it would grow longer than the part target.
    private mutating func closePartBeforeGap(
        decodeTime: Int64, frameTicks: Double, longest: Int64, into events: inout [PackagerEvent]
    ) {
        guard let start = writer.partStart else { return }
        if Double(decodeTime - start) + frameTicks > Double(longest) + 1 {
            writer.closePart(nextDecodeTime: decodeTime, longest: longest, into: &events)
        }
    }

    /// Whether a segment begins with this frame; the value says whether it is a discontinuity.
    private mutating func cutBefore(
        _ decodeTime: Int64, isSync: Bool, frameTicks: Double, _ presentation: Int64, _ plan: SegmentPlan
    ) -> Bool? {
        guard let sequence = writer.sequence else { return plan.last != nil }
        if needsDiscontinuity { return true }
        // The other track had to cut because the picture stood still.
        if let planned = plan.last, planned.sequence > sequence, planned.time <= presentation { return false }
        let elapsed = Double(decodeTime - writer.segmentStart) / 90_000
        if isSync && elapsed >= shortestElapsed { return false }
        if writer.isPartEmpty, mustCut(at: elapsed) {
            if !isSync { longGOP = elapsed }
            return false
        }
        return nil
    }

    private mutating func open(
        at decodeTime: Int64, presentation: Int64, isSync: Bool, discontinuity: Bool, plan: inout SegmentPlan,
        dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        needsDiscontinuity = false
        segmentIsIndependent = isSync
        var cut: SegmentPlan.Cut
        if let sequence = writer.sequence, let planned = plan.last, planned.sequence > sequence, !discontinuity {
            cut = planned
        } else {
            cut = plan.cut(at: presentation, isDiscontinuity: discontinuity)
        }
        let isBroken =
            cut.isDiscontinuity
            || writer.sequence.map { plan.hasDiscontinuity(after: $0, through: cut.sequence) } ?? false
        // The segment before is closed first: what it still holds needs the old init section.
        writer.close(into: &events)
        if needsInit {
            needsInit = false
            initNumber += 1
            events.append(
                .track(
                    InitSection(
                        kind: .video, number: initNumber, bytes: InitializationSegment.video(configuration),
                        format: format)))
        }
        writer.open(
            SegmentStart(
                kind: .video, sequence: cut.sequence, isDiscontinuity: isBroken,
                programDateTimeMicroseconds: dates.date(at: presentation), startsIndependent: isSync),
            decodeTime: decodeTime, gap: settings.segmentDuration.microseconds / 1e6, into: &events)
    }

    private var format: TrackFormat {
        var format = configuration.format
        format.frameRate = clock?.frame.rate ?? format.frameRate
        return format
    }
}
