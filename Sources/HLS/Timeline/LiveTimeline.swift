import struct NIOCore.ByteBuffer

/// One rendition of a live presentation: segments and parts in their order, what of them is listed, and what a request
/// that names the future has to wait for.
///
/// It knows no bytes of media: its owner keeps those under the same sequence numbers and asks `takeExpired` what to free.
package struct LiveTimeline: Sendable {
    package let rendition: RenditionID
    package let configuration: TimelineConfiguration
    /// Token of the publish in every media URI, so that no cache serves an older stream under a reused name.
    package let epoch: String

    /// Listed segments, oldest first; only the last may be open.
    package private(set) var segments: [LiveSegment] = []
    /// EXT-X-DISCONTINUITY-SEQUENCE: discontinuities that have left the window (4.4.3.3).
    package private(set) var discontinuitySequence: Int64
    package private(set) var hasEnded = false
    /// False once a segment began without an independent frame: EXT-X-INDEPENDENT-SEGMENTS would be untrue.
    package private(set) var isIndependentThroughout = true

    private var nextSequence: Int64
    private var currentInit = 0
    private var completeDuration = 0.0
    /// Segments that are no longer listed, and when their bytes may go.
    private var departed: [(sequence: Int64, until: Int64)] = []
    /// Rendered text of each complete segment, made once.
    var renderedSegments: [Int64: [UInt8]] = [:]

    package init(
        rendition: RenditionID, configuration: TimelineConfiguration, epoch: String, firstSequence: Int64,
        discontinuitySequence: Int64 = 0
    ) {
        self.rendition = rendition
        self.configuration = configuration
        self.epoch = epoch
        self.discontinuitySequence = discontinuitySequence
        nextSequence = firstSequence
    }

    // MARK: Media in

    /// From the next segment on, media needs init section `number`.
    package mutating func initSection(number: Int) { currentInit = number }

    /// Opens a segment. An open one is closed first. A sequence number that does not rise is raised.
    package mutating func startSegment(
        sequence: Int64, programDateTimeMicroseconds: Int64, isDiscontinuity: Bool, isIndependent: Bool
    ) {
        guard !hasEnded else { return }
        closeOpenSegment()
        let number = max(sequence, nextSequence)
        nextSequence = number &+ 1
        if !isIndependent { isIndependentThroughout = false }
        segments.append(
            LiveSegment(
                sequence: number, programDateTime: programDateTimeMicroseconds, isDiscontinuity: isDiscontinuity,
                startsIndependent: isIndependent, initNumber: currentInit))
    }

    /// Adds a part to the open segment.
    package mutating func appendPart(duration: Double, isIndependent: Bool, byteCount: Int) {
        guard !hasEnded, let last = segments.indices.last, !segments[last].isComplete else { return }
        segments[last].parts.append(
            LivePart(duration: duration, isIndependent: isIndependent, byteCount: byteCount))
    }

    /// Completes the open segment and lets old ones go.
    package mutating func endSegment(duration: Double) {
        guard let last = segments.indices.last, !segments[last].isComplete else { return }
        segments[last].duration = duration
        completeDuration += duration
        renderedSegments.removeAll(keepingCapacity: true)
        trim()
    }

    /// Ends the presentation: ENDLIST, no hint, no more media.
    package mutating func end() {
        closeOpenSegment()
        hasEnded = true
    }

    private mutating func closeOpenSegment() {
        guard let last = segments.last, !last.isComplete else { return }
        if last.parts.isEmpty {
            // Nothing of it was ever listed: its number is free again.
            segments.removeLast()
            nextSequence = last.sequence
        } else {
            endSegment(duration: last.mediaDuration)
        }
    }

    /// Delists what the window no longer holds, keeping three target durations and six segments at the least.
    private mutating func trim() {
        let floor = Double(3 * configuration.targetDuration)
        let window = max(configuration.window.inSeconds, floor)
        while segments.count > 7, let first = segments.first, let duration = first.duration,
            completeDuration - duration >= window
        {
            segments.removeFirst()
            completeDuration -= duration
            if first.isDiscontinuity { discontinuitySequence &+= 1 }
            let newest = segments.last?.programDateTime ?? first.programDateTime
            // 6.2.2: fetchable for its own duration plus that of the longest playlist that listed it.
            let lifetime = (window + duration) * 1_000_000
            departed.append((first.sequence, newest &+ Int64(lifetime)))
        }
    }

    /// The sequence numbers whose bytes nobody may ask for any more, each given once.
    package mutating func takeExpired(at unixMicroseconds: Int64) -> [Int64] {
        guard let first = departed.first, first.until <= unixMicroseconds else { return [] }
        let expired = departed.prefix { $0.until <= unixMicroseconds }.map(\.sequence)
        departed.removeFirst(expired.count)
        return expired
    }

    // MARK: Where it stands

    /// The last listed part, or nil before the first.
    package var position: MediaPosition? {
        guard let last = segments.last else { return nil }
        if last.parts.isEmpty {
            guard let before = segments.dropLast().last else { return nil }
            return MediaPosition(sequence: before.sequence, part: max(0, before.parts.count - 1))
        }
        return MediaPosition(sequence: last.sequence, part: last.parts.count - 1)
    }

    /// The part that comes next (4.4.5.3), or nil when none will.
    package var hinted: MediaPosition? {
        guard !hasEnded, let last = segments.last else { return nil }
        return last.isComplete
            ? MediaPosition(sequence: last.sequence &+ 1, part: 0)
            : MediaPosition(sequence: last.sequence, part: last.parts.count)
    }

    /// Sequence number of the first listed segment.
    var mediaSequence: Int64 { segments.first?.sequence ?? nextSequence }

    func segment(_ sequence: Int64) -> LiveSegment? {
        guard let first = segments.first else { return nil }
        let offset = sequence.subtractingReportingOverflow(first.sequence)
        guard !offset.overflow, offset.partialValue >= 0, offset.partialValue < Int64(segments.count) else {
            return nil
        }
        let found = segments[Int(offset.partialValue)]
        return found.sequence == sequence ? found : segments.first { $0.sequence == sequence }
    }

    func hasDeparted(_ sequence: Int64) -> Bool { departed.contains { $0.sequence == sequence } }
}
