#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a player keeps its distance from live: the watch page's rule for short parts and hls.js's for the rest.
package struct PlayerPolicy: Sendable, Equatable {
    /// What must be buffered beyond the first picture before it plays, in microseconds.
    package var startBuffer: Int64 = 100_000
    /// How much further from live a player stays after each stall (hls.js, liveSyncOnStallIncrease), and at most.
    package var stallIncrease: Int64 = 250_000
    package var longestIncrease: Int64 = 1_000_000

    package init() {}

    /// The playback rate for a player that is `late` beyond its distance with `ahead` buffered, both in microseconds.
    package func rate(late: Int64, ahead: Int64, holdBack: Int64, now rate: Double) -> Double {
        guard holdBack < 1_500_000 else {
            // hls.js, latency controller: a sigmoid in steps of 0.05, and only with more than a second buffered.
            guard late > 50_000, ahead > 1_000_000 else { return 1 }
            let fast = 2 / (1 + exp(-0.75 * Double(late) / 1e6))
            return min(1.2, max(1, (fast * 20).rounded() / 20))
        }
        let isSteering = rate != 1
        if late > (isSteering ? 10_000 : 50_000), ahead > 300_000 { return late > 200_000 ? 1.1 : 1.04 }
        if late < (isSteering ? -20_000 : -100_000) { return 0.96 }
        return 1
    }
}
