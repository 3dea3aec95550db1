import Configuration
import Foundation
import Testing

@testable import LoadtestCore

@Suite("Scenarios") struct ScenarioTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "loadtest/scenarios")

    static let names = [
        "smoke", "thousand-viewers", "herd", "churn", "failover", "wide-area", "soak", "compare", "standard", "browser",
        "nginx-rtmp", "mediamtx", "ovenmediaengine",
    ]

    private func decode(_ text: String) throws(ConfigurationError) -> Scenario {
        try Scenario.decode(ConfigurationFile(path: "s.yaml", text: text), files: .trusting)
    }

    /// The problems of a text, as they are printed.
    private func problems(_ text: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try decode(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private static let valid = "publishers: {main: {}}\nviewers: {crowd: {}}\n"

    @Test("every sample is valid", arguments: names)
    func samples(name: String) throws {
        let file = try ConfigurationFile(readingFrom: Self.folder.appending(path: "\(name).yaml").path)
        let scenario = try Scenario.decode(file, files: .trusting)
        #expect(scenario.name == name)
        #expect(!scenario.publishers.isEmpty && !scenario.viewers.isEmpty)
    }

    @Test("no sample is left out of these tests")
    func allSamples() throws {
        let found = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(Set(found) == Set(Self.names.map { "\($0).yaml" }))
    }

    @Test("the smoke sample names every key")
    func everyKey() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "smoke.yaml"), encoding: .utf8)
        for key in Scenario.keys {
            let last = try #require(key.path.split(separator: ".").last.map(String.init))
            let isSaid = text.contains("\(last):") || text.contains("\(last)_") || last == "*"
            #expect(isSaid, "\(key.path)")
        }
    }

    @Test("what is absent has its standard")
    func standards() throws {
        let scenario = try decode(Self.valid)
        #expect(scenario.target.given == nil && scenario.target.start.edges == 1)
        #expect(scenario.publishers.map(\.count) == [1])
        #expect(scenario.viewers.map(\.name) == ["crowd"])
        #expect(scenario.viewers[0].version == .http2 && !scenario.viewers[0].isTLS)
        #expect(scenario.thresholds == Thresholds())
    }

    @Test(
        "mistakes are told with their place and a way out",
        arguments: [
            (
                "publishers: {main: {bitrate: 1Mbit}}\nviewers: {crowd: {}}",
                #"s.yaml:1:21: unknown key "publishers.main.bitrate". Did you mean "publishers.main.bit_rate"?"#
            ),
            (
                "publishers: {main: {bit_rate: 100}}\nviewers: {crowd: {}}",
                "s.yaml:1:31: \"publishers.main.bit_rate\" is \"100\": the unit is missing"
            ),
            (
                "publishers: {main: {resolution: 641x360}}\nviewers: {crowd: {}}",
                "s.yaml:1:33: \"publishers.main.resolution\" is 641x360, which is out of range"
            ),
            ("viewers: {crowd: {}}", "s.yaml:1:1: \"publishers\" is missing"),
            (
                "\(valid)faults: [{kind: pause, of: edge-2, at: 1s}]",
                "s.yaml:3:28: \"faults.0.of\" names \"edge-2\", which is not a node that this scenario starts. Known here: origin, edge-1."
            ),
            ("\(valid)faults: [{kind: bandwidth, of: viewers, at: 1s}]", "\"faults.0.rate\" is missing"),
            (
                "\(valid)faults: [{kind: pause, of: edge-1, at: 1s, rate: 1Mbit}]",
                "\"faults.0.rate\" has no meaning for \"pause\""
            ),
            ("\(valid)faults: [{kind: pause, of: edge-1, at: 100s}]", "begins after the scenario has ended"),
            (
                "publishers: {main: {}}\nviewers: {crowd: {return_after: 1s}}",
                "s.yaml:2:33: \"viewers.crowd.return_after\" has no meaning without \"stay\""
            ),
            (
                "publishers: {main: {}}\nviewers: {crowd: {http: http1, per_connection: 4}}",
                "s.yaml:2:48: viewers cannot share a connection in HTTP/1.1"
            ),
            (
                "publishers: {main: {}}\nviewers: {crowd: {watch: other}}",
                "\"viewers.crowd.watch\" names \"other\", which is not a group of publishers. Known here: main."
            ),
            (
                "publishers: {main: {}}\nviewers: {crowd: {kind: browser}}",
                "a browser reads the time from the picture, and \"main\" has none there. Add \"stamp: picture\""
            ),
            (
                "\(valid)faults: [{kind: loss, of: edge-1, at: 1s, loss: 0.1}]",
                "which is not a node with a network of its own. Add \"network: namespaces\" to \"target.start\"."
            ),
            (
                "\(valid)target: {start: {network: namespaces}}\nfaults: [{kind: loss, of: viewers, at: 1s, loss: 0.1}]",
                "Known here: origin, edge-1."
            ),
            (
                "\(valid)target: {start: {network: namespaces}}\nfaults: [{kind: partition, of: viewers, at: 1s, way: in}]",
                "\"way\" has no meaning for \"viewers\""
            ),
            (
                "\(valid)faults: [{kind: partition, of: edge-1, at: 1s}]",
                "is not a link. Known here: publishers, viewers"
            ),
            ("\(valid)target: {given: {viewers: \"http://h:80\"}, start: {}}", "are both set"),
            ("\(valid)target: {given: {}}", "\"target.given.viewers\" is missing"),
            (
                "\(valid)target: {given: {viewers: \"http://h:80\", rtmp: \"http://x\"}}",
                "this is not an rtmp URL. Write for example rtmp://127.0.0.1:1935/live."
            ),
            (
                "publishers: {main: {}}\nviewers: {crowd: {from: origin}}\ntarget: {given: {viewers: \"http://h:80\"}}",
                "s.yaml:2:25: viewers \"crowd\" watch at the origin, which \"target.given\" does not name"
            ),
        ])
    func mistakes(text: String, expected: String) {
        let found = problems(text)
        #expect(found.contains { $0.contains(expected) }, "\(found)")
    }

    @Test("all mistakes are told at once")
    func atOnce() {
        #expect(problems("publishers: {a: {count: 0}}\nviewers: {b: {sampled: 2}}\nrounds: x").count == 3)
    }

    @Test("a foreign server")
    func foreign() throws {
        let scenario = try decode(
            "\(Self.valid)target: {given: {rtmp: \"rtmp://[::1]:1936/app/x\", viewers: \"https://h\", playlist: \"/hls/{key}.m3u8\"}}"
        )
        let given = try #require(scenario.target.given)
        #expect(given.rtmp == RTMPTarget(host: "::1", port: 1936, app: "app/x"))
        #expect(given.viewers.map(\.port) == [443])
        #expect(scenario.target.nodeNames.isEmpty)
    }
}

