/// How a rendition's dates lie on its timestamps, from one discontinuity to the next.
///
/// A date belongs to the first sample of its segment (4.4.4.6), which is the first in both orders where the segment begins
/// with a sync sample. Where one was cut elsewhere, its first sample is shown after some that follow it, and no draft says
/// which of them is the first: its date may go by either clock.
struct DateOffset: Equatable {
    /// Seconds since 1970 at media time zero.
    private(set) var newest: Double
    /// A segment has been seen that begins with a sync sample.
    private(set) var isExact: Bool
    private var first: Double
    private var firstDecoded: Double

    /// - Parameters:
    ///   - shown: a segment's date less the time at which its first sample is shown, in seconds.
    ///   - decoded: the same by the time at which its first sample is decoded.
    init(shown: Double, decoded: Double, startsSync: Bool) {
        (first, firstDecoded, newest, isExact) = (shown, decoded, shown, startsSync)
    }

    /// How far the dates of a later segment have moved against its timestamps, in seconds.
    mutating func drift(shown: Double, decoded: Double, startsSync: Bool) -> Double {
        let (byShown, byDecoded) = (shown - first, decoded - firstDecoded)
        let isTold = startsSync && isExact
        let drift = !isTold && abs(byDecoded) < abs(byShown) ? byDecoded : byShown
        if startsSync, !isExact {
            isExact = true
            first = shown - drift
        }
        newest = first + drift
        return drift
    }
}
