/// Two runs side by side. A difference counts when it is larger than what rounds of the same run differ by.
package struct Comparison: Sendable, Equatable {
    package struct Row: Sendable, Equatable {
        package var name: String
        /// Medians of the rounds.
        package var first: Double
        package var second: Double
        /// Share by which rounds of one run lie apart, the larger of the two runs; nil where each run has one round.
        package var noise: Double?

        package var ratio: Double? { first > 0 ? second / first : nil }

        package enum Verdict: String, Sendable { case higher, lower, same = "within noise", unknown = "one round each" }

        package var verdict: Verdict {
            guard let noise else { return .unknown }
            guard abs(second - first) > noise * max(abs(first), abs(second)) else { return .same }
            return second > first ? .higher : .lower
        }
    }

    package let rows: [Row]

    package init(_ first: RunReport, _ second: RunReport) {
        let figures: [(String, (RunReport.Round) -> Double?)] = [
            ("glass p50, ms", { $0.glass?.p50 }), ("glass p95, ms", { $0.glass?.p95 }),
            ("glass p99, ms", { $0.glass?.p99 }), ("age on arrival p50, ms", { $0.delivery?.p50 }),
            ("age on arrival p99, ms", { $0.delivery?.p99 }), ("join p50, ms", { $0.join?.p50 }),
            ("join p95, ms", { $0.join?.p95 }),
            ("requests/s", { Double($0.requests) / Double(max(1, $0.seconds.count)) }),
            ("Mbit/s", { $0.megabytes * 8 / Double(max(1, $0.seconds.count)) }), ("stalls", { Double($0.stalls) }),
            ("errors", { Double($0.errorCount) }), ("violations", { Double($0.violationCount) }),
            ("browser p50, ms", { $0.browser?.glass?.p50 }),
        ]
        var rows: [Row] = []
        func add(_ name: String, _ value: (RunReport.Round) -> Double?) {
            let a = first.rounds.compactMap(value).sorted()
            let b = second.rounds.compactMap(value).sorted()
            guard let middleA = Self.median(a), let middleB = Self.median(b) else { return }
            let spreads = [(a, middleA), (b, middleB)].compactMap { values, middle -> Double? in
                guard values.count > 1, let low = values.first, let high = values.last else { return nil }
                return middle > 0 ? (high - low) / middle : high - low
            }
            rows.append(Row(name: name, first: middleA, second: middleB, noise: spreads.max()))
        }
        for (name, value) in figures { add(name, value) }
        let names = first.rounds.first?.processes.map(\.name) ?? []
        for name in names where second.rounds.contains(where: { $0.processes.contains { $0.name == name } }) {
            add("CPU of \(name), %") { round in round.processes.first { $0.name == name }?.meanCPU }
        }
        self.rows = rows
    }

    private static func median(_ sorted: [Double]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// A table in Markdown.
    package func text(_ first: String, _ second: String) -> String {
        var text = "| figure | \(first) | \(second) | ratio | noise | verdict |\n|---|---|---|---|---|---|\n"
        for row in rows {
            let noise = row.noise.map { "±\(Markup.number($0 * 100)) %" } ?? "–"
            text += "| \(row.name) | \(Markup.number(row.first)) | \(Markup.number(row.second)) | "
            text += "\(Markup.number(row.ratio)) | \(noise) | \(row.verdict.rawValue) |\n"
        }
        return text
    }
}
