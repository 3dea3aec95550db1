import struct NIOCore.ByteBuffer

/// The sound of a publish: frames end to end on the sample grid, silence where they are missing, segments cut where the
/// picture's are.
struct AudioTrack: Codable {
    private struct Held: Codable {
        let bytes: ByteBuffer
        let time: Int64
        /// Which of the track's configurations it needs.
        let generation: Int
        /// The line was bridged before it.
        let isJump: Bool
    }

    private let settings: PackagerConfiguration
    private var configuration: AudioConfiguration
    /// What later frames need; it takes effect where the line breaks.
    private var coming: AudioConfiguration?
    private var generation = 0
    private var clock = AudioClock()
    private var silence: Silence
    private var writer: TrackWriter
    private var held: [Held] = []
    private var initNumber: Int
    private var needsInit = true
    /// Where the next frame follows, in samples.
    private var end: Int64
    /// The publish ends: what is held is the last.
    private var isLast = false
    /// There is no picture: sound decides where segments are cut.
    private var leads = false
    /// What is left of a hole that was filled, in samples.
    private var remainder: Int64 = 0
    /// It joins at a segment above this number.
    private var joinsAbove: Int64 = -1
    /// It goes on with an earlier publish: its rendition exists.
    let isContinued: Bool

    private static let heldFrames = 2_000
    /// Microseconds by which a frame that is heard may come after its stamp.
    private static let latestPlace: Int64 = 100_000
    /// Microseconds to a discontinuity that silence need not fill.
    private static let shortestLeap: Int64 = 500_000

    init(
        _ configuration: AudioConfiguration, settings: PackagerConfiguration,
        continuation: PackagerContinuation.Track? = nil
    ) {
        self.settings = settings
        self.configuration = configuration
        silence = Silence(for: configuration)
        isContinued = continuation != nil
        initNumber = min(max(0, continuation?.initNumber ?? 0), .max / 2)
        end = min(max(0, continuation?.decodeTime ?? 0), 1 << 52)
        writer = TrackWriter(kind: .audio, timescale: configuration.sampleRate, position: end)
    }

    /// True once a segment has been opened, or where an earlier publish had one.
    var hasBegun: Bool { writer.isOpen || isContinued }
    var isOpen: Bool { writer.isOpen }
    /// Microseconds that a frame lasts.
    var frameMicroseconds: Int64 { microseconds(Int64(configuration.samplesPerFrame)) }
    /// The newest frame that waits for the picture, on the line.
    private(set) var newest: Int64?
    /// Up to where sound has been cut, on the line; nil before the first.
    var frontier: Int64? { writer.isOpen ? microseconds(end) : nil }
    var isEmpty: Bool { held.isEmpty }
    var oldest: Int64? { held.first?.time }
    /// Microseconds of sound that wait for the picture.
    var waiting: Int64 { Int64(held.count) * frameMicroseconds }
    /// The same with what the line leaps over meanwhile.
    var waitingAndLeapt: Int64 {
        zip(held, held.dropFirst()).reduce(waiting) { $1.1.isJump ? $0 + max(0, $1.1.time - $1.0.time) : $0 }
    }
    /// Where the sound that waits ends before its line leaps to another; nil where it does not.
    var endBeforeLeap: Int64? {
        zip(held, held.dropFirst()).first { $1.time - $0.time > PublishLine.forwardLimit }
            .map { $0.0.time + frameMicroseconds }
    }

    private func microseconds(_ samples: Int64) -> Int64 {
        Int64((Double(samples) / Double(configuration.sampleRate) * 1e6).rounded())
    }

    private func samples(_ microseconds: Int64, _ rule: FloatingPointRoundingRule = .toNearestOrAwayFromZero) -> Int64 {
        Int64((Double(microseconds) / 1e6 * Double(configuration.sampleRate)).rounded(rule))
    }

    /// Takes a configuration that may have changed. Returns true when it did.
    mutating func reconfigure(_ found: AudioConfiguration) -> Bool {
        guard found != (coming ?? configuration) else { return false }
        coming = found
        generation += 1
        // Before there is anything to part from, it simply is another.
        if !writer.isOpen { take(found) }
        return true
    }

