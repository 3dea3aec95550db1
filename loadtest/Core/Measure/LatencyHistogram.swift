/// Counts of durations in the layout of Gil Tene's HdrHistogram: every value from 1 µs to over an hour is kept to 3
/// significant digits in fixed memory, and recording costs a few instructions. Quantiles are therefore of *all* values,
/// never of a sample.
package struct LatencyHistogram: Sendable, Equatable {
    /// Values below this are exact; above, each power of two has half as many steps.
    private static let subBuckets = 2_048
    private static let half = subBuckets / 2
    private static let halfBits = 10
    /// 2^32 µs is over an hour; what is longer counts as that.
    private static let longest: Int64 = 1 << 32
    private static let slots = (33 - 10) * half + half

    private var counts: [UInt64] = []
    package private(set) var count: UInt64 = 0
    package private(set) var sum: Double = 0
    /// Microseconds; meaningless while `count` is 0.
    package private(set) var minimum: Int64 = .max
    package private(set) var maximum: Int64 = 0

    package init() {}

    /// Counts a value in microseconds. A negative one, which only clocks that differ can make, counts as 0.
    package mutating func record(_ microseconds: Int64, times: UInt64 = 1) {
        let value = min(max(0, microseconds), Self.longest)
        if counts.isEmpty { counts = [UInt64](repeating: 0, count: Self.slots) }
        counts[Self.slot(value)] += times
        count += times
        sum += Double(value) * Double(times)
        minimum = min(minimum, value)
        maximum = max(maximum, value)
    }

    package mutating func add(_ other: LatencyHistogram) {
        guard other.count > 0 else { return }
        if counts.isEmpty { counts = [UInt64](repeating: 0, count: Self.slots) }
        for index in other.counts.indices where other.counts[index] > 0 { counts[index] += other.counts[index] }
        count += other.count
        sum += other.sum
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
    }

    /// The value below which a share of all values lies, in microseconds; nil without values.
    package func quantile(_ share: Double) -> Int64? {
        guard count > 0 else { return nil }
        let rank = max(1, UInt64((Double(count) * min(max(0, share), 1)).rounded(.up)))
        var seen: UInt64 = 0
        for index in counts.indices {
            seen += counts[index]
            if seen >= rank { return min(Self.highest(ofSlot: index), maximum) }
        }
        return maximum
    }

    package var mean: Double? { count > 0 ? sum / Double(count) : nil }

    /// Counts between `edges` (microseconds, rising): one more than there are edges.
    package func counts(between edges: [Int64]) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: edges.count + 1)
        var edge = 0
        for index in counts.indices where counts[index] > 0 {
            let value = min(Self.highest(ofSlot: index), maximum)
            while edge < edges.count, value >= edges[edge] { edge += 1 }
            result[edge] += counts[index]
        }
        return result
    }

    private static func slot(_ value: Int64) -> Int {
        // The power of two in which the value lies beyond the exact range.
        let bucket = max(0, 64 - (value | Int64(subBuckets - 1)).leadingZeroBitCount - halfBits - 1)
        let sub = Int(value >> Int64(bucket))
        return bucket * half + sub
    }

    /// The largest value that is counted there.
    private static func highest(ofSlot slot: Int) -> Int64 {
        let bucket = max(0, slot / half - 1)
        let sub = slot - bucket * half
        return Int64(sub + 1) << Int64(bucket) - 1
    }
}
