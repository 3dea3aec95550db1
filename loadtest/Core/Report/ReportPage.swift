/// The report as one HTML page that needs nothing else: no script, no font, no network.
package struct ReportPage {
    private let report: RunReport

    package init(_ report: RunReport) { self.report = report }

    package var html: String {
        var page = """
            <!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
            <title>\(Markup.escape(report.scenario)): load test</title>
            <style>\(Self.style)</style>
            <body><header><h1>\(Markup.escape(report.scenario))</h1>
            <p>\(Markup.escape(report.startedAt)) · \(Markup.escape(report.machine))\(report.isComplete ? "" : " · <b>interrupted</b>")</p>
            """
        page += verdict
        page += "</header>\n"
        for (index, round) in report.rounds.enumerated() {
            page += "<section>"
            if report.rounds.count > 1 { page += "<h2>Round \(index + 1) of \(report.rounds.count)</h2>\n" }
            page += figures(round) + waterfall(round) + plots(round) + trouble(round) + health(round)
            page += "</section>\n"
        }
        return page + "<footer>Each figure is defined in loadtest/README.md.</footer></body></html>\n"
    }

    private var verdict: String {
        let spoiled = report.rounds.flatMap { $0.harness?.spoiledBy ?? [] }
        var html = ""
        if !report.thresholds.isEmpty {
            html += "<p class=\(report.thresholds.allSatisfy(\.isKept) ? "good" : "bad")>"
            html += report.thresholds.map { result in
                "\(result.isKept ? "✓" : "✗") \(Markup.escape(result.name)): \(Markup.number(result.value)) of \(Markup.number(result.limit))"
            }.joined(separator: " &nbsp; ")
            html += "</p>\n"
        }
        for reason in spoiled { html += "<p class=bad>Not to be trusted: \(Markup.escape(reason))</p>\n" }
        return html
    }

    private func figures(_ round: RunReport.Round) -> String {
        var html = "<div class=cards>"
        func card(_ name: String, _ value: String, _ note: String) {
            html += "<div><b>\(value)</b><span>\(name)</span><small>\(note)</small></div>"
        }
        if let glass = round.glass {
            card(
                "glass latency p50", "\(Markup.number(glass.p50)) ms",
                "p95 \(Markup.number(glass.p95)) · p99 \(Markup.number(glass.p99)) · max \(Markup.number(glass.maximum))"
            )
        }
        if let delivery = round.delivery {
            card(
                "age on arrival p50", "\(Markup.number(delivery.p50)) ms",
                "p95 \(Markup.number(delivery.p95)) · p99 \(Markup.number(delivery.p99))")
        }
        if let join = round.join {
            card("join p50", "\(Markup.number(join.p50)) ms", "p95 \(Markup.number(join.p95)) · \(join.count) joins")
        }
        let seconds = Double(max(1, round.seconds.count))
        card(
            "throughput", "\(Markup.number(round.megabytes * 8 / seconds)) Mbit/s",
            "\(Markup.number(Double(round.requests) / seconds)) requests/s")
        card(
            "stalls", "\(round.stalls)",
            "\(Markup.number(round.stalledSeconds)) s · \(round.skippedParts) parts skipped")
        card("errors", "\(round.errorCount)", "\(round.violationCount) violations")
        return html + "</div>\n"
    }

    private func waterfall(_ round: RunReport.Round) -> String {
        let total = round.stages.reduce(0) { $0 + $1.milliseconds }
        guard total > 0 else { return "" }
        var html = "<h3>Where the time goes</h3><table class=waterfall>\n"
        var before = 0.0
        for (index, stage) in round.stages.enumerated() {
            let color = LinePlot.colors[index % LinePlot.colors.count]
            let bar =
                "<div class=track><div style=\"margin-left:\(Markup.place(100 * before / total))%;"
                + "width:\(Markup.place(max(0.3, 100 * stage.milliseconds / total)))%;background:\(color)\"></div></div>"
            html += Markup.row([
                "<b>\(Markup.escape(stage.name))</b><small>\(Markup.escape(stage.meaning))</small>", bar,
                "\(Markup.number(stage.milliseconds)) ms",
            ])
            before += stage.milliseconds
        }
        html += Markup.row(["<b>glass latency, mean</b>", "", "<b>\(Markup.number(total)) ms</b>"])
        return html + "</table>\n"
    }

    private func plots(_ round: RunReport.Round) -> String {
        let seconds = round.seconds
        let colors = LinePlot.colors
        func line(_ name: String, _ color: Int, _ value: (RunReport.Second) -> Double?) -> LinePlot.Line {
            LinePlot.Line(name: name, color: colors[color % colors.count], values: seconds.map(value))
        }
        var html = LinePlot(
            title: "Glass latency", unit: "ms",
            lines: [
                line("p50", 0) { $0.glassP50 }, line("p95", 1) { $0.glassP95 }, line("p99", 2) { $0.glassP99 },
            ], faults: round.faults
        ).svg
        html += "<div class=pair>"
        if let glass = round.glass {
            html += BarPlot(title: "Glass latency, all parts of all viewers", distribution: glass).svg
        }
        if let delivery = round.delivery {
            html += BarPlot(title: "Age of a part's last frame on arrival", distribution: delivery).svg
        }
        html += "</div>"
        html +=
            LinePlot(
                title: "Throughput", unit: "Mbit/s", lines: [line("bodies", 3) { $0.megabits }], faults: round.faults
            ).svg
        html +=
            LinePlot(
                title: "Requests answered", unit: "/s", lines: [line("requests", 4) { Double($0.requests) }],
                faults: round.faults
            ).svg
        html +=
            LinePlot(
                title: "Viewers", unit: "",
                lines: [line("watching", 5) { Double($0.viewers) }, line("joined", 3) { Double($0.joins) }],
                faults: round.faults
            ).svg
        html +=
            LinePlot(
                title: "Errors and stalls", unit: "/s",
                lines: [line("errors", 2) { Double($0.errors) }, line("stalls", 1) { Double($0.stalls) }],
                faults: round.faults
            ).svg
        func uses(_ value: (RunReport.ProcessUse) -> [Double]) -> [LinePlot.Line] {
            round.processes.enumerated().map { index, process in
                LinePlot.Line(
                    name: process.name, color: colors[index % colors.count], values: value(process).map { $0 })
            }
        }
        html += LinePlot(title: "CPU", unit: "% of a core", lines: uses(\.cpu), faults: round.faults).svg
        html += LinePlot(title: "Memory", unit: "MB", lines: uses(\.memory), faults: round.faults).svg
        return html
    }

    private func trouble(_ round: RunReport.Round) -> String {
        var html = "<h3>Errors and violations</h3>"
        if round.errors.isEmpty, round.violations.isEmpty, round.firstStall == nil {
            return html + "<p>None.</p>\n"
        }
        html += "<table>" + Markup.row(["what", "count", "first evidence"], tag: "th")
        for (reason, count) in round.errors.sorted(by: { $0.value > $1.value }) {
            html += Markup.row(["error: \(Markup.escape(reason))", "\(count)", ""])
        }
        for broken in round.violations {
            html += Markup.row([
                "violation: \(broken.rule.rawValue)", "\(broken.count)", Markup.escape(broken.firstEvidence),
            ])
        }
        if let stall = round.firstStall { html += Markup.row(["stall", "\(round.stalls)", Markup.escape(stall)]) }
        return html + "</table>\n"
    }

    private func health(_ round: RunReport.Round) -> String {
        var html = "<h3>Processes and the tool itself</h3><table>"
        html += Markup.row(["process", "CPU, mean % of a core", "peak memory, MB"], tag: "th")
        for process in round.processes {
            html += Markup.row([
                Markup.escape(process.name), Markup.number(process.meanCPU), Markup.number(process.peakMemory),
            ])
        }
        html += "</table><table>" + Markup.row(["", "p50, ms", "p99, ms", "max, ms"], tag: "th")
        func add(_ name: String, _ distribution: RunReport.Distribution?) {
            guard let distribution else { return }
            html += Markup.row([
                name, Markup.number(distribution.p50), Markup.number(distribution.p99),
                Markup.number(distribution.maximum),
            ])
        }
        add("lag of the viewers' event loop", round.harness?.loopLag)
        add("lateness of the publishers' frames", round.harness?.senderLateness)
        html += "</table>\n"
        if let browser = round.browser {
            html +=
                "<h3>Chromium beside the model</h3><table>"
                + Markup.row(["", "p50, ms", "p95, ms", "p99, ms"], tag: "th")
            func line(_ name: String, _ distribution: RunReport.Distribution?) {
                html += Markup.row([
                    name, Markup.number(distribution?.p50), Markup.number(distribution?.p95),
                    Markup.number(distribution?.p99),
                ])
            }
            line("browser, read off the picture", browser.glass)
            line("model", round.glass)
            html += "</table><p>Difference of the medians: <b>\(Markup.number(browser.differenceFromModel)) ms</b>. "
            html +=
                "Stalls in the browser: \(browser.stalls). First frame after \(Markup.number(browser.joinMilliseconds)) ms.</p>\n"
        }
        return html
    }

    private static let style = """
        :root{color-scheme:light dark;--line:#d4d4d8;--soft:#71717a;--back:#fff;--card:#f4f4f5;--ink:#18181b}
        @media(prefers-color-scheme:dark){:root{--line:#3f3f46;--soft:#a1a1aa;--back:#18181b;--card:#27272a;--ink:#f4f4f5}}
        body{font:15px/1.45 system-ui,sans-serif;max-width:900px;margin:24px auto;padding:0 16px;background:var(--back);color:var(--ink)}
        h1{margin:0;font-size:26px}h3{margin:28px 0 8px}header p{margin:4px 0;color:var(--soft)}
        header p.good,header p.bad{padding:8px 12px;border-radius:6px;color:#fff}
        .good{background:#15803d}.bad{background:#b91c1c}
        .cards{display:grid;grid-template-columns:repeat(3,1fr);gap:10px;margin:18px 0}
        .cards div{background:var(--card);border-radius:8px;padding:10px 14px;display:flex;flex-direction:column}
        .cards b{font-size:22px}.cards small,td small{color:var(--soft);display:block}
        table{border-collapse:collapse;width:100%;margin:6px 0}td,th{text-align:left;padding:4px 8px;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
        .waterfall{table-layout:fixed}.waterfall td:nth-child(1){width:40%}.waterfall td:nth-child(3){width:14%}.waterfall td:nth-child(3){text-align:right;white-space:nowrap}
        .track{background:var(--card);border-radius:3px;height:18px;margin-top:4px}.track div{height:18px;border-radius:3px}
        figure{margin:22px 0 0}figcaption{font-weight:600}.legend{font-weight:400;color:var(--soft);margin-left:12px}
        .legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin:0 4px 0 8px}
        .pair{display:flex;gap:16px;flex-wrap:wrap}.half{flex:1 1 380px}svg{width:100%;height:auto}
        svg path{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.grid{stroke:var(--line);stroke-width:.6}.axis{fill:var(--soft);font-size:11px}
        .mark{fill:var(--soft);font-size:10px}.fault{fill:#dc2626;opacity:.14}.bar{fill:#2563eb}.quantile{stroke:#dc2626;stroke-dasharray:3 3}
        footer{margin:30px 0;color:var(--soft)}
        """
}