    private mutating func take(_ found: AudioConfiguration) {
        let line = microseconds(end)
        if hasBegun { initNumber += 1 }
        (coming, needsInit) = (nil, true)
        guard found != configuration else { return }
        let isSameScale = found.sampleRate == configuration.sampleRate
        configuration = found
        silence = Silence(for: found)
        clock = AudioClock()
        guard !isSameScale else { return }
        // A player's timescale cannot change under a running track: a new writer goes on where the old one stood.
        end = samples(line, .up)
        writer = TrackWriter(kind: .audio, timescale: found.sampleRate, position: end)
    }

    /// It appears beside a picture that is under way: its first segment is the one after `sequence`.
    mutating func join(above sequence: Int64) { joinsAbove = sequence }

    /// Keeps a frame until it is known which segment it belongs to.
    mutating func hold(_ bytes: ByteBuffer, time: Int64, isJump: Bool) {
        held.append(Held(bytes: bytes, time: time, generation: generation, isJump: isJump))
        newest = max(newest ?? .min, time)
        if held.count > Self.heldFrames { held.removeFirst() }
    }

    // MARK: Frames

    /// Packages the frames that end before `time` on the line. Where the sound `leads`, it decides where segments are cut.
    mutating func release(
        before time: Int64, leads: Bool, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        var count = 0
        for frame in held {
            // It is put where the last one ended, which may be a little later than its stamp: no cut may be unknown there.
            let place = hasBegun ? max(frame.time, min(microseconds(end), frame.time + Self.latestPlace)) : frame.time
            guard place < time - frameMicroseconds || leads else { break }
            count += 1
            package(frame, leads: leads, plan: &plan, dates: dates, into: &events)
        }
        held.removeFirst(count)
    }

    /// The sound stays away while the picture has come to `moment`: what is missing becomes silence.
    mutating func keepSilent(
        until moment: Int64, plan: inout SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        if !writer.isOpen {
            // Players ask for every segment in all renditions: silence begins with the first.
            guard let cut = plan.next(after: joinsAbove, at: moment) else { return }
            begin(at: cut, plan: plan, dates: dates, into: &events)
        }
        // The picture is there to cut, whoever did before.
        leads = false
        guard leap(to: moment, at: .max, leads: false, plan: &plan, dates: dates, into: &events) else { return }
        fill(until: samples(moment), toTheLast: false, plan: &plan, dates: dates, into: &events)
    }

    private mutating func package(
        _ frame: Held, leads: Bool, plan: inout SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        if !writer.isOpen {
            if let cut = plan.segment(at: frame.time, above: joinsAbove) {
                begin(at: cut, plan: plan, dates: dates, into: &events)
            } else if leads {
                begin(at: plan.cut(at: max(frame.time, microseconds(end))), plan: plan, dates: dates, into: &events)
            }
        }
        guard let sequence = writer.sequence else { return }
        guard leap(to: frame.time, at: frame.time, leads: leads, plan: &plan, dates: dates, into: &events) else {
            return
        }
        if frame.generation != generation || coming != nil {
            // Silence leads up to where the line breaks; then the new configuration holds.
            let cut = plan.discontinuity(after: sequence, at: frame.time)
            if leads && cut == nil {
                // The next part of this segment has been hinted: a frame of silence keeps that true (6.2.6).
                if writer.isPartEmpty, !writer.isSegmentEmpty, !leadsToCut {
                    append(silence.bytes, lasting: Int64(silence.samples), plan: &plan, dates: dates, into: &events)
                }
                plan.breakLine()
                _ = plan.cut(at: max(frame.time, microseconds(end)))
            }
            guard let cut = cut ?? plan.discontinuity(after: sequence, at: .max) else { return }
            fill(until: samples(cut.time, .up), toTheLast: false, plan: &plan, dates: dates, into: &events)
            while let next = plan.next(after: writer.sequence ?? .max, at: cut.time) {
                open(next, plan: plan, dates: dates, into: &events)
            }
            guard frame.generation == generation, coming == nil else { return }
        }
        let count = Int64(configuration.sampleCount(of: frame.bytes.readableBytesView))
        let stamped = samples(frame.time)
        let rate = Double(configuration.sampleRate)
        if frame.isJump { clock.restart() }
        switch clock.judge(error: Double(stamped - end) / rate, frame: Double(count) / rate) {
        case .drop: return
        case .hole: fill(until: stamped, toTheLast: true, plan: &plan, dates: dates, into: &events)
        case .follows: break
        }
        self.leads = leads
        // A hole shorter than a frame: this one is heard that much early, and lasts until the next.
        let rest = endsSegment(within: count, plan: plan) ? 0 : remainder
        append(frame.bytes, lasting: count + rest, plan: &plan, dates: dates, into: &events)
        remainder -= rest
    }

