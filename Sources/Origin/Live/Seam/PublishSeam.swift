import Media
import NIOCore

/// Joins what publishers send into one presentation that outlives each of them: it gives segments their numbers, and
/// lists gaps on the clock while media is absent (RFC 8216bis, 6.2.1).
///
/// The media of a publisher that is connected and silent is late rather than absent, and waited for: a gap would take its
/// place for good. Once the publisher is gone, a new part comes within a part target of the last.
///
/// It knows no clock and no playlist: give it a publisher's events and the time, and list the events it returns.
/// Where a stall lasts, gap follows gap on a grid that begins at the last part's end, so what a playlist says of a stall
/// depends on when media went and came back, not on when the clock was looked at.
struct PublishSeam {
    /// Where a segment begins in all renditions.
    struct Cut: Equatable {
        let sequence: Int64
        let time: Int64
        let isDiscontinuity: Bool
    }

    /// Microseconds.
    struct Limits {
        let part: Int64
        let segment: Int64
        let maximumSegment: Int64
        /// How long a publisher that is connected may be silent before a gap stands for its media.
        let silence: Int64

        init(_ packaging: PackagerConfiguration) {
            part = Self.microseconds(packaging.partTarget)
            segment = Self.microseconds(packaging.segmentDuration)
            maximumSegment = Self.microseconds(packaging.maximumSegmentDuration)
            silence = Self.microseconds(packaging.longestSilence)
        }

        private static func microseconds(_ duration: Duration) -> Int64 {
            duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        }
    }

    let limits: Limits
    private(set) var cuts: [Cut] = []
    var nextSequence: Int64
    /// Discontinuities so far, those before this presentation included.
    var discontinuities: Int64
    var video: SeamTrack?
    var audio: SeamTrack?

    /// The publisher's segment numbers, and ours where they are listed.
    private(set) var numbers: [Int64: Int64?] = [:]
    var line: LineState?
    private(set) var publishes = 0
    /// How far this publish's dates were moved because its line fell behind the clock.
    var dateShift: Int64 = 0
    /// A publisher has come back and none of its segments is listed yet.
    private var isJoining = false
    var mustBreak = false
    /// Stalls that are over and not taken out yet.
    var stalls: [StallReport] = []
    /// Gaps make segments as long as they may be: a twin origin lists media meanwhile, and its numbers must not fall
    /// behind these.
    var stretchesGaps = false

    /// How long a publisher may be silent that is known to send in bursts.
    var patience: Int64 = 0
    var silence: Int64 { max(limits.silence, patience) }

    /// Gaps stand for what did not come.
    var isGapping: Bool { video?.isGapping == true || audio?.isGapping == true }

    /// Less than this is rounding and jitter, and no gap.
    static let tolerance: Int64 = 20_000
    /// How much later than a part target the first gap comes where the publisher is gone, and how long it lasts. From there
    /// on what is listed ends a part target or more behind the clock: the room that a part of a publisher that is back needs.
    static let firstGap: Int64 = 200_000
    /// Longer holes are left to the dates: no stall that is kept alive is this long.
    private static let longestFill: Int64 = 900_000_000

    init(limits: Limits, firstSequence: Int64, discontinuities: Int64) {
        self.limits = limits
        nextSequence = firstSequence
        self.discontinuities = discontinuities
    }

    /// Something is listed.
    var hasMedia: Bool { video?.isListed == true || audio?.isListed == true }

    /// The first segment that a rendition gets whose init section was just made, when none has been begun.
    func beginning(of kind: MediaKind) -> Int64 { self[kind]?.last.map { $0 + 1 } ?? nextSequence }

    /// How many discontinuities there were before a segment.
    func discontinuities(before sequence: Int64) -> Int64 {
        discontinuities - Int64(cuts.count { $0.sequence >= sequence && $0.isDiscontinuity })
    }

    /// Changes with every init section.
    var initCount: Int { (video?.nextInit ?? 0) + (audio?.nextInit ?? 0) }

    /// How the dates of what is listed follow from timestamps.
    var lineInForce: LineState? {
        line.map {
            LineState(
                dateOffset: $0.dateOffset &+ dateShift, timestampShift: $0.timestampShift,
                isContinuous: $0.isContinuous)
        }
    }

