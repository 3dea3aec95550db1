import Foundation

/// One origin and one edge of the real program on ports of the system's choice, in a folder of their own.
final class Fleet {
    let directory: URL
    let origin: ChildProcess
    let edge: ChildProcess
    let rtmpPort: Int
    let originPort: Int
    let edgePort: Int
    let edgeTLSPort: Int

    static let program: String = {
        // The program lies beside the test bundle.
        let bundle = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
        var folder = bundle
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("needletail").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        return "needletail"
    }()

    init(packaging: String = "{}", channels: String = "{demo: {key: demo}, second: {key: second, policy: takeover}}")
        throws
    {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("needletail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let made = try run(Self.program, ["certificate", "--directory", directory.path])
        guard made.status == 0 else { throw TimedOut(description: "certificate: \(made.errors)") }
        // Support, EndToEndTests, Tests: three folders below the root, where ./dev puts the player.
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let player =
            ProcessInfo.processInfo.environment["NEEDLETAIL_HLS_JS"]
            ?? root.appendingPathComponent(".needletail/hls.js").path
        let tls = "tls: {certificate: cert.pem, key: key.pem}"
        try """
        channels: \(channels)
        rtmp: {listen: "127.0.0.1:0"}
        http: {listen: "127.0.0.1:0"}
        https: {listen: "127.0.0.1:0"}
        \(tls)
        packaging: \(packaging)
        """.write(to: directory.appendingPathComponent("origin.yaml"), atomically: true, encoding: .utf8)
        origin = try ChildProcess(
            Self.program, ["origin", "--config", "origin.yaml"], in: directory, name: "origin", patience: 10)
        _ = try origin.line(with: "origin ready")
        rtmpPort = try Self.port(origin.line(with: "listening", "protocol=rtmp"))
        originPort = try Self.port(origin.line(with: "listening", "protocol=http\n".trimmingCharacters(in: .newlines)))
        let originTLSPort = try Self.port(origin.line(with: "listening", "protocol=https"))
        try """
        name: edge-1
        http: {listen: "127.0.0.1:0"}
        https: {listen: "127.0.0.1:0"}
        \(tls)
        upstreams: [{url: "https://127.0.0.1:\(originTLSPort)", ca: cert.pem}]
        watch: {hls_js: "\(player)"}
        """.write(to: directory.appendingPathComponent("edge.yaml"), atomically: true, encoding: .utf8)
        edge = try ChildProcess(
            Self.program, ["edge", "--config", "edge.yaml"], in: directory, name: "edge", patience: 10)
        _ = try edge.line(with: "upstream connected")
        edgePort = try Self.port(edge.line(with: "listening", "protocol=http"))
        edgeTLSPort = try Self.port(edge.line(with: "listening", "protocol=https"))
    }

    deinit {
        edge.stop()
        origin.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    private static func port(_ line: String) throws -> Int {
        guard let match = line.firstMatch(of: /127\.0\.0\.1:(\d+)/), let port = Int(match.1) else {
            throw TimedOut(description: "no port in \(line)")
        }
        return port
    }

    /// ffmpeg publishing a generated picture with sound, at real time, for `seconds`.
    func publish(
        key: String = "demo", seconds: Int = 200, rate: Int = 30, video: [String] = Fleet.x264,
        name: String = "publisher"
    ) throws -> ChildProcess {
        try ChildProcess(
            "ffmpeg",
            [
                "-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i",
                "testsrc2=size=320x180:rate=\(rate)", "-f", "lavfi", "-i", "sine=sample_rate=48000",
            ] + video + ["-c:a", "aac", "-t", "\(seconds)", "-f", "flv", "rtmp://127.0.0.1:\(rtmpPort)/live/\(key)"],
            in: directory, name: name)
    }

    static let x264 = [
        "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "60",
    ]

    /// Waits until the edge serves the channel's multivariant playlist.
    func waitForChannel(_ name: String = "demo") throws -> String {
        try eventually("channel \(name): \(origin.text)") {
            let answer = try curl("http://127.0.0.1:\(edgePort)/live/\(name)/index.m3u8")
            return answer.status == 200 ? answer.text : nil
        }
    }
}

/// An answer that curl received.
struct Answer {
    let status: Int
    let version: String
    let headers: [String: String]
    let body: Data
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Asks with curl, an HTTP implementation that is not ours.
func curl(_ url: String, _ options: String...) throws -> Answer {
    let head = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: head) }
    let result = try run(
        "curl", ["-sk", "--max-time", "15", "-D", head.path] + options + [url])
    let lines = ((try? String(contentsOf: head, encoding: .utf8)) ?? "").components(separatedBy: "\r\n")
    let status = (lines.first ?? "").split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
        let pair = line.split(separator: ":", maxSplits: 1)
        if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces) }
    }
    return Answer(
        status: status.count > 1 ? Int(status[1]) ?? 0 : 0, version: status.first.map(String.init) ?? "",
        headers: headers, body: result.output)
}
