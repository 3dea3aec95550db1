import Foundation

/// One origin and one edge of the real program on ports of the system's choice, in a folder of their own.
package final class Fleet {
    package let directory: URL
    package private(set) var origin: ChildProcess
    package let edge: ChildProcess
    package let rtmpPort: Int
    package let rtmpsPort: Int
    package let originPort: Int
    package let originTLSPort: Int
    package let edgePort: Int
    package let edgeTLSPort: Int

    /// The program under test, which lies beside this one or in a folder above it.
    package static let program: String = {
        var folder = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("needletail").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        return "needletail"
    }()

    /// The repository: three folders above this file.
    package static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// What `./dev` fetched: players, clips, programs.
    package static func fetched(_ name: String) -> String { root.appendingPathComponent(".needletail/\(name)").path }

    /// `packaging` and `channels` are YAML values; `origin` and `edge` are settings of the form `rtmp.any_key=true`.
    package init(
        packaging: String = "{}", channels: String = "{demo: {key: demo}, second: {key: second, policy: takeover}}",
        origin originSettings: [String] = [], edge edgeSettings: [String] = []
    ) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("needletail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let made = try run(Self.program, ["certificate", "--directory", directory.path])
        guard made.status == 0 else { throw TimedOut(description: "certificate: \(made.errors)") }
        let tls = "tls: {certificate: cert.pem, key: key.pem}"
        try """
        channels: \(channels)
        rtmp: {listen: "127.0.0.1:0"}
        rtmps: {listen: "127.0.0.1:0"}
        http: {listen: "127.0.0.1:0"}
        https: {listen: "127.0.0.1:0"}
        \(tls)
        packaging: \(packaging)
        """.write(to: directory.appendingPathComponent("origin.yaml"), atomically: true, encoding: .utf8)
        origin = try Self.start("origin", originSettings.flatMap { ["--set", $0] }, in: directory)
        _ = try origin.line(with: "origin ready")
        rtmpPort = try Self.port("rtmp", of: origin)
        rtmpsPort = try Self.port("rtmps", of: origin)
        originPort = try Self.port("http", of: origin)
        originTLSPort = try Self.port("https", of: origin)
        try """
        name: edge-1
        http: {listen: "127.0.0.1:0"}
        https: {listen: "127.0.0.1:0"}
        \(tls)
        upstreams: [{url: "https://127.0.0.1:\(originTLSPort)", ca: cert.pem}]
        watch: {hls_js: "\(Self.fetched("hls.js"))"}
        """.write(to: directory.appendingPathComponent("edge.yaml"), atomically: true, encoding: .utf8)
        edge = try Self.start("edge", edgeSettings.flatMap { ["--set", $0] }, in: directory)
        _ = try edge.line(with: "upstream connected")
        edgePort = try Self.port("http", of: edge)
        edgeTLSPort = try Self.port("https", of: edge)
    }

    deinit {
        edge.stop()
        origin.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Starts a node by its configuration file, `origin.yaml` or `edge.yaml`, with further arguments.
    package static func start(
        _ kind: String, _ arguments: [String], in directory: URL, name: String? = nil
    ) throws -> ChildProcess {
        try ChildProcess(
            program, [kind, "--config", "\(kind).yaml"] + arguments, in: directory, name: name ?? kind, patience: 10)
    }

    /// Ends the origin, by its leave or without, and starts it again on the same ports.
    package func restartOrigin(killed isKilled: Bool = false) throws {
        if isKilled { origin.kill() } else { origin.stop() }
        origin = try Self.start("origin", originPorts, in: directory, name: "origin-again")
        _ = try origin.line(with: "origin ready")
    }

    private var originPorts: [String] {
        [
            "--set", "rtmp.listen=127.0.0.1:\(rtmpPort)", "--set", "rtmps.listen=127.0.0.1:\(rtmpsPort)", "--set",
            "http.listen=127.0.0.1:\(originPort)", "--set", "https.listen=127.0.0.1:\(originTLSPort)",
        ]
    }

    /// The port on which a node says that it listens.
    package static func port(_ name: String, of node: ChildProcess) throws -> Int {
        let line = try eventually("\(name) listens: \(node.text)") {
            node.lines.first { line in
                line.contains("listening") && line.split(separator: " ").contains("protocol=\(name)")
            }
        }
        guard let match = line.firstMatch(of: /\d\.\d+:(\d+)/), let port = Int(match.1) else {
            throw TimedOut(description: "no port in \(line)")
        }
        return port
    }

    /// ffmpeg publishing a generated picture with sound, at real time, for `seconds`. Without `video` or `audio` the
    /// stream has the other alone.
    package func publish(
        key: String = "demo", seconds: Int = 200, rate: String = "30", sampleRate: Int = 48_000,
        video: [String] = Fleet.x264, audio: [String] = ["-c:a", "aac"], name: String = "publisher",
        encoder: String = "ffmpeg", to address: String? = nil
    ) throws -> ChildProcess {
        let picture = video.isEmpty ? [] : ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=\(rate)"]
        let sound = audio.isEmpty ? [] : ["-f", "lavfi", "-i", "sine=sample_rate=\(sampleRate)"]
        return try publish(
            input: ["-re"] + picture + (picture.isEmpty || sound.isEmpty ? [] : ["-re"]) + sound,
            output: video + audio + ["-t", "\(seconds)"], to: address ?? "rtmp://127.0.0.1:\(rtmpPort)/live/\(key)",
            name: name, encoder: encoder)
    }

    /// ffmpeg publishing whatever `input` names.
    package func publish(
        input: [String], output: [String], to address: String, name: String = "publisher", encoder: String = "ffmpeg"
    ) throws -> ChildProcess {
        try ChildProcess(
            encoder, ["-hide_banner", "-loglevel", "warning"] + input + output + ["-f", "flv", address],
            in: directory, name: name)
    }

    package static let x264 = [
        "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "60",
    ]

    /// Waits until the edge serves the channel's multivariant playlist.
    package func waitForChannel(_ name: String = "demo") throws -> String {
        try eventually("channel \(name): \(origin.text)") {
            let answer = try curl("http://127.0.0.1:\(edgePort)/live/\(name)/index.m3u8")
            return answer.status == 200 ? answer.text : nil
        }
    }

    /// Waits until a rendition lists whole segments, and returns its playlist as the edge has it.
    package func waitForSegments(_ rendition: String, of channel: String = "demo", count: Int = 1) throws -> String {
        try eventually("\(count) segments of \(channel)/\(rendition): \(origin.text)", within: 30) {
            let text = try curl("http://127.0.0.1:\(edgePort)/live/\(channel)/\(rendition)/playlist.m3u8").text
            return text.components(separatedBy: "#EXTINF").count > count ? text : nil
        }
    }
}
