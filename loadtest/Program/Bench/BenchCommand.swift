import ArgumentParser
import Foundation
import Harness
import NIOCore
import NIOPosix

/// Prints the figures by which the project is judged, as a table.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Starts an origin and an edge on this machine and measures them.",
        discussion: "Example: needletail-loadtest bench --only startup --only age")

    enum Measure: String, CaseIterable, ExpressibleByArgument {
        case startup, age, ingest, glass, tiers, playlist, holds, returns
    }

    @Option(help: "Measure this alone; may be repeated: startup, age, ingest, glass, tiers, playlist, holds, returns.")
    var only: [Measure] = []

    @Option(help: "Publishers that are killed and come back; a third as many rounds of each tier.")
    var rounds = 15

    @Option(help: "Seconds of each measurement.")
    var seconds = 15

    @Option(help: "Starts of the browser for each length of parts.")
    var starts = 1

    @Flag(help: "Measure a page with nothing but hls.js beside the watch page.")
    var plain = false

    @Option(help: "A clip of 720p30 H.264 with AAC, published without encoding.")
    var clip: String

    func run() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let clip = try Clip(path: clip)
        let chosen = only.isEmpty ? Measure.allCases : only
        let parts = [("200 ms", "200ms"), ("333 ms", "1/3s"), ("500 ms", "500ms")]
        print("| figure | value |")
        print("|---|---|")
        if chosen.contains(.startup) {
            for (name, part) in parts {
                let spread = try StartupMeasure(clip: clip, group: group).run(part: part, rounds: 7)
                row("publish to first playable playlist, \(name) parts", spread.text("ms"))
            }
        }
        if chosen.contains(.age) {
            for (name, part) in parts {
                let (origin, edge) = try PartAgeMeasure(clip: clip, group: group).run(part: part, seconds: seconds)
                row("age of a part's last frame at a blocking client of the origin, \(name) parts", origin.text("ms"))
                row("the same at a client of an edge", edge.text("ms"))
            }
        }
        if chosen.contains(.ingest) {
            let cost = try IngestCostMeasure(clip: clip, group: group).run(publishers: 8, seconds: seconds)
            row("CPU of the origin per 720p30 stream, of one core", String(format: "%.2f %%", cost.percent))
            row(
                "memory of the origin per 720p30 stream after \(seconds) s, and the media in it",
                "\(cost.residentBytes / 1_000) kB, \(cost.mediaBytes / 1_000) kB")
        }
        if chosen.contains(.playlist) { playlist() }
        if chosen.contains(.holds) { try holds(clip, group) }
        if chosen.contains(.returns) {
            let result = try ReturnMeasure().run(rounds: rounds)
            row("time without a publisher, killed and come back", Spread(result.outages).text("s", digits: 2))
            row("time without a frame in Chromium through an edge", Spread(result.gaps).text("s", digits: 2))
            row("rounds after which it went on by itself", "\(result.recovered) of \(rounds)")
        }
        if chosen.contains(.tiers) {
            let tiers = try TiersMeasure().run(part: "200ms", seconds: seconds, rounds: max(1, rounds / 3))
            let origin = Spread(tiers.origin).quantile(0.5)
            for (name, medians) in [
                ("the origin", tiers.origin), ("an edge", tiers.edge), ("an edge behind an edge", tiers.farEdge),
            ] {
                let spread = Spread(medians)
                row(
                    "glass latency in Chromium from \(name), 200 ms parts, medians of rounds",
                    spread.text("ms", digits: 0) + String(format: ", %+.0f ms", spread.quantile(0.5) - origin))
            }
        }
        if chosen.contains(.glass) {
            for (name, part) in [("100 ms", "100ms")] + parts + [("1000 ms", "1s")] { try glass(name, part) }
        }
    }

    private func glass(_ name: String, _ part: String) throws {
        let pages: [GlassMeasure.Page] = plain ? [.watch, .plain] : [.watch]
        let results = try GlassMeasure().run(part: part, seconds: seconds, starts: starts, pages: pages)
        for page in pages {
            guard let glass = results[page] else { continue }
            let suffix = page == .plain ? ", hls.js alone" : ""
            row(
                "join to first frame in Chromium through an edge, \(name) parts\(suffix)",
                Spread(glass.joins).text("ms", digits: 0))
            row(
                "glass latency in Chromium through an edge, \(name) parts\(suffix)",
                Spread(glass.ages).text("ms", digits: 0))
            row("medians of its starts", glass.rests.map { String(format: "%.0f", $0) }.joined(separator: ", ") + " ms")
            row("stalls meanwhile, \(name) parts\(suffix)", "\(glass.stalls)")
        }
    }

    private func playlist() {
        for (name, window) in [("30 s", 30), ("15 min", 900), ("6 h", 21_600)] {
            let figures = PlaylistMeasure().run(window: window, parts: 600)
            row(
                "a part's playlist at a window of \(name): plain, gzip",
                String(format: "%.0f µs, %.0f µs", figures.plain, figures.gzip))
            row(
                "the same written and compressed whole",
                String(format: "%.0f µs, %.0f µs", figures.wholePlain, figures.wholeGzip))
            row("its bytes", figures.bytes.map { "\($0.name) \($0.count)" }.joined(separator: "; "))
        }
    }

    private func holds(_ clip: Clip, _ group: any EventLoopGroup) throws {
        for (version, isHTTP2) in [("HTTP/1.1", false), ("HTTP/2", true)] {
            for count in [1, 1_000, 10_000] {
                let figures = try HoldsMeasure(clip: clip, group: group).run(
                    count: count, isHTTP2: isHTTP2, rounds: count == 1 ? 10 : 3)
                let name = "\(count) holds over \(version) (\(figures.connections) connections)"
                row("segment's end to its answer, \(name)", figures.unblocked.text("ms", tail: ("p99", 0.99)))
                row("first answer to each, \(name)", figures.behindFirst.text("ms", tail: ("p99", 0.99)))
                guard count > 1 else { continue }
                row("memory of a hold, \(name)", "\(Int(figures.bytesPerHold)) bytes")
                row(
                    "processor time of the origin for an answer, \(name)",
                    String(format: "%.0f µs", figures.processorMicroseconds))
            }
        }
    }

    private func row(_ name: String, _ value: String) {
        print("| \(name) | \(value) |")
        fflush(nil)
    }
}
