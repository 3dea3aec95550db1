import Foundation
import Testing

@testable import LoadtestCore

@Suite("Reports") struct ReportTests {
    static func round(glass: Int64, error: String? = nil) -> RunReport.Round {
        var statistics = RunStatistics()
        statistics.start(at: 1_000_000)
        for index in 0..<200 as Range<Int64> {
            var part = StreamBook.Part()
            let captured = 1_000_000 + index * 10_000
            part.first = FrameStamp(capturedAt: captured, sentAt: captured + 1_000)
            part.last = FrameStamp(capturedAt: captured + 100_000, sentAt: captured + 101_000)
            statistics.shown(
                .init(
                    path: "p", listedAt: captured + 110_000, arrivedAt: captured + 120_000,
                    shownAt: captured + glass + index),
                of: part)
        }
        if let error { statistics.failed(error, at: 1_500_000) }
        return RunReport.Round(statistics, length: 3)
    }

    static func report(_ rounds: [RunReport.Round]) -> RunReport {
        RunReport(scenario: "a <b>", startedAt: "2026-01-01T00:00:00Z", machine: "1 core", rounds: rounds)
    }

    @Test("JSON keeps everything")
    func json() throws {
        var report = Self.report([Self.round(glass: 500_000, error: "status 503")])
        report.judge(Thresholds())
        let data = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(RunReport.self, from: data) == report)
    }

    @Test("thresholds take the worst round, and what was not measured keeps none")
    func thresholds() {
        var thresholds = Thresholds()
        thresholds.glassP95 = .milliseconds(550)
        thresholds.errors = 0
        var good = Self.report([Self.round(glass: 500_000)])
        good.judge(thresholds)
        #expect(good.isKept)
        var bad = Self.report([Self.round(glass: 500_000), Self.round(glass: 600_000)])
        bad.judge(thresholds)
        #expect(!bad.isKept && bad.thresholds.map(\.isKept) == [false, true])
        var empty = Self.report([RunReport.Round(RunStatistics(), length: 0)])
        empty.judge(thresholds)
        #expect(!empty.isKept)
    }

    @Test("the page stands alone and is not broken by what servers say")
    func page() {
        var round = Self.round(glass: 500_000, error: "<script>alert(1)</script>")
        round.faults = [.init(name: "pause edge-1", from: 0.5, until: 1.5)]
        round.processes = [.init(name: "origin", cpu: [1, 2, 3], memory: [10, 10, 11])]
        round.harness = .init(loopLag: nil, senderLateness: nil, cpu: 1, spoiledBy: ["lag & more"])
        let html = ReportPage(Self.report([round])).html
        #expect(!html.contains("<script") && html.contains("&lt;script&gt;"))
        #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("src="))
        #expect(html.contains("a &lt;b&gt;") && html.contains("lag &amp; more"))
        for word in ["Glass latency", "pause edge-1", "captured to sent", "CPU", "Memory"] {
            #expect(html.contains(word))
        }
        #expect(html.components(separatedBy: "<svg").count == html.components(separatedBy: "</svg>").count)
    }

    @Test("CSV has a line a second and as many cells everywhere")
    func csv() {
        var round = Self.round(glass: 500_000)
        round.processes = [.init(name: "origin", cpu: [1, 2], memory: [10, 10])]
        let lines = Self.report([round, round]).csv.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(Set(lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }) == [13])
    }

    @Test("a difference counts when it exceeds what rounds of one run differ by")
    func comparison() throws {
        func run(_ values: [Int64]) -> RunReport { Self.report(values.map { Self.round(glass: $0 * 1_000) }) }
        func verdict(_ a: [Int64], _ b: [Int64]) throws -> Comparison.Row.Verdict {
            try #require(Comparison(run(a), run(b)).rows.first { $0.name == "glass p50, ms" }).verdict
        }
        #expect(try verdict([500, 510, 505], [700, 705, 710]) == .higher)
        #expect(try verdict([700, 705, 710], [500, 510, 505]) == .lower)
        #expect(try verdict([500, 600, 550], [560, 610, 580]) == .same)
        #expect(try verdict([500], [700]) == .unknown)
        let text = Comparison(run([500, 510]), run([1_000, 1_010])).text("before", "after")
        #expect(text.contains("| glass p50, ms | 505 | 1005 | 1.99 |"), "\(text)")
    }

    @Test("a loop that lags, or a publisher that is late, spoils the run")
    func health() {
        var calm = LatencyHistogram()
        var busy = LatencyHistogram()
        var glass = LatencyHistogram()
        for _ in 0..<1_000 {
            calm.record(500)
            busy.record(40_000)
            glass.record(500_000)
        }
        #expect(HarnessJudge.judge(lag: calm, lateness: calm, cpu: [30], glass: glass).spoiledBy.isEmpty)
        #expect(HarnessJudge.judge(lag: busy, lateness: calm, cpu: [30], glass: glass).spoiledBy.count == 1)
        #expect(HarnessJudge.judge(lag: busy, lateness: busy, cpu: [195], glass: glass).spoiledBy.count == 3)
        // 40 ms are nothing beside two seconds.
        var slow = LatencyHistogram()
        slow.record(2_000_000)
        #expect(HarnessJudge.judge(lag: busy, lateness: calm, cpu: [30], glass: slow).spoiledBy.isEmpty)
    }

    @Test(
        "scales go in steps that people count in",
        arguments: [(0.0, 1.0), (7, 8), (43, 50), (101, 150), (0.3, 0.3), (999, 1_000)])
    func scale(highest: Double, limit: Double) {
        #expect(abs(LinePlot.scale(highest).limit - limit) < 1e-9)
    }
}
