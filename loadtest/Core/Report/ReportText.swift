extension RunReport {
    /// The seconds of all rounds, one a line.
    package var csv: String {
        var text = "round,second,glass_p50_ms,glass_p95_ms,glass_p99_ms,requests,megabits,errors,stalls,joins,viewers"
        let names = rounds.first?.processes.map(\.name) ?? []
        for name in names { text += ",cpu_percent_\(name),memory_mb_\(name)" }
        text += "\n"
        func cell(_ value: Double?) -> String { value.map { "\(($0 * 1_000).rounded() / 1_000)" } ?? "" }
        for (number, round) in rounds.enumerated() {
            for (index, second) in round.seconds.enumerated() {
                var cells = ["\(number + 1)", "\(index)"]
                cells += [second.glassP50, second.glassP95, second.glassP99].map(cell)
                cells += ["\(second.requests)", cell(second.megabits), "\(second.errors)", "\(second.stalls)"]
                cells += ["\(second.joins)", "\(second.viewers)"]
                for name in names {
                    let process = round.processes.first { $0.name == name }
                    cells.append(cell(process.flatMap { index < $0.cpu.count ? $0.cpu[index] : nil }))
                    cells.append(cell(process.flatMap { index < $0.memory.count ? $0.memory[index] : nil }))
                }
                text += cells.joined(separator: ",") + "\n"
            }
        }
        return text
    }

    /// What fits on a screen.
    package var summary: String {
        var lines = ["\(scenario), \(startedAt)\(isComplete ? "" : ", interrupted")"]
        for (number, round) in rounds.enumerated() {
            if rounds.count > 1 { lines.append("round \(number + 1)") }
            func line(_ name: String, _ distribution: Distribution?) {
                guard let it = distribution else { return lines.append("  \(name.padded(22)) nothing measured") }
                lines.append(
                    "  \(name.padded(22)) p50 \(Markup.number(it.p50)) ms, p95 \(Markup.number(it.p95)), p99 \(Markup.number(it.p99)), max \(Markup.number(it.maximum)) (n \(it.count))"
                )
            }
            line("glass latency", round.glass)
            line("age on arrival", round.delivery)
            line("join", round.join)
            let way = round.stages.map { "\($0.name) \(Markup.number($0.milliseconds))" }.joined(separator: ", ")
            lines.append("  \("mean, ms".padded(22)) \(way)")
            let seconds = Double(max(1, round.seconds.count))
            lines.append(
                "  \("throughput".padded(22)) \(Markup.number(round.megabytes * 8 / seconds)) Mbit/s, \(Markup.number(Double(round.requests) / seconds)) requests/s"
            )
            lines.append(
                "  \("stalls".padded(22)) \(round.stalls), \(Markup.number(round.stalledSeconds)) s; \(round.skippedParts) parts skipped"
            )
            let errors = round.errors.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
            lines.append("  \("errors".padded(22)) \(errors.isEmpty ? "0" : errors.joined(separator: ", "))")
            lines.append("  \("violations".padded(22)) \(round.violationCount)")
            for broken in round.violations.prefix(4) {
                lines.append("    \(broken.rule.rawValue) \(broken.count), first \(broken.firstEvidence)")
            }
            let uses = round.processes.map {
                "\($0.name) \(Markup.number($0.meanCPU)) % \(Markup.number($0.peakMemory)) MB"
            }
            lines.append("  \("CPU, memory".padded(22)) \(uses.joined(separator: ", "))")
            if let lag = round.harness?.loopLag {
                lines.append(
                    "  \("own loop lag".padded(22)) p50 \(Markup.number(lag.p50)) ms, p99 \(Markup.number(lag.p99)), max \(Markup.number(lag.maximum))"
                )
            }
            if let browser = round.browser {
                line("browser", browser.glass)
                lines.append(
                    "  \("browser less model".padded(22)) \(Markup.number(browser.differenceFromModel)) ms at p50")
            }
            for reason in round.harness?.spoiledBy ?? [] { lines.append("  NOT TO BE TRUSTED: \(reason)") }
        }
        for threshold in thresholds {
            lines.append(
                "  \(threshold.isKept ? "kept  " : "BROKEN") \(threshold.name): \(Markup.number(threshold.value)), at most \(Markup.number(threshold.limit))"
            )
        }
        return lines.joined(separator: "\n")
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
