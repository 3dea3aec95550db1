import Foundation
import Harness
import LoadtestCore
import NIOCore
import NIOPosix
import NIOSSL
import Wire

/// One round of a scenario, from starting what it needs to stopping it again.
final class Round {
    private let scenario: Scenario
    private let progress: ProgressLine
    private let directory: URL
    private let viewerLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let senderLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let proxyLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let sampler = ProcessSampler()
    private var nodes: StartedNodes?
    private var links: [String: [LinkProxy]] = [:]
    private var publishers: [PublisherGroup] = []
    private var browsers: [BrowserGlass] = []
    private var browserJoin: Double?

    init(_ scenario: Scenario, progress: ProgressLine) throws {
        self.scenario = scenario
        self.progress = progress
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("needletail-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    /// The result, also of a round that Ctrl-C cut short; nil when it ended before anything was measured.
    func run() throws -> RunReport.Round? {
        defer { cleanUp() }
        let (rtmp, viewerServers, originServer, tls) = try prepare()
        progress.say("publishing to \(rtmp)")
        for plan in scenario.publishers {
            publishers.append(try PublisherGroup(plan, target: rtmp, in: directory, on: senderLoops))
        }
        let room = try ViewerRoom(loop: viewerLoops.next(), seed: scenario.seed, tls: tls)
        defer {
            try? room.run { pool, schedule in
                pool.finish()
                schedule.stop()
            }
        }
        try waitForStreams(viewerServers)
        guard !Interrupt.isAsked else { return nil }

        try openBrowsers(viewerServers)
        guard !Interrupt.isAsked else { return nil }
        // The run's time begins here.
        let start = RunClock.now()
        let end = scenario.warmUp + scenario.duration
        let probed = originServer == nil ? [] : paths(of: nil)
        let groups = scenario.viewers.filter { $0.kind == .protocol }.map { plan in
            (plan: plan, paths: paths(of: plan.watches), servers: servers(for: plan, viewerServers, originServer))
        }
        try room.run { [seed = scenario.seed] pool, schedule in
            pool.startMeter()
            for path in probed { if let originServer { schedule.addProbe(path, at: originServer) } }
            for group in groups {
                schedule.add(
                    group.plan, paths: group.paths, servers: group.servers, start: start, end: end, seed: seed)
            }
        }
        let faults = FaultInjector(
            scenario.faults, nodes: nodes, groups: publishers, links: links, say: { [progress] in progress.say($0) })
        return try measure(room, faults, start: start)
    }

    // MARK: Before

    private typealias Servers = [(clear: ViewerSchedule.Server, secure: ViewerSchedule.Server)]

    private func prepare() throws -> (
        rtmp: RTMPTarget, viewers: Servers, origin: ViewerSchedule.Server?,
        tls: (http1: NIOSSLContext, http2: NIOSSLContext)
    ) {
        func server(_ place: Endpoint, _ isSecure: Bool) -> ViewerSchedule.Server {
            ViewerSchedule.Server(host: place.host, port: place.port, isSecure: isSecure)
        }
        func contexts(_ authority: String?, _ verifies: Bool) throws -> (http1: NIOSSLContext, http2: NIOSSLContext) {
            (
                try TLSMaterial.client(authorityPath: authority, verifies: verifies, protocols: ["http/1.1"]),
                try TLSMaterial.client(authorityPath: authority, verifies: verifies, protocols: ["h2"])
            )
        }
        sampler.watch("loadtest", [ProcessInfo.processInfo.processIdentifier])
        if let given = scenario.target.given {
            for name in given.processes { sampler.watch(name, ProcessSampler.pids(named: name)) }
            let place = try through("publishers", Endpoint(host: given.rtmp.host, port: given.rtmp.port))
            let rtmp = RTMPTarget(host: place.host, port: place.port, app: given.rtmp.app)
            let viewers: Servers = try given.viewers.map { url in
                let one = server(try through("viewers", Endpoint(host: url.host, port: Int(url.port))), url.isSecure)
                return (one, one)
            }
            let origin = given.origin.map { server(Endpoint(host: $0.host, port: Int($0.port)), $0.isSecure) }
            return (rtmp, viewers, origin, try contexts(nil, given.verifiesCertificate))
        }
        progress.say("starting \(scenario.target.nodeNames.joined(separator: ", "))")
        let nodes = try StartedNodes(scenario.target.start, faults: scenario.faults, directory: directory) {
            try self.through("upstream", $0)
        }
        self.nodes = nodes
        watchNodes()
        for name in scenario.target.nodeNames {
            guard let node = nodes.nodes[name] else { continue }
            progress.say("\(name): process \(node.process.processIdentifier), http://\(node.clear)")
        }
        let place = try through("publishers", nodes.rtmp)
        let rtmp = RTMPTarget(host: place.host, port: place.port, app: "live")
        let names = nodes.edgeNames.isEmpty ? ["origin"] : nodes.edgeNames
        let viewers: Servers = try names.compactMap { nodes.nodes[$0] }.map { node in
            (
                server(try through("viewers", node.clear), false),
                server(try through("viewers", node.secure), true)
            )
        }
        let origin = nodes.nodes["origin"].map { server($0.clear, false) }
        let tls = try contexts(directory.appendingPathComponent("cert.pem").path, true)
        return (rtmp, viewers, origin, tls)
    }

    /// The place itself, or that of a proxy in front of it where a fault of the scenario needs one.
    private func through(_ link: String, _ place: Endpoint) throws -> Endpoint {
        guard scenario.faults.contains(where: { $0.target == link }) else { return place }
        // An edge in a namespace of its own finds the tool on the bridge.
        let host = scenario.target.hasNodeLinks ? NodeNetwork.toolAddress : "127.0.0.1"
        let proxy = try LinkProxy.open(on: host, to: (place.host, place.port), loops: proxyLoops)
        links[link, default: []].append(proxy)
        return Endpoint(host: host, port: proxy.port)
    }

    private func watchNodes() {
        guard let nodes else { return }
        for name in scenario.target.nodeNames {
            if let process = nodes.nodes[name]?.process { sampler.watch(name, [process.processIdentifier]) }
        }
    }

    /// Playlists of a group of publishers, or of all.
    private func paths(of group: String?) -> [String] {
        let pattern = scenario.target.given?.playlist ?? "/live/{key}/index.m3u8"
        return scenario.publishers.filter { group == nil || $0.name == group }.flatMap { plan in
            PublisherGroup.keys(plan).map { pattern.replacingOccurrences(of: "{key}", with: $0) }
        }
    }

    private func servers(
        for plan: ViewerPlan, _ viewers: Servers, _ origin: ViewerSchedule.Server?
    ) -> [ViewerSchedule.Server] {
        switch plan.from {
        case .origin: origin.map { [$0] } ?? []
        case .edges: viewers.map { plan.isTLS ? $0.secure : $0.clear }
        }
    }

    /// Viewers of a stream that is not there yet would measure our own start.
    private func waitForStreams(_ servers: Servers) throws {
        guard let server = servers.first?.clear else { return }
        let early = scenario.publishers.filter { $0.startAt == .zero }.map(\.name)
        let base = "\(server.isSecure ? "https" : "http")://\(server.host):\(server.port)"
        let begin = Date()
        for path in early.flatMap({ paths(of: $0) }) {
            _ = try eventually("a playlist at \(base)\(path)\(refusals)", within: 40) { () -> Bool? in
                for group in publishers { group.tend(at: 0) }
                if Interrupt.isAsked { return true }
                progress.show("waiting for \(path), \(Int(Date().timeIntervalSince(begin))) s")
                return try curl(base + path).status == 200 ? true : nil
            }
        }
    }

    /// Browsers come before everybody else: their start takes the processor for seconds.
    private func openBrowsers(_ servers: Servers) throws {
        for plan in scenario.viewers where plan.kind == .browser {
            let keys = scenario.publishers.filter { plan.watches == nil || plan.watches == $0.name }
                .flatMap { PublisherGroup.keys($0) }
            for index in 0..<plan.count {
                let pair = servers[index % servers.count]
                let server = plan.isTLS ? pair.secure : pair.clear
                let url =
                    "\(server.isSecure ? "https" : "http")://\(server.host):\(server.port)/watch/\(keys[index % keys.count])"
                progress.say("Chromium opens \(url)")
                let browser = try BrowserGlass(opening: url, in: directory)
                browsers.append(browser)
                let join = try eventually("a first picture in Chromium at \(url)", within: 60) { () -> Double? in
                    if Interrupt.isAsked { return 0 }
                    for group in publishers { group.tend(at: 0) }
                    return try browser.firstFrame()
                }
                if browserJoin == nil { browserJoin = join }
                try browser.startReading()
            }
        }
    }

    /// What the browsers saw, beside the model.
    private func readBrowsers(_ model: RunReport.Distribution?) throws -> RunReport.BrowserResult? {
        guard !browsers.isEmpty else { return nil }
        var histogram = LatencyHistogram()
        var stalls = 0
        for browser in browsers {
            let (ages, count) = try browser.read()
            for age in ages { histogram.record(Int64(age * 1_000)) }
            stalls += count
        }
        let glass = RunReport.Distribution(histogram)
        let difference = glass.flatMap { one in model.map { one.p50 - $0.p50 } }
        return RunReport.BrowserResult(
            glass: glass, stalls: stalls, joinMilliseconds: browserJoin, differenceFromModel: difference)
    }

    private var refusals: String {
        publishers.compactMap(\.refusal).first.map { "; a publisher was refused: \($0)" } ?? ""
    }

    // MARK: Meanwhile

    private func measure(_ room: ViewerRoom, _ faults: FaultInjector, start: Int64) throws -> RunReport.Round {
        let warmUp = Double(scenario.warmUp.microseconds) / 1e6
        let whole = warmUp + Double(scenario.duration.microseconds) / 1e6
        var isCounting = false
        var nextSample = 0.0
        var beganAt = 0.0
        var second = 0.0
        while second < whole, !Interrupt.isAsked {
            second = Double(RunClock.now() - start) / 1e6
            for group in publishers { group.tend(at: second) }
            try faults.tick(at: second)
            if !isCounting, second >= warmUp {
                isCounting = true
                beganAt = second
                try room.run { pool, _ in pool.beginCounting(at: RunClock.now()) }
                for group in publishers { group.forgetLateness() }
                for browser in browsers { try browser.reset() }
                watchNodes()
                sampler.reset()
                nextSample = second + 1
            }
            if isCounting, second >= nextSample {
                watchNodes()
                sampler.sample()
                nextSample += 1
            }
            try show(room, second: second, warmUp: warmUp, whole: whole)
            usleep(50_000)
        }
        let ended = Double(RunClock.now() - start) / 1e6
        // Faults end before their results are read: nothing stays broken, whatever happens from here on.
        faults.undo(at: ended)
        let (statistics, lag) = try room.run { pool, _ in
            pool.finish()
            return (pool.statistics, pool.lag)
        }
        var result = RunReport.Round(statistics, length: Int((ended - beganAt).rounded()))
        result.browser = try readBrowsers(result.glass)
        result.processes = sampler.uses
        result.faults = faults.marks.map {
            RunReport.FaultMark(name: $0.name, from: $0.from - beganAt, until: $0.until - beganAt)
        }
        var lateness = LatencyHistogram()
        for group in publishers { lateness.add(group.lateness) }
        result.harness = HarnessJudge.judge(
            lag: lag, lateness: lateness, cpu: result.processes.first { $0.name == "loadtest" }?.cpu ?? [],
            glass: statistics.glass)
        let lost = publishers.reduce(0) { $0 + $1.disconnects }
        if lost > 0 { result.errors["publisher disconnected", default: 0] += lost }
        return result
    }

    private var lastShown = 0.0
    private var lastCounts = (requests: 0, bytes: 0)

    private func show(_ room: ViewerRoom, second: Double, warmUp: Double, whole: Double) throws {
        guard second - lastShown >= 1 else { return }
        let state = try room.run { pool, _ in
            let recent = pool.statistics.seconds.suffix(3)
            var glass = LatencyHistogram()
            for one in recent { glass.add(one.glass) }
            return (
                live: pool.live, stalled: pool.stalledViewers, requests: pool.statistics.requests,
                bytes: pool.statistics.bytes, errors: pool.statistics.errorCount,
                violations: pool.statistics.violationCount, p50: glass.quantile(0.5), p99: glass.quantile(0.99)
            )
        }
        let passed = max(0.001, second - lastShown)
        let requests = Double(max(0, state.requests - lastCounts.requests)) / passed
        let megabits = Double(max(0, state.bytes - lastCounts.bytes)) * 8e-6 / passed
        lastShown = second
        lastCounts = (state.requests, state.bytes)
        func milliseconds(_ value: Int64?) -> String { value.map { "\($0 / 1_000)" } ?? "–" }
        let phase = second < warmUp ? "warm-up" : "measuring"
        progress.show(
            "\(phase), \(Int(max(0, whole - second))) s left · \(state.live) viewers, \(state.stalled) stalled · "
                + "\(Int(requests)) req/s, \(Int(megabits)) Mbit/s · glass p50 \(milliseconds(state.p50)) "
                + "p99 \(milliseconds(state.p99)) ms · \(state.errors) errors, \(state.violations) violations")
    }

    // MARK: After

    private func cleanUp() {
        browsers.removeAll()
        for group in publishers { group.stop() }
        for link in links.values.joined() { link.close() }
        nodes?.stop()
        for loops in [viewerLoops, senderLoops, proxyLoops] { try? loops.syncShutdownGracefully() }
        try? FileManager.default.removeItem(at: directory)
    }
}
