/// Says whether the tool itself was the bottleneck: a run that it spoilt must not be read as the server's.
package enum HarnessJudge {
    /// Percent of a core at which one event loop is full.
    static let fullCPU = 190.0
    /// Lag in microseconds of which every hundredth look at the loop may have more.
    static let lagLimit: Int64 = 20_000
    static let senderLimit: Int64 = 20_000

    package static func judge(
        lag: LatencyHistogram, lateness: LatencyHistogram, cpu: [Double], glass: LatencyHistogram
    ) -> RunReport.HarnessHealth {
        var reasons: [String] = []
        func milliseconds(_ value: Int64) -> String { "\(value / 1_000) ms" }
        // Short against what is measured is harmless, however busy the machine.
        let limit = max(lagLimit, (glass.quantile(0.5) ?? 0) / 20)
        if let p99 = lag.quantile(0.99), p99 > limit {
            reasons.append(
                "the viewers' event loop lagged by \(milliseconds(p99)) at p99, more than \(milliseconds(limit)): "
                    + "use fewer viewers, or give the tool a core of its own")
        }
        if let p99 = lateness.quantile(0.99), p99 > max(senderLimit, limit) {
            reasons.append("the publishers' frames left \(milliseconds(p99)) late at p99: use fewer publishers")
        }
        let mean = cpu.isEmpty ? 0 : cpu.reduce(0, +) / Double(cpu.count)
        if mean > fullCPU { reasons.append("the tool used \(Int(mean)) % of a core, all that its loops can") }
        return RunReport.HarnessHealth(
            loopLag: RunReport.Distribution(lag), senderLateness: RunReport.Distribution(lateness), cpu: mean,
            spoiledBy: reasons)
    }
}
