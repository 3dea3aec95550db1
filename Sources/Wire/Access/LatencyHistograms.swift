import AccessLog
import NIOCore

/// How long exchanges took, by what the cache had to do with them.
package struct LatencyHistograms: Sendable {
    /// One kind of time.
    package struct Family: Sendable {
        private var counts = [UInt64](
            repeating: 0, count: CacheResult.allCases.count * (LatencyHistograms.bounds.count + 1))
        private var sums = [Int64](repeating: 0, count: CacheResult.allCases.count)

        mutating func record(_ nanoseconds: Int64, _ cache: CacheResult) {
            var bucket = 0
            while bucket < LatencyHistograms.bounds.count, nanoseconds > LatencyHistograms.bounds[bucket] {
                bucket += 1
            }
            counts[Self.start(cache) + bucket] &+= 1
            sums[Int(cache.rawValue)] &+= nanoseconds
        }

        /// Exchanges in each bucket, the last for what is longer than all bounds; nil when there was none.
        package func buckets(_ cache: CacheResult) -> [UInt64]? {
            let found = counts[Self.start(cache)...LatencyHistograms.bounds.count + Self.start(cache)]
            return found.contains { $0 > 0 } ? Array(found) : nil
        }

        /// In nanoseconds.
        package func sum(_ cache: CacheResult) -> Int64 { sums[Int(cache.rawValue)] }

        private static func start(_ cache: CacheResult) -> Int {
            Int(cache.rawValue) * (LatencyHistograms.bounds.count + 1)
        }

        fileprivate mutating func add(_ other: Family) {
            for index in counts.indices { counts[index] &+= other.counts[index] }
            for index in sums.indices { sums[index] &+= other.sums[index] }
        }
    }

    /// Upper bounds of the buckets in nanoseconds: from an answer out of memory to a hold that nothing ended.
    package static let bounds: [Int64] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
    ]

    /// From the request's head to the end of its answer.
    package private(set) var durations = Family()
    /// Of exchanges that were parked, for how long.
    package private(set) var holds = Family()
    /// From asking an upstream to its answer's head.
    package private(set) var upstreams = Family()

    package init() {}

    mutating func record(_ trail: ExchangeTrail, until now: NIODeadline) {
        durations.record((now - trail.startedAt).nanoseconds, trail.cache)
        if let held = trail.held { holds.record(held, trail.cache) }
        if let upstream = trail.upstream { upstreams.record(upstream, trail.cache) }
    }

    /// Takes in what another event loop counted.
    package mutating func add(_ other: LatencyHistograms) {
        durations.add(other.durations)
        holds.add(other.holds)
        upstreams.add(other.upstreams)
    }
}
