import Foundation
import Harness
import LoadtestCore
import Testing

/// The load test as a user runs it: the program, its scenarios, its report.
extension EndToEnd {
    @Suite(.serialized) struct LoadtestTests {
        private static let program = URL(fileURLWithPath: Fleet.program).deletingLastPathComponent()
            .appendingPathComponent("needletail-loadtest").path

        private static func scenario(_ name: String) -> String {
            Fleet.root.appendingPathComponent("loadtest/scenarios/\(name).yaml").path
        }

        private func folder() throws -> URL {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            return directory
        }

        private func start(_ name: String, _ settings: [String], in directory: URL) throws -> ChildProcess {
            try ChildProcess(
                Self.program,
                ["run", Self.scenario(name), "--report", "report"] + settings.flatMap { ["--set", $0] }, in: directory,
                name: "loadtest", patience: 20)
        }

        private func report(in directory: URL) throws -> RunReport {
            try JSONDecoder().decode(
                RunReport.self, from: Data(contentsOf: directory.appendingPathComponent("report.json")))
        }

        @Test func theSmokeScenarioMeasuresTheGlass() throws {
            let directory = try folder()
            defer { try? FileManager.default.removeItem(at: directory) }
            let run = try start("smoke", ["duration=3s", "warm_up=2s"], in: directory)
            // 3: the machine was too busy for the figures to be believed, which no test can help.
            #expect([0, 3].contains(run.waitForExit()), "\(run.text)")
            let report = try report(in: directory)
            let round = try #require(report.rounds.first)
            let glass = try #require(round.glass)
            #expect(report.isComplete && report.isKept)
            #expect(glass.count > 100, "\(run.text)")
            #expect(glass.p50 > 200 && glass.p50 < 3_000)
            #expect(round.join?.count == 20)
            #expect(round.unstampedParts == 0)
            let stages = round.stages.reduce(0) { $0 + $1.milliseconds }
            #expect(abs(stages - glass.mean) < 1, "\(stages) of \(glass.mean)")
            #expect(round.stages.allSatisfy { $0.milliseconds >= 0 } && round.stages[1].milliseconds > 100)
            #expect(round.violations.isEmpty && round.errors.isEmpty, "\(run.text)")
            #expect(Set(round.processes.map(\.name)) == ["loadtest", "origin", "edge-1"])
            #expect(round.processes.allSatisfy { $0.peakMemory > 5 })
            for ending in ["html", "csv"] {
                let text = try String(
                    contentsOf: directory.appendingPathComponent("report.\(ending)"), encoding: .utf8)
                #expect(text.count > 200)
            }
            #expect(run.text.contains("glass latency") && run.text.contains("kept   violations"))
            // Compared with itself nothing differs.
            let compared = try Harness.run(Self.program, ["compare", "report.json", "report.json"], in: directory)
            #expect(compared.status == 0)
            #expect(String(decoding: compared.output, as: UTF8.self).contains("| glass p50, ms |"))
        }

