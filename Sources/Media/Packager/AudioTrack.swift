import struct NIOCore.ByteBuffer

/// The sound of a publish: frames end to end on the sample grid, segments cut where the picture's are.
struct AudioTrack {
    private struct Held {
        let bytes: ByteBuffer
        let time: Int64
        let isJump: Bool
    }

    private let settings: PackagerConfiguration
    private var configuration: AudioConfiguration
    private var clock: AudioClock
    private var writer: TrackWriter
    private var held: [Held] = []
    private var initNumber = -1
    private var needsInit = true
    private var needsCut = false

    /// How far sound may wait for the picture, in microseconds of media.
    private static let longestWait: Int64 = 1_000_000

    /// `fragments` is how many an earlier publish has written for the same rendition.
    init(_ configuration: AudioConfiguration, settings: PackagerConfiguration, fragments: UInt32 = 0) {
        self.settings = settings
        self.configuration = configuration
        clock = AudioClock(sampleRate: configuration.sampleRate)
        writer = TrackWriter(kind: .audio, timescale: Double(configuration.sampleRate), fragments: fragments)
    }

    var hasBegun: Bool { writer.sequence != nil }

    /// Takes a configuration that may have changed. Returns true when it did.
    mutating func reconfigure(_ found: AudioConfiguration) -> Bool {
        guard found != configuration else { return false }
        // A player's timescale cannot change under a running track: a new writer goes on where the old one stood.
        configuration = found
        clock = AudioClock(sampleRate: found.sampleRate)
        needsInit = true
        needsCut = true
        return true
    }

    /// Keeps a frame until it is known which segment it belongs to.
    mutating func hold(_ bytes: ByteBuffer, time: Int64, isJump: Bool) {
        held.append(Held(bytes: bytes, time: time, isJump: isJump))
    }

    /// Packages the frames up to `time` on the line. Returns true when frames had to go on without the picture.
    mutating func release(
        upTo time: Int64, videoHasBegun: Bool, hasVideo: Bool, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) -> Bool {
        var isAhead = false
        var count = 0
        let newest = held.last?.time ?? 0
        for frame in held {
            let hasWaited = newest - frame.time > Self.longestWait
            guard frame.time <= time || hasWaited else { break }
            count += 1
            if frame.time > time && videoHasBegun { isAhead = true }
            // Sound before the first picture has no segment to be in.
            if hasVideo && !videoHasBegun && writer.sequence == nil { continue }
            package(frame, leads: !hasVideo, plan: &plan, dates: dates, into: &events)
        }
        held.removeFirst(count)
        return isAhead
    }

    mutating func finish(into events: inout [PackagerEvent]) { writer.close(into: &events) }

    private mutating func package(
        _ frame: Held, leads: Bool, plan: inout SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        let samples = configuration.sampleCount(of: frame.bytes.readableBytesView)
        if frame.isJump { clock = AudioClock(sampleRate: configuration.sampleRate) }
        guard case .at(let placed) = clock.place(microseconds: frame.time, count: samples) else { return }
        let rate = Double(configuration.sampleRate)
        let time = Int64((Double(placed) / rate * 1e6).rounded())
        closePartBeforeGap(placed, samples: samples, into: &events)
        if let cut = cut(at: time, isJump: frame.isJump, leads: leads, plan: &plan) {
            open(cut, at: placed, time: time, plan: plan, dates: dates, into: &events)
        }
        guard writer.sequence != nil else { return }
        writer.append(
            Sample(
                decodeTime: placed, duration: UInt32(clamping: samples), compositionOffset: 0, isSync: true,
                bytes: frame.bytes))
        let perPart = settings.framesPerPart(frameTicks: Double(samples), timescale: rate)
        if writer.pendingCount >= perPart { writer.closePart(into: &events) }
    }

    private mutating func closePartBeforeGap(_ placed: Int64, samples: Int, into events: inout [PackagerEvent]) {
        guard let start = writer.partStart else { return }
        let longest = Int64(settings.partTarget.microseconds / 1e6 * Double(configuration.sampleRate))
        if placed - start + Int64(samples) > longest + 1 {
            writer.closePart(nextDecodeTime: placed, longest: longest, into: &events)
        }
    }

    /// The segment that begins with a frame at `time`, if one does.
    private mutating func cut(at time: Int64, isJump: Bool, leads: Bool, plan: inout SegmentPlan) -> SegmentPlan.Cut? {
        let planned = plan.segment(at: time)
        guard let sequence = writer.sequence else {
            return planned ?? (leads ? plan.cut(at: time, isDiscontinuity: false) : nil)
        }
        if needsCut || isJump {
            // A change of layout is a discontinuity on all renditions, wherever the picture stands.
            if let planned, planned.sequence > sequence, planned.isDiscontinuity { return planned }
            return plan.cut(at: time, isDiscontinuity: true)
        }
        if let planned, planned.sequence > sequence { return planned }
        let elapsed = Double(time) - Double(writer.segmentStart) / Double(configuration.sampleRate) * 1e6
        if leads {
            return elapsed >= settings.segmentDuration.microseconds - 1_000
                ? plan.cut(at: time, isDiscontinuity: false) : nil
        }
        // The picture stands still: sound keeps the segments within their limit.
        let limit = settings.maximumSegmentDuration.microseconds - settings.partTarget.microseconds
        return writer.isPartEmpty && elapsed >= limit ? plan.cut(at: time, isDiscontinuity: false) : nil
    }

    private mutating func open(
        _ cut: SegmentPlan.Cut, at placed: Int64, time: Int64, plan: SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        needsCut = false
        let isBroken =
            cut.isDiscontinuity && writer.sequence != nil
            || writer.sequence.map { plan.hasDiscontinuity(after: $0, through: cut.sequence) } ?? false
        writer.close(into: &events)
        if needsInit {
            needsInit = false
            initNumber += 1
            if writer.timescale != Double(configuration.sampleRate) {
                let sequence = writer.sequence
                writer = TrackWriter(
                    kind: .audio, timescale: Double(configuration.sampleRate), fragments: writer.fragmentNumber)
                if let sequence { writer.resume(after: sequence) }
            }
            events.append(
                .track(
                    InitSection(
                        kind: .audio, number: initNumber, bytes: InitializationSegment.audio(configuration),
                        format: configuration.format)))
        }
        writer.open(
            SegmentStart(
                kind: .audio, sequence: cut.sequence, isDiscontinuity: isBroken,
                programDateTimeMicroseconds: dates.date(at: time), startsIndependent: true),
            decodeTime: placed, gap: settings.segmentDuration.microseconds / 1e6, into: &events)
    }
}