    /// A segment ends within the next so many samples. What lasts so long is not made longer: the next segment begins
    /// less than a frame after the picture's.
    private func endsSegment(within count: Int64, plan: SegmentPlan) -> Bool {
        guard let sequence = writer.sequence else { return false }
        return plan.next(after: sequence, at: microseconds(end + count)).map { $0.time > microseconds(end) } ?? false
    }

    /// Passes over what lies between two lines, which silence need not fill. Returns false where the picture has not yet
    /// told where the new line begins.
    private mutating func leap(
        to moment: Int64, at time: Int64, leads: Bool, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) -> Bool {
        let limit = samples(PublishLine.forwardLimit)
        if leads, samples(moment) - end > limit, let sequence = writer.sequence,
            plan.discontinuity(after: sequence, at: time) == nil
        {
            plan.breakLine()
            _ = plan.cut(at: time, end: microseconds(end))
        }
        while let sequence = writer.sequence, let cut = plan.discontinuity(after: sequence, at: time),
            samples(cut.time) - end > samples(Self.shortestLeap)
        {
            // Where the picture has been, silence stands for the sound.
            fill(until: samples(cut.end), toTheLast: false, plan: &plan, dates: dates, into: &events)
            guard samples(cut.time) - end > samples(Self.shortestLeap) else { break }
            while let next = plan.next(after: writer.sequence ?? .max, at: cut.time) {
                if !next.isDiscontinuity {
                    fill(until: samples(next.time, .up), toTheLast: false, plan: &plan, dates: dates, into: &events)
                }
                // No segment is without a part.
                if writer.isSegmentEmpty {
                    append(silence.bytes, lasting: Int64(silence.samples), plan: &plan, dates: dates, into: &events)
                }
                if writer.sequence ?? .max < next.sequence { open(next, plan: plan, dates: dates, into: &events) }
            }
        }
        return samples(moment) - end <= 2 * samples(PublishLine.forwardLimit)
    }

    /// Whether sound that leads ends its segment here.
    private var leadsToCut: Bool {
        guard leads else { return false }
        let elapsed = Double(end - writer.segmentStart) / Double(configuration.sampleRate)
        return elapsed >= settings.segmentDuration.microseconds / 1e6 - 0.001
    }

    /// The picture cuts no more, and another part would make the segment longer than it may be.
    private var isLong: Bool {
        guard isLast else { return false }
        let elapsed = Double(end - writer.segmentStart) / Double(configuration.sampleRate)
        return elapsed + settings.partTarget.microseconds / 1e6 > settings.maximumSegmentDuration.microseconds / 1e6
            + 0.45
    }

    /// Frames of silence up to `stamped`. With `toTheLast` the last of them lasts as long as is left, and what is too
    /// short for one is left to the frame that follows.
    private mutating func fill(
        until stamped: Int64, toTheLast: Bool, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        let length = Int64(max(1, silence.samples))
        // What is longer lies between two lines.
        guard stamped - end <= 2 * samples(PublishLine.forwardLimit) else { return }
        let generation = initNumber
        // Where a new configuration takes effect meanwhile, samples are counted otherwise: what is left is filled next time.
        while initNumber == generation, stamped - end >= length {
            let rest = stamped - end - length
            let isLast = toTheLast && rest < length / 4 && !endsSegment(within: length, plan: plan)
            append(silence.bytes, lasting: isLast ? length + rest : length, plan: &plan, dates: dates, into: &events)
        }
        guard initNumber == generation, toTheLast, stamped > end else { return }
        if stamped - end >= length / 4 {
            append(silence.bytes, lasting: stamped - end, plan: &plan, dates: dates, into: &events)
        } else {
            remainder = stamped - end
        }
    }