    /// What the packager of a publisher that comes back needs; nil while there is nothing to continue.
    var continuation: PublishContinuation? {
        guard hasMedia, let line else { return nil }
        let offset = line.dateOffset + dateShift
        let sender = max(video?.sentBy ?? -1, audio?.sentBy ?? -1)
        var fragments: [MediaKind: UInt32] = [:]
        var sections: [MediaKind: ByteBuffer] = [:]
        for track in [video, audio].compactMap(\.self) {
            fragments[track.kind] = track.fragments
            // A rendition that was lost before is no part of the layout.
            if track.sentBy == sender, let section = track.initSection { sections[track.kind] = section.bytes }
        }
        return PublishContinuation(
            dateOffset: offset, timestampShift: line.timestampShift,
            // Far enough for one more gap, which the hint of the next part needs to come true.
            earliest: max(video?.end ?? .min, audio?.end ?? .min) + 2 * Self.tolerance - offset, fragments: fragments,
            initSections: sections)
    }

    /// A publisher takes up the presentation.
    mutating func publisherChanged() {
        publisherIsGone()
        stretchesGaps = false
        numbers.removeAll()
        dateShift = 0
        isJoining = hasMedia
        publishes += 1
        video?.publisherChanged()
        audio?.publisherChanged()
    }

    // MARK: Media in

    /// Takes what a packager made at `now` on the clock.
    mutating func take(_ event: PackagerEvent, at now: Int64, into events: inout [PackagerEvent]) {
        switch event {
        case .line(let line):
            self.line = line
            dateShift = 0
            if isJoining && !line.isContinuous { mustBreak = true }
        case .track(let section):
            if self[section.kind] == nil { self[section.kind] = SeamTrack(kind: section.kind) }
            let isKept = section.bytes == self[section.kind]?.initSection?.bytes
            self[section.kind]?.comingInit = isKept ? nil : section
        case .segment(let start): begin(start, at: now, into: &events)
        case .part(let part): append(part, at: now, into: &events)
        case .segmentEnd(let kind, let sequence, let duration):
            guard let track = self[kind], track.isOpen, !track.isGapping, track.source?.start.sequence == sequence,
                track.source?.target == track.last
            else { return }
            self[kind]?.sourceSeconds = duration
            close(kind, into: &events)
        case .gap, .discontinuity, .warning, .refused: return
        }
    }

    private mutating func begin(_ start: SegmentStart, at now: Int64, into events: inout [PackagerEvent]) {
        let (publishes, room) = (publishes, 2 * limits.part)
        self[start.kind]?.sentBy = publishes
        guard let track = self[start.kind] else { return }
        var target: Int64?
        if let known = numbers[start.sequence] {
            target = known
        } else {
            target = place(start, of: track, at: now, into: &events)
            numbers[start.sequence] = .some(target)
            if numbers.count > 128 { numbers = numbers.filter { $0.key > start.sequence - 64 } }
        }
        // Its time has been given to gaps, in part: sound may go on anywhere among them.
        if target == nil, start.kind == .audio, track.isGapping { target = track.last }
        let date = start.programDateTimeMicroseconds + dateShift
        var source = SeamTrack.Source(start: start, target: target, date: date)
        if let target {
            if bring(start.kind, to: target, until: date, into: &events) {
                if cut(numbered: target)?.isDiscontinuity == true, self[start.kind]?.last == target - 1,
                    self[start.kind]?.isOpen == false, track.isListed
                {
                    events.append(.discontinuity(start.kind))
                }
                // Its first part is on the way.
                if track.isGapping { self[start.kind]?.due = max(track.due, now + room) }
            } else {
                source.target = nil
            }
        }
        if source.target == nil { self[start.kind]?.isBroken = true }
        self[start.kind]?.source = source
    }

