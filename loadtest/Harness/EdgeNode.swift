import Foundation

/// One more edge beside a fleet's: a shield, or an edge behind shields.
package final class EdgeNode {
    package let name: String
    package let process: ChildProcess
    package let port: Int
    package let tlsPort: Int
    package var url: String { "http://127.0.0.1:\(port)" }

    /// `upstreams` are ports of nodes that speak TLS, in order of preference; `settings` are of the form
    /// `push.grace=1s`. Waits for the first upstream unless `waits` is false.
    package init(
        _ name: String, upstreams: [Int], in directory: URL, settings: [String] = [], waits: Bool = true
    ) throws {
        self.name = name
        let list = upstreams.map { "{url: \"https://127.0.0.1:\($0)\", ca: cert.pem}" }.joined(separator: ", ")
        try """
        name: \(name)
        http: {listen: "127.0.0.1:0"}
        https: {listen: "127.0.0.1:0"}
        tls: {certificate: cert.pem, key: key.pem}
        upstreams: [\(list)]
        watch: {hls_js: "\(Fleet.fetched("hls.js"))"}
        """.write(to: directory.appendingPathComponent("\(name).yaml"), atomically: true, encoding: .utf8)
        process = try ChildProcess(
            Fleet.program, ["edge", "--config", "\(name).yaml"] + settings.flatMap { ["--set", $0] }, in: directory,
            name: name, patience: 10)
        if waits { _ = try process.line(with: "upstream connected") }
        port = try Fleet.port("http", of: process)
        tlsPort = try Fleet.port("https", of: process)
    }

    deinit { process.stop() }

    /// The sum of all samples of a metric whose line holds `words`.
    package func metric(_ name: String, _ words: String...) throws -> Double {
        try metrics(of: url, name, words)
    }
}

/// The sum of all samples of a node's metric whose line holds `words`.
package func metrics(of url: String, _ name: String, _ words: [String] = []) throws -> Double {
    try curl("\(url)/metrics").text.split(separator: "\n").reduce(0) { sum, line in
        guard line.hasPrefix("\(name){") || line.hasPrefix("\(name) "), words.allSatisfy({ line.contains($0) }),
            let value = line.split(separator: " ").last.flatMap({ Double($0) })
        else { return sum }
        return sum + value
    }
}