    private mutating func append(
        _ bytes: ByteBuffer, lasting count: Int64, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        if leadsToCut || isLong, let sequence = writer.sequence, plan.next(after: sequence, at: .max) == nil {
            _ = plan.cut(at: microseconds(end))
        }
        let longest = Int64(settings.partTarget.microseconds / 1e6 * Double(configuration.sampleRate))
        if let sequence = writer.sequence, let next = plan.next(after: sequence, at: microseconds(end)) {
            open(next, plan: plan, dates: dates, into: &events)
        }
        if end + count - writer.position > longest { writer.closePart(at: end, into: &events) }
        writer.append(
            Sample(
                decodeTime: end, duration: UInt32(clamping: count), compositionOffset: 0, isSync: true, bytes: bytes))
        end += count
        // Another frame as long would not fit. Every cut up to here is known.
        if end + count - writer.position > longest {
            let isLast = writer.sequence.flatMap { plan.next(after: $0, at: microseconds(end)) } != nil || leadsToCut
            writer.closePart(at: end, isLikelyLast: isLast, into: &events)
        }
    }

    // MARK: Segments

    /// Begins at a cut of the plan: silence leads from there to the first frame.
    private mutating func begin(
        at cut: SegmentPlan.Cut, plan: SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        end = max(end, samples(cut.time, .up))
        clock.restart()
        open(cut, plan: plan, dates: dates, into: &events)
    }

    private mutating func open(
        _ cut: SegmentPlan.Cut, plan: SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) {
        writer.close(at: end, into: &events)
        let sequence = writer.sequence
        if let coming, cut.isDiscontinuity || sequence == nil { take(coming) }
        if needsInit {
            needsInit = false
            events.append(
                .track(
                    InitSection(
                        kind: .audio, number: initNumber, bytes: InitializationSegment.audio(configuration),
                        format: configuration.format,
                        discontinuitiesBefore: plan.discontinuities(before: cut.sequence))))
        }
        // After a break of the picture's line, sound goes on beside it.
        if cut.isDiscontinuity {
            end = max(end, samples(cut.time, .up))
            clock = AudioClock()
        }
        writer.open(
            SegmentStart(
                kind: .audio, sequence: cut.sequence, isDiscontinuity: cut.isDiscontinuity,
                programDateTimeMicroseconds: dates.date(at: microseconds(end)), startsIndependent: true),
            at: end, into: &events)
    }

    /// No picture follows that could tell where to cut.
    mutating func pictureHasEnded() { isLast = true }

    /// Closes what is open. The publish is over.
    mutating func finish(into events: inout [PackagerEvent]) { writer.close(at: end, into: &events) }

    /// Others have gone on with the playlist.
    mutating func interrupt(above sequence: Int64) {
        writer.abandon()
        held.removeAll()
        needsInit = true
        joinsAbove = sequence
        if let coming { take(coming) }
    }

    /// Its init section in force; nil where the next segment brings one.
    func initSection(discontinuitiesBefore: Int64) -> InitSection? {
        guard !needsInit else { return nil }
        return InitSection(
            kind: .audio, number: initNumber, bytes: InitializationSegment.audio(configuration),
            format: configuration.format, discontinuitiesBefore: discontinuitiesBefore)
    }

    /// Lets go of the bytes of the part under way.
    mutating func dropOpenPart() { writer.dropBytes() }

    /// Where a later publish goes on.
    func continuation(stamp: Stamp?, line: Int64) -> PackagerContinuation.Track {
        PackagerContinuation.Track(
            codec: configuration.codec.rawValue, configuration: configuration.record, initNumber: initNumber,
            timescale: configuration.sampleRate, decodeTime: end, lead: 0, stamp: stamp, line: line)
    }
}