    /// The number that a segment gets which no rendition has begun yet; nil when its time has been given to gaps.
    private mutating func place(
        _ start: SegmentStart, of track: SeamTrack, at now: Int64, into events: inout [PackagerEvent]
    ) -> Int64? {
        var date = start.programDateTimeMicroseconds + dateShift
        var isBreak = start.isDiscontinuity || mustBreak
        if !isBreak, !isJoining,
            let made = cuts.last(where: { $0.sequence > track.last ?? .max && $0.time <= date + Self.tolerance })
        {
            // The other rendition had to go on alone.
            return made.sequence
        }
        let floor = track.last == nil ? max(video?.end ?? .min, audio?.end ?? .min) : track.end
        if (isJoining || track.isGapping) && date < floor - Self.tolerance / 2 {
            let late = noteLate(track.kind, date, at: now)
            guard isJoining || late.isLasting(with: date, at: now) else {
                // The break is the next one's that is listed.
                mustBreak = isBreak
                return nil
            }
            let behindGaps = max(video?.end ?? floor, audio?.end ?? floor) + 2 * Self.tolerance
            // Who has just come is where live is. A line that gains on the clock would be dated in the future in the end, the
            // more the later it is put.
            let target = isJoining || late.isGaining(with: date, at: now) ? behindGaps : max(now, behindGaps)
            dateShift += target - date
            date = target
            isBreak = true
        }
        if isJoining || track.isGapping {
            for kind in [MediaKind.video, .audio] {
                guard let track = self[kind], track.isListed, isJoining || track.isGapping else { continue }
                fill(kind, until: date, into: &events)
            }
        }
        isJoining = false
        mustBreak = false
        return cut(at: date, isDiscontinuity: isBreak).sequence
    }

    mutating func cut(at time: Int64, isDiscontinuity: Bool) -> Cut {
        let cut = Cut(
            sequence: nextSequence, time: max(time, (cuts.last?.time ?? .min) &+ 1), isDiscontinuity: isDiscontinuity)
        nextSequence += 1
        if isDiscontinuity { discontinuities += 1 }
        cuts.append(cut)
        if cuts.count > 64 { cuts.removeFirst(32) }
        return cut
    }

    func cut(numbered sequence: Int64) -> Cut? { cuts.last { $0.sequence == sequence } }

    /// Ends everything before segment `target`, so that it is the next to be opened. False when it cannot be listed.
    mutating func bring(
        _ kind: MediaKind, to target: Int64, until date: Int64, into events: inout [PackagerEvent]
    ) -> Bool {
        guard let track = self[kind] else { return false }
        if track.comingInit != nil, track.initSection != nil, cut(numbered: target)?.isDiscontinuity != true {
            // 6.2.1: other media needs a discontinuity, in all renditions: the next segment gets one.
            mustBreak = true
            return false
        }
        if !track.isListed {
            self[kind]?.last = target - 1
            self[kind]?.end = date
        }
        if let last = self[kind]?.last, last < target {
            if self[kind]?.isGapping == true || last + 1 < target { fill(kind, until: date, into: &events) }
            close(kind, into: &events)
            while let last = self[kind]?.last, last + 1 < target {
                openGap(kind, into: &events)
                close(kind, into: &events)
            }
        }
        if let coming = self[kind]?.comingInit, let last = self[kind]?.last, last < target {
            let section = coming.numbered(self[kind]?.nextInit ?? 0)
            self[kind]?.nextInit = section.number + 1
            self[kind]?.initSection = section
            self[kind]?.comingInit = nil
            events.append(.track(section))
        }
        return true
    }

    private mutating func append(_ part: Part, at now: Int64, into events: inout [PackagerEvent]) {
        let kind = part.kind
        self[kind]?.fragments &+= 1
        guard let date = self[kind]?.date(of: part) else { return leaveOut(part) }
        guard let track = self[kind], let source = track.source, let target = source.target, let last = track.last,
            last <= target || track.isGapping, track.comingInit == nil
        else {
            waitForLate(part, from: date, at: now)
            return leaveOut(part)
        }
        let isEntry = kind == .audio || part.index == 0 && source.start.startsIndependent
        // What is listed is not taken back, and decode times do not either.
        let isLate =
            (track.isGapping || track.isBroken)
            && (date < track.end - Self.tolerance / 2
                || Double(part.decodeTime) / part.timescale < track.decodeEnd - 0.001)
        guard !isLate, isEntry || !track.isBroken else {
            waitForLate(part, from: date, at: now)
            return leaveOut(part)
        }
        if last == target - 1 {
            close(kind, into: &events)
            open(kind, source.start, sequence: target, at: date, into: &events)
        } else {
            fill(kind, until: date, into: &events)
            if mustOpen(kind, at: date) {
                guard isEntry else { return leaveOut(part) }
                close(kind, into: &events)
                openGap(kind, into: &events)
            }
        }
        list(part, at: now, date: date, into: &events)
    }

