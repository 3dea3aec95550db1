import Foundation
import Harness
import Testing

/// Slow, silent and malformed clients: each is cut, and nobody else notices.
extension EndToEnd {
    @Suite(.serialized) struct HostileTests {
        @Test func slowSilentAndMalformedClientsAreCut() throws {
            let limits = ["http.limits.request_timeout=1s", "http.limits.idle_timeout=2s"]
            let fleet = try Fleet(origin: limits + ["rtmp.limits.handshake=1s"], edge: limits)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            for port in [fleet.originPort, fleet.edgePort] {
                let silent = try RawConnection(port: port)
                let slow = try RawConnection(port: port)
                slow.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ")
                let halfPreface = try RawConnection(port: port)
                halfPreface.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}\u{0}")
                let garbage = try RawConnection(port: port)
                garbage.send("\u{1}\u{2}nonsense\r\n\r\n")
                let smuggled = try RawConnection(port: port)
                smuggled.send(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                let endless = try RawConnection(port: port)
                endless.send("GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\n")
                #expect(text(garbage).contains(" 400 "))
                #expect(text(smuggled).contains(" 400 "))
                #expect(text(endless).contains(/HTTP.1\.1 4(14|31|00)/))
                #expect(text(slow).contains(" 408 "))
                #expect(halfPreface.receivedUntilClosed(within: 15) != nil)
                #expect(silent.receivedUntilClosed(within: 15) != nil)
            }
            let silentPublisher = try RawConnection(port: fleet.rtmpPort)
            let slowPublisher = try RawConnection(port: fleet.rtmpPort)
            slowPublisher.send([3, 0, 0, 0])
            #expect(silentPublisher.receivedUntilClosed(within: 15) != nil)
            #expect(slowPublisher.receivedUntilClosed(within: 15) != nil)
            #expect(try fleet.waitForChannel().contains("avc1"))
            #expect(publisher.isRunning)
        }

        private func text(_ connection: RawConnection) -> String {
            String(decoding: connection.receivedUntilClosed(within: 15) ?? [], as: UTF8.self)
        }

        @Test func everyConfigurationMistakeIsToldBeforeAnythingStarts() throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            try """
            chanels: {demo: {key: demo}}
            http: {listen: "127.0.0.1:99999"}
            packaging: {part: 5 parsecs}
            """.write(to: directory.appendingPathComponent("origin.yaml"), atomically: true, encoding: .utf8)
            let result = try run(Fleet.program, ["origin", "--config", "origin.yaml"], in: directory)
            #expect(result.status == 78)
            let lines = result.errors.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("origin.yaml:1:1:") && $0.contains("channels") }, "\(result.errors)")
            #expect(lines.contains { $0.hasPrefix("origin.yaml:2:") }, "\(result.errors)")
            #expect(lines.contains { $0.hasPrefix("origin.yaml:3:") }, "\(result.errors)")
        }
    }
}
