import Configuration
import Foundation
import Harness
import LoadtestCore

/// Nodes of the real program, started for one round in a folder of their own, and gone after it.
final class StartedNodes {
    struct Node {
        var name: String
        var process: ChildProcess
        var httpPort: Int
        var tlsPort: Int
        /// For starting it again on the ports that it had.
        var arguments: [String]
    }

    private let directory: URL
    private(set) var nodes: [String: Node] = [:]
    let rtmpPort: Int
    /// In the order of their names, as viewers are spread over them.
    private(set) var edgeNames: [String] = []

    /// `upstream` gives the port at which an edge finds the port of its upstream: a proxy's, where faults need one.
    init(_ plan: TargetPlan.Started, directory: URL, upstream: (Int) throws -> Int) throws {
        self.directory = directory
        let made = try run(Fleet.program, ["certificate", "--directory", directory.path])
        guard made.status == 0 else { throw TimedOut(description: "making a certificate failed: \(made.errors)") }
        let limits = "limits: {connections: 200000, connections_per_address: 200000}"
        try """
        channels: {unused: {key: unused}}
        rtmp: {listen: "127.0.0.1:0", any_key: true, limits: {publishers: 2000, half_open: 2000}}
        http: {listen: "127.0.0.1:0", \(limits)}
        https: {listen: "127.0.0.1:0"}
        tls: {certificate: cert.pem, key: key.pem}
        packaging: {part: \(DurationText.write(plan.part)), segment: \(DurationText.write(plan.segment))}
        """.write(to: directory.appendingPathComponent("origin.yaml"), atomically: true, encoding: .utf8)
        let origin = try ChildProcess(
            Fleet.program, ["origin", "--config", "origin.yaml"], in: directory, name: "origin", patience: 10,
            hasOwnGroup: true)
        _ = try origin.line(with: "origin ready")
        rtmpPort = try Fleet.port("rtmp", of: origin)
        var source = Node(
            name: "origin", process: origin, httpPort: try Fleet.port("http", of: origin),
            tlsPort: try Fleet.port("https", of: origin), arguments: [])
        source.arguments =
            ["--config", "origin.yaml", "--set", "rtmp.listen=127.0.0.1:\(rtmpPort)"] + Self.ports(source)
        nodes["origin"] = source
        if plan.hasShield { source = try startEdge("shield", upstream: try upstream(source.tlsPort), limits) }
        for index in 0..<plan.edges {
            let edge = try startEdge("edge-\(index + 1)", upstream: try upstream(source.tlsPort), limits)
            edgeNames.append(edge.name)
        }
    }

    private static func ports(_ node: Node) -> [String] {
        ["--set", "http.listen=127.0.0.1:\(node.httpPort)", "--set", "https.listen=127.0.0.1:\(node.tlsPort)"]
    }

    private func startEdge(_ name: String, upstream port: Int, _ limits: String) throws -> Node {
        try """
        name: \(name)
        http: {listen: "127.0.0.1:0", \(limits)}
        https: {listen: "127.0.0.1:0"}
        tls: {certificate: cert.pem, key: key.pem}
        upstreams: [{url: "https://127.0.0.1:\(port)", ca: cert.pem}]
        watch: {hls_js: "\(Fleet.fetched("hls.js"))"}
        """.write(to: directory.appendingPathComponent("\(name).yaml"), atomically: true, encoding: .utf8)
        let process = try ChildProcess(
            Fleet.program, ["edge", "--config", "\(name).yaml"], in: directory, name: name, patience: 10,
            hasOwnGroup: true)
        _ = try process.line(with: "upstream connected")
        var node = Node(
            name: name, process: process, httpPort: try Fleet.port("http", of: process),
            tlsPort: try Fleet.port("https", of: process), arguments: [])
        node.arguments = ["--config", "\(name).yaml"] + Self.ports(node)
        nodes[name] = node
        return node
    }

    /// Starts a node again that was killed, on its ports.
    func restart(_ name: String) throws {
        guard var node = nodes[name] else { return }
        node.process = try ChildProcess(
            Fleet.program, [name == "origin" ? "origin" : "edge"] + node.arguments, in: directory,
            name: "\(name)-again-\(UUID().uuidString.prefix(4))", patience: 10, hasOwnGroup: true)
        nodes[name] = node
    }

    func stop() {
        for name in edgeNames.reversed() + ["shield", "origin"] {
            guard let node = nodes[name] else { continue }
            // A process that sleeps hears no SIGTERM.
            node.process.setPaused(false)
            node.process.stop()
        }
    }
}