        @Test func anInterruptUndoesTheFaultsAndStillWritesTheReport() throws {
            let directory = try folder()
            defer { try? FileManager.default.removeItem(at: directory) }
            let faults = [
                "faults.0.kind=pause", "faults.0.of=edge-1", "faults.0.at=2s", "faults.0.for=60s",
                "faults.1.kind=partition", "faults.1.of=publishers", "faults.1.at=2s", "faults.1.for=60s",
            ]
            let run = try start("smoke", ["duration=90s", "warm_up=1s"] + faults, in: directory)
            _ = try run.line(with: "fault: partition publishers", within: 60)
            let line = try run.line(with: "publishing to")
            let port = try #require(line.firstMatch(of: /127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) })
            kill(run.processIdentifier, SIGINT)
            #expect([0, 1, 3].contains(run.waitForExit()), "\(run.text)")
            let report = try report(in: directory)
            #expect(!report.isComplete)
            #expect(Set(report.rounds[0].faults.map(\.name)) == ["pause edge-1", "partition publishers"])
            #expect(throws: (any Error).self) { try RawConnection(port: port) }
            let nodes = run.text.matches(of: /process (\d+), http/).compactMap { Int32($0.1) }
            #expect(nodes.count == 2)
            for node in nodes { #expect(kill(node, 0) != 0, "process \(node) was left") }
        }

        /// nginx-rtmp makes plain HLS, nginx caches it: what we measure of ours we measure of anybody.
        @Test func anyServerOfRTMPAndHLSCanBeMeasured() throws {
            let directory = try folder()
            defer { try? FileManager.default.removeItem(at: directory) }
            let peer = try PeerServer(in: directory)
            let run = try start(
                "nginx-rtmp",
                [
                    "warm_up=4s", "duration=3s", "rounds=1", "viewers.crowd.count=10",
                    "faults.0.kind=delay", "faults.0.of=viewers", "faults.0.at=0s", "faults.0.for=60s",
                    "faults.0.delay=200ms",
                    "target.given.rtmp=rtmp://127.0.0.1:\(peer.rtmpPort)/live",
                    "target.given.viewers=http://127.0.0.1:\(peer.cachePort)",
                    "target.given.origin=http://127.0.0.1:\(peer.originPort)",
                ], in: directory)
            #expect([0, 3].contains(run.waitForExit()), "\(run.text)")
            let round = try #require(try report(in: directory).rounds.first)
            let glass = try #require(round.glass, "\(run.text)")
            #expect(glass.count > 10 && round.unstampedParts == 0, "\(run.text)")
            // Whole segments of a second, three of them kept: nobody is nearer to live than that.
            #expect(glass.p50 > 2_000)
            // The proxy between delays what is asked and what is answered, and a join asks for a playlist, then a segment.
            #expect((round.join?.minimum ?? 0) >= 800, "\(run.text)")
            #expect(round.faults.map(\.name) == ["viewers: +200 ms"])
            #expect(round.processes.contains { $0.name == "nginx" && $0.peakMemory > 1 })
            #expect(round.errors.isEmpty, "\(run.text)")
        }

        /// Each node in a network of its own: packets to one edge are lost, then none of the other's arrive, and the first is
        /// slow. Nothing of it is seen outside.
        @Test(.enabled(if: Self.hasNamespaces, "no network namespaces may be made here"))
        func nodesHaveNetworksOfTheirOwn() throws {
            let directory = try folder()
            defer { try? FileManager.default.removeItem(at: directory) }
            try """
            name: wide
            warm_up: 2s
            duration: 6s
            target: {start: {edges: 2, part: 200ms, network: namespaces}}
            publishers: {main: {}}
            viewers: {crowd: {count: 8}}
            faults:
              - {kind: loss, of: edge-1, at: 0s, for: 1m, loss: 0.05, way: in}
              - {kind: partition, of: edge-2, at: 3s, for: 2s, way: out}
              - {kind: bandwidth, of: edge-1, at: 6s, for: 1s, rate: 20Mbit}
            thresholds: {violations: 0}
            """.write(to: directory.appendingPathComponent("wide.yaml"), atomically: true, encoding: .utf8)
            let run = try ChildProcess(
                Self.program, ["run", "wide.yaml", "--report", "report"], in: directory, name: "loadtest", patience: 20)
            #expect([0, 3].contains(run.waitForExit()), "\(run.text)")
            let round = try #require(try report(in: directory).rounds.first)
            #expect(
                Set(round.faults.map(\.name)) == [
                    "edge-1: 5.0 % lost, in", "partition edge-2, out", "edge-1: 20000 kbit/s",
                ])
            // Half of the viewers heard nothing for two seconds: nobody's buffer of a second bridges that.
            #expect(round.stalls >= 4, "\(run.text)")
            #expect(run.text.contains("http://10.77.1.2:"))
            let links = try Harness.run("ip", ["-oneline", "link"])
            #expect(!String(decoding: links.output, as: UTF8.self).contains("needletail"))
        }

        private static var hasNamespaces: Bool {
            let kind = geteuid() == 0 ? ["--net"] : ["--user", "--map-root-user", "--net"]
            return (try? Harness.run("unshare", kind + ["true"]).status) == 0
        }

        @Test func aMistakenScenarioStartsNothing() throws {
            let directory = try folder()
            defer { try? FileManager.default.removeItem(at: directory) }
            let run = try start("smoke", ["viewers.crowd.cuont=3", "duration=x"], in: directory)
            #expect(run.waitForExit() == 78)
            #expect(run.text.contains("--set viewers.crowd.cuont: unknown key"))
            #expect(run.text.contains("Did you mean \"viewers.crowd.count\"?"))
            #expect(run.text.contains("--set duration"))
        }
    }
}
