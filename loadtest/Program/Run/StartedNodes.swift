import Configuration
import Foundation
import Harness
import LoadtestCore

/// Nodes of the real program, started for one round in a folder of their own, and gone after it.
final class StartedNodes {
    struct Node {
        var name: String
        var process: ChildProcess
        let host: String
        var httpPort: Int
        var tlsPort: Int
        /// For starting it again on the ports that it had.
        var arguments: [String]

        var clear: Endpoint { Endpoint(host: host, port: httpPort) }
        var secure: Endpoint { Endpoint(host: host, port: tlsPort) }
    }

    private let directory: URL
    /// Nil where all nodes are on loopback.
    let network: NodeNetwork?
    private(set) var nodes: [String: Node] = [:]
    private let hosts: [String: String]
    let rtmp: Endpoint
    /// In the order of their names, as viewers are spread over them.
    private(set) var edgeNames: [String] = []

    /// `upstream` gives the place at which an edge finds its upstream: a proxy's, where faults need one.
    init(
        _ plan: TargetPlan.Started, faults: [FaultPlan], directory: URL, upstream: (Endpoint) throws -> Endpoint
    ) throws {
        self.directory = directory
        network = plan.network == .namespaces ? try NodeNetwork(in: directory, faults: faults) : nil
        let names = ["origin"] + (plan.hasShield ? ["shield"] : []) + (0..<plan.edges).map { "edge-\($0 + 1)" }
        var hosts: [String: String] = [:]
        for (index, name) in names.enumerated() {
            hosts[name] = network == nil ? "127.0.0.1" : NodeNetwork.address(index)
            try network?.add(name, address: NodeNetwork.address(index))
        }
        self.hosts = hosts
        let made = try run(
            Fleet.program,
            ["certificate", "--directory", directory.path]
                + Set(hosts.values + ["127.0.0.1", "localhost"]).sorted().flatMap { ["--host", $0] })
        guard made.status == 0 else { throw TimedOut(description: "making a certificate failed: \(made.errors)") }
        let limits =
            "limits: {connections: 200000, connections_per_address: 200000, parked_requests: 200000, "
            + "parked_requests_per_channel: 200000, parked_requests_per_address: 200000}"
        let host = hosts["origin"] ?? "127.0.0.1"
        try """
        channels: {unused: {key: unused}}
        rtmp: {listen: "\(host):0", any_key: true, limits: {publishers: 2000, half_open: 2000}}
        http: {listen: "\(host):0", \(limits)}
        https: {listen: "\(host):0"}
        tls: {certificate: cert.pem, key: key.pem}
        packaging: {part: \(DurationText.write(plan.part)), segment: \(DurationText.write(plan.segment))}
        """.write(to: directory.appendingPathComponent("origin.yaml"), atomically: true, encoding: .utf8)
        let origin = try Self.start("origin", ["origin", "--config", "origin.yaml"], in: directory, network)
        _ = try origin.line(with: "origin ready")
        rtmp = Endpoint(host: host, port: try Fleet.port("rtmp", of: origin))
        var source = Node(
            name: "origin", process: origin, host: host, httpPort: try Fleet.port("http", of: origin),
            tlsPort: try Fleet.port("https", of: origin), arguments: [])
        source.arguments =
            ["--config", "origin.yaml", "--set", "rtmp.listen=\(rtmp)"] + Self.ports(source)
        nodes["origin"] = source
        if plan.hasShield { source = try startEdge("shield", upstream: try upstream(source.secure), limits) }
        for index in 0..<plan.edges {
            let edge = try startEdge("edge-\(index + 1)", upstream: try upstream(source.secure), limits)
            edgeNames.append(edge.name)
        }
    }

    private static func start(
        _ name: String, _ arguments: [String], in directory: URL, _ network: NodeNetwork?, log: String? = nil
    ) throws -> ChildProcess {
        let (program, words) = network?.command(name, Fleet.program, arguments) ?? (Fleet.program, arguments)
        return try ChildProcess(
            program, words, in: directory, name: log ?? name, patience: 10, hasOwnGroup: true)
    }

    private static func ports(_ node: Node) -> [String] {
        ["--set", "http.listen=\(node.clear)", "--set", "https.listen=\(node.secure)"]
    }

    private func startEdge(_ name: String, upstream: Endpoint, _ limits: String) throws -> Node {
        let host = hosts[name] ?? "127.0.0.1"
        try """
        name: \(name)
        http: {listen: "\(host):0", \(limits)}
        https: {listen: "\(host):0"}
        tls: {certificate: cert.pem, key: key.pem}
        upstreams: [{url: "https://\(upstream)", ca: cert.pem}]
        watch: {hls_js: "\(Fleet.fetched("hls.js"))"}
        """.write(to: directory.appendingPathComponent("\(name).yaml"), atomically: true, encoding: .utf8)
        let process = try Self.start(name, ["edge", "--config", "\(name).yaml"], in: directory, network)
        _ = try process.line(with: "upstream connected")
        var node = Node(
            name: name, process: process, host: host, httpPort: try Fleet.port("http", of: process),
            tlsPort: try Fleet.port("https", of: process), arguments: [])
        node.arguments = ["--config", "\(name).yaml"] + Self.ports(node)
        nodes[name] = node
        return node
    }

    /// Starts a node again that was killed, on its ports.
    func restart(_ name: String) throws {
        guard var node = nodes[name] else { return }
        node.process = try Self.start(
            name, [name == "origin" ? "origin" : "edge"] + node.arguments, in: directory, network,
            log: "\(name)-again-\(UUID().uuidString.prefix(4))")
        nodes[name] = node
    }

    func stop() {
        for name in edgeNames.reversed() + ["shield", "origin"] {
            guard let node = nodes[name] else { continue }
            // A process that sleeps hears no SIGTERM.
            node.process.setPaused(false)
            node.process.stop()
        }
        network?.stop()
    }
}

/// Where a server listens.
struct Endpoint: CustomStringConvertible, Sendable {
    var host: String
    var port: Int
    var description: String { "\(host):\(port)" }
}
