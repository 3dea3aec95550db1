/// One rendition of a live presentation: segments and parts in their order, what of them is listed, and what a request
/// that names the future has to wait for.
///
/// It knows no bytes of media: its owner keeps those under the same sequence numbers and asks `takeExpired` what to free.
///
/// Sequence numbers of listed segments follow one another without a hole, for a playlist numbers its segments by their
/// place alone (4.4.3.2).
package struct LiveTimeline: Sendable {
    package let rendition: RenditionID
    package let configuration: TimelineConfiguration
    /// Token of the publish in every media URI, so that no cache serves an older stream under a reused name.
    package let epoch: String

    /// Listed segments, oldest first. Only the last may be open, and only an open one may be without parts, unless it
    /// is a gap.
    package private(set) var segments = SlidingArray<LiveSegment>()
    /// EXT-X-DISCONTINUITY-SEQUENCE: discontinuities that have left the window (4.4.3.3).
    package private(set) var discontinuitySequence: Int64
    package private(set) var hasEnded = false
    /// False once a segment began without an independent frame: EXT-X-INDEPENDENT-SEGMENTS would be untrue.
    package private(set) var isIndependentThroughout = true
    /// The segment that comes next is known to begin with a discontinuity.
    private(set) var isDiscontinuityAhead = false
    /// The init section that the next segment will need.
    package private(set) var currentInit = 0

    /// Segments that may still be fetched though they are not listed.
    private(set) var departed = DepartedMedia()
    /// How many segments that may be fetched need each init section.
    private var initUses: [Int: Int] = [:]
    /// Names and lines that are the same in every state of the playlist.
    let constants: PlaylistConstants

    /// Sequence number of the first segment that there ever was.
    let firstSequence: Int64
    private var nextSequence: Int64
    private var completeDuration: Duration = .zero
    /// Sequence number from which on segments list their parts.
    package private(set) var partsListedFrom: Int64 = 0
    /// The text of the first `settledCount` segments.
    private(set) var settled = SettledText()
    private(set) var settledCount = 0
    /// Duration of the longest playlist so far.
    private var longestPlaylist: Duration = .zero

    /// - Parameters:
    ///   - epoch: letters, digits, `-` and `_`: it is a step of every media URI.
    ///   - firstSequence: media sequence number of the first segment, from 0. Not lower than any that an earlier
    ///     publish of the channel has used (4.4.3.2).
    ///   - discontinuitySequence: the first segment's. Not lower than any earlier one either.
    ///   - isIndependentThroughout: false where a segment before the first, which others list, began without an
    ///     independent frame.
    package init(
        rendition: RenditionID, configuration: TimelineConfiguration, epoch: String, firstSequence: Int64,
        discontinuitySequence: Int64 = 0, isIndependentThroughout: Bool = true
    ) {
        precondition(
            !epoch.isEmpty && epoch.utf8.allSatisfy(PlaylistConstants.isTokenByte),
            "An epoch must be letters, digits, '-' and '_', for it stands in URIs as it is.")
        self.rendition = rendition
        self.configuration = configuration
        self.epoch = epoch
        self.discontinuitySequence = max(0, discontinuitySequence)
        self.isIndependentThroughout = isIndependentThroughout
        constants = PlaylistConstants(configuration: configuration, epoch: epoch)
        // Room to count from, so that no later sum can overflow.
        self.firstSequence = min(max(0, firstSequence), .max / 2)
        nextSequence = self.firstSequence
    }

    // MARK: Media in

    /// From the next segment on, media needs init section `number`: 0 for the first, more for later ones.
    package mutating func initSection(number: Int) { currentInit = max(0, number) }

    /// The next segment will begin with a discontinuity. Where the last one is complete the playlist says so at once, before
    /// the hint of the next part: players that make a segment of a hint (hls.js) would take its media for a continuation
    /// otherwise, and a tag that comes later for a mistake.
    package mutating func announceDiscontinuity() { isDiscontinuityAhead = !hasEnded }

    /// Opens a segment, ending an open one.
    ///
    /// A number that is not above the last one's is raised to the next. One that leaves a hole delists everything before
    /// it, for the playlist could not say which numbers its segments have.
    ///
    /// - Parameter programDateTimeMicroseconds: wall-clock time of its first sample, microseconds since 1970.
    /// - Returns: the sequence number it got.
    @discardableResult
    package mutating func startSegment(
        sequence: Int64, programDateTimeMicroseconds: Int64, isDiscontinuity: Bool, isIndependent: Bool
    ) -> Int64 {
        guard !hasEnded else { return nextSequence }
        closeOpenSegment(before: sequence, programDateTime: programDateTimeMicroseconds)
        let number = min(max(sequence, nextSequence), .max / 2)
        if number > nextSequence { while !segments.isEmpty { delistFirst() } }
        nextSequence = number + 1
        var segment = LiveSegment(
            sequence: number, programDateTime: programDateTimeMicroseconds,
            isDiscontinuity: isDiscontinuity || isDiscontinuityAhead, startsIndependent: isIndependent,
            initNumber: currentInit)
        isDiscontinuityAhead = false
        segment.text.setDate(programDateTimeMicroseconds)
        segments.append(segment)
        initUses[currentInit, default: 0] += 1
        return number
    }

    /// Adds a part to the open segment, where the playlist lists it at once: all of its bytes must be there (6.2.1).
    ///
    /// - Parameters:
    ///   - duration: seconds.
    ///   - isGap: its media never came; it is listed with GAP=YES and cannot be fetched (6.2.1).
    ///   - isLikelyLast: the segment is expected to end with it. Only the hint depends on that.
    /// - Returns: its place, or nil when no segment is open.
    @discardableResult
    package mutating func appendPart(
        duration: Double, isIndependent: Bool, byteCount: Int, isGap: Bool = false, isLikelyLast: Bool = false
    ) -> MediaPosition? {
        guard !hasEnded, let last = segments.indices.last, !segments[last].isComplete else { return nil }
        let part = LivePart(
            duration: segments[last].round(nextPart: duration), isIndependent: isIndependent && !isGap, isGap: isGap,
            byteCount: byteCount, isLikelyLast: isLikelyLast)
        let position = MediaPosition(sequence: segments[last].sequence, part: segments[last].parts.count)
        if position.part == 0, !isGap, !(segments[last].startsIndependent && isIndependent) {
            isIndependentThroughout = false
        }
        segments[last].append(part)
        segments[last].text.append(part, at: position, constants: constants)
        mediaGrew()
        return position
    }

    /// Completes the open segment and lets old ones go. One without parts is a gap.
    ///
    /// - Parameter duration: seconds.
    package mutating func endSegment(duration: Double) {
        guard !hasEnded else { return }
        complete(lasting: Duration(mediaSeconds: duration))
    }

    /// Ends the presentation: ENDLIST, no hint, no more media.
    package mutating func end() {
        guard !hasEnded else { return }
        if let last = segments.last, !last.isComplete {
            if last.parts.isEmpty { withdrawLast() } else { complete(lasting: last.mediaDuration) }
        }
        hasEnded = true
    }

    private mutating func complete(lasting duration: Duration) {
        guard let last = segments.indices.last, !segments[last].isComplete else { return }
        segments[last].duration = duration
        segments[last].text.complete(segments[last], constants: constants)
        completeDuration += duration
        mediaGrew()
        trim()
    }

    /// Makes way for the segment numbered `sequence`.
    private mutating func closeOpenSegment(before sequence: Int64, programDateTime: Int64) {
        guard let last = segments.last, !last.isComplete else { return }
        if !last.parts.isEmpty { return complete(lasting: last.mediaDuration) }
        guard sequence > last.sequence else {
            // Nothing of it was ever listed but its discontinuity: its number is free again.
            isDiscontinuityAhead = isDiscontinuityAhead || last.isDiscontinuity
            withdrawLast()
            nextSequence = last.sequence
            return
        }
        // Its media never came: a gap as long as the time until the next one (6.2.1).
        let missing = programDateTime.subtractingReportingOverflow(last.programDateTime)
        let seconds = missing.overflow ? 0 : Double(missing.partialValue) / 1_000_000
        complete(lasting: Duration(mediaSeconds: min(seconds, Double(configuration.targetDuration))))
    }

    /// Takes back the segment that was opened last, of which nothing was listed.
    private mutating func withdrawLast() {
        if let last = segments.popLast() { noteGone(last) }
    }

    // MARK: Window

    private mutating func mediaGrew() {
        let open = segments.last.map { $0.isComplete ? .zero : $0.mediaDuration } ?? .zero
        longestPlaylist = max(longestPlaylist, completeDuration + open)
        unlistParts()
    }

    /// PART tags more than three target durations from the end disappear (6.2.2), and never come back. They go segment
    /// by segment, for players count a part's index from the first one listed.
    private mutating func unlistParts() {
        var fromEnd: Duration = .zero
        for index in segments.indices.reversed() {
            guard segments[index].sequence >= partsListedFrom else { return }
            // A segment whose end lies beyond the limit has only parts beyond it.
            if fromEnd > configuration.partLifetime {
                partsListedFrom = segments[index].sequence + 1
                return settle()
            }
            fromEnd += segments[index].mediaDuration
        }
    }

    /// Nothing of a segment that lists no parts changes any more.
    private mutating func settle() {
        while settledCount < segments.count, segments[settledCount].isComplete,
            segments[settledCount].sequence < partsListedFrom
        {
            let place = settled.append(segments[settledCount], constants: constants)
            segments[settledCount].text.settle(at: place)
            settledCount += 1
        }
    }

    /// Delists what the window no longer holds, keeping three target durations and six complete segments at the least
    /// (6.2.2, AAS 8.12).
    private mutating func trim() {
        let window = max(configuration.window, configuration.partLifetime)
        while segments.count > 6, let duration = segments.first?.duration,
            completeDuration - duration >= window || segments.count > configuration.segmentLimit
        {
            delistFirst()
        }
    }

    private mutating func delistFirst() {
        guard let first = segments.popFirst() else { return }
        if settledCount > 0 {
            settledCount -= 1
            settled.drop(before: segments.first?.text.place)
        }
        if let duration = first.duration { completeDuration -= duration }
        // Each segment that stays keeps its own discontinuity sequence number (6.2.2).
        if first.isDiscontinuity { discontinuitySequence += 1 }
        departed.add(first, longestPlaylist: longestPlaylist)
    }

    /// The sequence numbers of segments that nobody may fetch any more, with all of their parts; each is given once.
    ///
    /// Ask regularly: the time of a segment begins at the first call after it was delisted, so it is never too short.
    package mutating func takeExpired(at unixMicroseconds: Int64) -> [Int64] {
        departed.takeExpired(at: unixMicroseconds).map { segment in
            noteGone(segment)
            return segment.sequence
        }
    }

    /// Nobody may fetch a segment any more.
    private mutating func noteGone(_ segment: LiveSegment) {
        let left = (initUses[segment.initNumber] ?? 0) - 1
        initUses[segment.initNumber] = left > 0 ? left : nil
    }

    /// Sequence number of the oldest segment that can be fetched.
    package var oldestSequence: Int64? { departed.oldest ?? segments.first?.sequence }

    /// Lets go of the oldest segment before its time, for want of room: of one that is not listed if there is any, else
    /// the window gets shorter (4.4.3.2 lets the media sequence rise). What 6.2.2 asks to stay listed stays.
    ///
    /// - Returns: its sequence number, or nil when nothing can go.
    package mutating func dropOldest() -> Int64? {
        if let gone = takeOldestDeparted() { return gone }
        guard segments.count > 6, let duration = segments.first?.duration,
            completeDuration - duration >= configuration.partLifetime
        else { return nil }
        delistFirst()
        return takeOldestDeparted()
    }

    private mutating func takeOldestDeparted() -> Int64? {
        guard let gone = departed.takeOldest() else { return nil }
        noteGone(gone)
        return gone.sequence
    }

    /// False when neither listed nor fetchable media needs the init section of that number, nor will any that comes.
    package func needsInitSection(_ number: Int) -> Bool {
        number == currentInit || initUses[number] != nil
    }

    /// Sequence number of the first listed segment: EXT-X-MEDIA-SEQUENCE (4.4.3.2).
    package var mediaSequence: Int64 { segments.first?.sequence ?? nextSequence }
}