    /// Whether a part that goes on in the publisher's segment begins a segment here: gaps stand before it, or the picture's
    /// gap was cut and the publisher does not know.
    private func mustOpen(_ kind: MediaKind, at date: Int64) -> Bool {
        guard let track = self[kind], let last = track.last, track.isOpen else { return true }
        if track.isGapping && (track.endIsHinted || !track.holdsMedia) { return true }
        guard kind == .audio, let next = cut(numbered: last + 1) else { return false }
        return next.time <= date
    }

    private mutating func list(_ part: Part, at now: Int64, date: Int64, into events: inout [PackagerEvent]) {
        reportStall(part.kind)
        guard var track = self[part.kind], let sequence = track.last else { return }
        events.append(.part(part.numbered(sequence: sequence, index: track.parts)))
        track.parts += 1
        track.seconds += part.duration
        track.end = date + Int64((part.duration * 1e6).rounded())
        track.decodeEnd = Double(part.decodeTime) / part.timescale + part.duration
        track.endIsHinted = part.isLikelyLast
        track.holdsMedia = track.holdsMedia || !part.isGap
        track.mediaEnd = track.end
        track.gaps = 0
        track.isBroken = false
        track.late = nil
        track.listedAt = now
        track.source?.target = sequence
        // A publisher that sends ahead of time has until its line says so, within reason.
        track.due = now + min(max(0, track.end - now), 10_000_000) + silence
        self[part.kind] = track
    }

    // MARK: Segments out

    private mutating func open(
        _ kind: MediaKind, _ start: SegmentStart?, sequence: Int64, at date: Int64, into events: inout [PackagerEvent]
    ) {
        self[kind]?.last = sequence
        self[kind]?.isOpen = true
        self[kind]?.start = date
        self[kind]?.end = date
        self[kind]?.parts = 0
        self[kind]?.holdsMedia = false
        self[kind]?.seconds = 0
        self[kind]?.sourceSeconds = nil
        self[kind]?.endIsHinted = false
        events.append(
            .segment(
                SegmentStart(
                    kind: kind, sequence: sequence, isDiscontinuity: cut(numbered: sequence)?.isDiscontinuity ?? false,
                    programDateTimeMicroseconds: date, startsIndependent: start?.startsIndependent ?? true,
                    decodesAlone: start?.decodesAlone ?? true)))
    }

    /// Opens the segment after the last one where what is listed ends.
    mutating func openGap(_ kind: MediaKind, into events: inout [PackagerEvent]) {
        guard let track = self[kind], let last = track.last else { return }
        let sequence = cut(numbered: last + 1)?.sequence ?? cut(at: track.end, isDiscontinuity: false).sequence
        open(kind, nil, sequence: sequence, at: track.end, into: &events)
    }

    /// Ends the segment under way.
    mutating func close(_ kind: MediaKind, into events: inout [PackagerEvent]) {
        guard let track = self[kind], track.isOpen, let last = track.last else { return }
        self[kind]?.isOpen = false
        // Where parts of it are missing or gaps were added, it lasts what its parts do.
        let said = track.sourceSeconds ?? track.seconds
        let seconds = abs(said - track.seconds) < 0.001 ? said : track.seconds
        events.append(.segmentEnd(kind, sequence: last, duration: seconds))
    }

    subscript(_ kind: MediaKind) -> SeamTrack? {
        get { kind == .video ? video : audio }
        set { if kind == .video { video = newValue } else { audio = newValue } }
    }

    mutating func fill(_ kind: MediaKind, until date: Int64, into events: inout [PackagerEvent]) {
        guard let end = self[kind]?.end, date - end < Self.longestFill else { return }
        while let end = self[kind]?.end, date - end >= Self.tolerance {
            listGap(kind, until: date, into: &events)
        }
    }
}