@Suite("Arrivals") struct VisitTests {
    private func plan(_ change: (inout ViewerPlan) -> Void) -> ViewerPlan {
        var plan = ViewerPlan()
        plan.name = "crowd"
        plan.count = 100
        plan.arriveOver = .seconds(10)
        change(&plan)
        return plan
    }

    @Test("evenly, at once, and as strangers do")
    func curves() {
        let linear = Visit.draw(plan { _ in }, end: .seconds(30), seed: 1)
        #expect(linear.count == 100)
        #expect(linear.first?.from == .zero && linear.last?.from == .milliseconds(9_900))
        #expect(linear.allSatisfy { $0.until == .seconds(30) })
        let burst = Visit.draw(
            plan {
                $0.curve = .burst; $0.arriveAt = .seconds(3)
            }, end: .seconds(30), seed: 1)
        #expect(burst.allSatisfy { $0.from == .seconds(3) })
        let poisson = Visit.draw(
            plan {
                $0.curve = .poisson; $0.count = 2_000
            }, end: .seconds(300), seed: 1)
        let last = poisson.last.map { $0.from } ?? .zero
        #expect(last > .seconds(8) && last < .seconds(12), "\(last)")
    }

    @Test("viewers who leave come again, within the run, and the same seed draws the same")
    func churn() {
        let plan = plan {
            $0.stay = .seconds(5); $0.returnAfter = .seconds(1)
        }
        let visits = Visit.draw(plan, end: .seconds(60), seed: 7)
        #expect(visits.count > 500)
        #expect(visits.allSatisfy { $0.from < $0.until && $0.until <= .seconds(60) })
        #expect(visits == Visit.draw(plan, end: .seconds(60), seed: 7))
        #expect(visits != Visit.draw(plan, end: .seconds(60), seed: 8))
        for viewer in 0..<100 {
            let own = visits.filter { $0.viewer == viewer }
            #expect(zip(own, own.dropFirst()).allSatisfy { $0.until + .seconds(1) == $1.from })
        }
    }
}
