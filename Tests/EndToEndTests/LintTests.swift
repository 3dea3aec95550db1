import Foundation
import Harness
import Testing

/// The linter against the real origin and a real edge: no rule that the wire shows is broken.
extension EndToEnd {
    @Suite(.serialized) struct LintTests {
        @Test("origin and edge keep every rule, over HTTP/1.1 and HTTP/2, in the clear and over TLS")
        func keepsEveryRule() throws {
            let fleet = try Fleet(origin: ["rtmp.any_key=true"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            // Segments are cut without key frames, in the middle of frames that are shown out of order.
            let late = try fleet.publish(
                key: "late-keys",
                video: ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "300", "-sc_threshold", "0"]
                    + ["-pix_fmt", "yuv420p"], name: "late-keys")
            defer { late.stop() }
            _ = try fleet.waitForChannel("late-keys")
            let certificate = fleet.directory.appendingPathComponent("cert.pem").path
            let clear = "http://127.0.0.1:\(fleet.originPort)/live/demo/index.m3u8"
            let secure = "https://127.0.0.1:\(fleet.originTLSPort)/live/demo/index.m3u8"
            let edge = "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8"
            let lateKeys = "http://127.0.0.1:\(fleet.edgePort)/live/late-keys/index.m3u8"
            let secureEdge = "https://127.0.0.1:\(fleet.edgeTLSPort)/live/demo/index.m3u8"
            // A busy machine's delays are not the server's: times are judged in simulated time.
            let common = ["--json", "--seconds", "16", "--slack", "5"]
            let watches = try [
                ("h2", [clear]), ("h1", [clear, "--http1"]), ("tls-h2", [secure, "--ca", certificate]),
                ("tls-h1", [secure, "--ca", certificate, "--http1"]), ("edge-h1", [edge, "--http1"]),
                ("edge-h2", [secureEdge, "--ca", certificate]), ("late-keys-h1", [lateKeys, "--http1"]),
            ].map { name, arguments in
                (
                    name,
                    try ChildProcess(
                        Fleet.program, ["lint"] + arguments + common, in: fleet.directory, name: name, patience: 10)
                )
            }
            for (name, watch) in watches {
                _ = try eventually("\(name) ends: \(watch.text)", within: 60) { watch.isRunning ? nil : true }
                let output = try LintOutput(watch.text)
                // Where keyframes are further apart than segments last, segments without one break B.1, and no other rule.
                let broken = name == "late-keys-h1" ? ["segmentHoldsIndependent"] : []
                #expect(output.broken.map(\.rule) == broken, "\(name): \(output.broken)")
                #expect(watch.waitForExit() == (broken.isEmpty ? 0 : 2))
                for rule in ["reloadHolds", "partDuration", "renditionsInSync", "hintDelivered", "datesFollowMedia"] {
                    #expect(output.verdict(of: rule) == "pass", "\(name) \(rule)")
                }
                #expect(output.protocols == [name.hasSuffix("h1") ? "HTTP/1.1" : "HTTP/2"])
            }
        }

        @Test("what is no stream is told, with exit code 3; a mistaken URL with a hint")
        func nothingToWatch() throws {
            let fleet = try Fleet()
            let none = try run(Fleet.program, ["lint", "http://127.0.0.1:\(fleet.originPort)/live/none/index.m3u8"])
            #expect(none.status == 3)
            #expect(String(decoding: none.output, as: UTF8.self).contains("answered 404"))
            let mistaken = try run(Fleet.program, ["lint", "127.0.0.1/index.m3u8"])
            #expect(mistaken.status == 64 && mistaken.errors.contains("Give one such as http://"))
        }
    }
}
