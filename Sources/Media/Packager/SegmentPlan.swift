/// Where the segments of all renditions are cut: the leading track decides, the other follows at its first frame at or
/// after the same moment, so that a sequence number means the same stretch of time everywhere.
struct SegmentPlan: Sendable {
    struct Cut: Sendable {
        let sequence: Int64
        /// Moment of the cut on the publish's line, in microseconds.
        let time: Int64
        let isDiscontinuity: Bool
    }

    private(set) var cuts: [Cut] = []
    private var nextSequence: Int64

    init(firstSequence: Int64) { nextSequence = firstSequence }

    var last: Cut? { cuts.last }

    /// Adds a cut at `time`, after every earlier one.
    mutating func cut(at time: Int64, isDiscontinuity: Bool) -> Cut {
        let cut = Cut(
            sequence: nextSequence, time: max(time, (cuts.last?.time ?? .min) &+ 1), isDiscontinuity: isDiscontinuity)
        nextSequence += 1
        cuts.append(cut)
        // The other track is seconds behind at most: older cuts are never asked about again.
        if cuts.count > 64 { cuts.removeFirst(32) }
        return cut
    }

    /// The segment that a frame at `time` belongs to.
    func segment(at time: Int64) -> Cut? { cuts.last { $0.time <= time } }

    /// Whether a discontinuity lies after `sequence`, up to and including `later`.
    func hasDiscontinuity(after sequence: Int64, through later: Int64) -> Bool {
        cuts.contains { $0.sequence > sequence && $0.sequence <= later && $0.isDiscontinuity }
    }
}
