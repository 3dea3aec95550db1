/// Where the segments of all renditions are cut: the leading track decides, the other follows at its first frame at or
/// after the same moment, so that a sequence number means the same stretch of time everywhere.
struct SegmentPlan: Sendable, Codable {
    struct Cut: Sendable, Equatable, Codable {
        let sequence: Int64
        /// Moment of the cut on the publish's line, in microseconds.
        let time: Int64
        let isDiscontinuity: Bool
        /// Where the leading track's media before it ended: earlier than the cut where a line breaks with a hole.
        let end: Int64
    }

    private(set) var cuts: [Cut] = []
    private(set) var nextSequence: Int64
    /// Discontinuities cut so far.
    private(set) var discontinuities: Int64
    /// The next cut is a discontinuity.
    private(set) var breaks = false

    init(firstSequence: Int64, continuation: PackagerContinuation? = nil) {
        // Room to count from, so that no later sum overflows.
        nextSequence = min(max(0, firstSequence, continuation?.nextSequence ?? 0), .max / 2)
        discontinuities = min(max(0, continuation?.discontinuities ?? 0), .max / 2)
        hasMedia = continuation?.video != nil || continuation?.audio != nil
    }

    /// There is something that a discontinuity could part from.
    private var hasMedia: Bool

    var last: Cut? { cuts.last }

    /// Makes the next cut a discontinuity: codec, layout or timestamp line have changed (RFC 8216bis, 6.2.1).
    mutating func breakLine() { breaks = breaks || hasMedia }

    /// Numbers below `sequence` are taken by others.
    mutating func skip(to sequence: Int64) { nextSequence = min(max(nextSequence, sequence), .max / 2) }

    /// Adds a cut at `time`, after every earlier one. What lies before it ended at `end`, or there.
    mutating func cut(at time: Int64, end: Int64 = .max) -> Cut {
        let time = max(time, (cuts.last?.time ?? .min) &+ 1)
        let cut = Cut(sequence: nextSequence, time: time, isDiscontinuity: breaks, end: min(time, end))
        if breaks { discontinuities += 1 }
        (breaks, hasMedia) = (false, true)
        nextSequence += 1
        cuts.append(cut)
        // The other track is seconds behind at most: older cuts are never asked about again.
        if cuts.count > 64 { cuts.removeFirst(32) }
        return cut
    }

    /// The cut that a segment ends with at or before `time`: the one after `sequence`.
    func next(after sequence: Int64, at time: Int64) -> Cut? {
        cuts.first { $0.sequence > sequence }.flatMap { $0.time <= time ? $0 : nil }
    }

    /// The latest cut at or before `time` whose number is above `sequence`.
    func segment(at time: Int64, above sequence: Int64) -> Cut? {
        cuts.last { $0.time <= time && $0.sequence > sequence }
    }

    /// Discontinuities before the segment numbered `sequence`.
    func discontinuities(before sequence: Int64) -> Int64 {
        discontinuities - Int64(cuts.count { $0.sequence >= sequence && $0.isDiscontinuity })
    }

    /// The first discontinuity after `sequence`, at or before `time`.
    func discontinuity(after sequence: Int64, at time: Int64) -> Cut? {
        cuts.first { $0.sequence > sequence && $0.isDiscontinuity && $0.time <= time }
    }
}
