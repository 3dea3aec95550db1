/// SplitMix64: the same seed draws the same run.
package struct RunGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: Int, stream: Int = 0) {
        state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: stream) << 32
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// With an exponential distribution.
    package mutating func exponential(mean: Duration) -> Duration {
        let share = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &self)
        return .seconds(-_log(share) * (Double(mean.components.seconds) + Double(mean.components.attoseconds) * 1e-18))
    }
}

/// When each viewer of a group comes and goes, drawn before the run: what the server does changes none of it, so a
/// server that stalls is charged for everybody who came meanwhile.
package struct Visit: Equatable, Sendable {
    package var viewer: Int
    /// From the start of the run.
    package var from: Duration
    package var until: Duration

    package static func draw(_ plan: ViewerPlan, end: Duration, seed: Int) -> [Visit] {
        var generator = RunGenerator(seed: seed, stream: plan.name.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF })
        var visits: [Visit] = []
        var drawn = Duration.zero
        for viewer in 0..<plan.count {
            var from = plan.arriveAt
            switch plan.curve {
            case .burst: break
            case .linear: from += plan.arriveOver * Double(viewer) / Double(plan.count)
            case .poisson:
                drawn += generator.exponential(mean: plan.arriveOver / Double(plan.count))
                from += drawn
            }
            while from < end {
                let until = plan.stay.map { min(end, from + generator.exponential(mean: $0)) } ?? end
                visits.append(Visit(viewer: viewer, from: from, until: until))
                guard let pause = plan.returnAfter else { break }
                from = until + pause
            }
        }
        return visits.sorted { $0.from < $1.from }
    }
}

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

private func _log(_ value: Double) -> Double { log(value) }
