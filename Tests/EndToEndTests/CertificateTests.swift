import Foundation
import Harness
import Testing

/// Certificates of a running node, as OpenSSL sees them.
extension EndToEnd {
    @Suite(.serialized) struct CertificateTests {
        /// What `openssl s_client` is shown on a port: the certificate's fingerprint.
        private func fingerprint(_ port: Int, asking name: String? = nil) throws -> String {
            let ask = name.map { "-servername \($0)" } ?? "-noservername"
            let shown = try run(
                "sh",
                [
                    "-c",
                    "openssl s_client -connect 127.0.0.1:\(port) \(ask) </dev/null 2>/dev/null "
                        + "| openssl x509 -noout -fingerprint -sha256",
                ])
            return String(decoding: shown.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }

        private func fingerprint(ofFile path: URL) throws -> String {
            let shown = try run("openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", path.path])
            return String(decoding: shown.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }

        /// A new pair, made elsewhere and moved into the place of the one before.
        private func renew(_ names: [String], in directory: URL, as certificate: String, _ key: String) throws {
            let made = directory.appendingPathComponent(UUID().uuidString)
            try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: made) }
            let result = try run(
                Fleet.program, ["certificate", "--directory", made.path] + names.flatMap { ["--host", $0] })
            try #require(result.status == 0, "\(result.errors)")
            for (from, to) in [("cert.pem", certificate), ("key.pem", key)] {
                let path = directory.appendingPathComponent(to).path
                #expect(rename(made.appendingPathComponent(from).path, path) == 0)
            }
        }

        @Test func renewedFilesAreShownAndBrokenOnesAreNot() throws {
            let fleet = try Fleet()
            let file = fleet.directory.appendingPathComponent("cert.pem")
            let ports = [fleet.edgeTLSPort, fleet.originTLSPort, fleet.rtmpsPort]
            let first = try fingerprint(ofFile: file)
            #expect(first.contains("="))
            for port in ports { #expect(try fingerprint(port) == first) }
            // One that stays open while the certificates change.
            let open = try ChildProcess(
                "openssl", ["s_client", "-quiet", "-alpn", "http/1.1", "-connect", "127.0.0.1:\(fleet.edgeTLSPort)"],
                in: fleet.directory, name: "open", takesInput: true)
            defer { open.stop() }
            let ask = Data("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            try open.input?.write(contentsOf: ask)
            _ = try open.line(with: "200 OK")

            // By itself, within a look or two.
            try renew(["localhost", "127.0.0.1"], in: fleet.directory, as: "cert.pem", "key.pem")
            for node in [fleet.edge, fleet.origin] { _ = try node.line(with: "certificate renewed") }
            let second = try fingerprint(ofFile: file)
            #expect(second != first)
            for port in ports { #expect(try fingerprint(port) == second) }

            // At once when it is asked for. A broken pair stays out, and is told with its file.
            try "half".write(to: file, atomically: false, encoding: .utf8)
            kill(fleet.edge.processIdentifier, SIGHUP)
            _ = try fleet.edge.line(with: "not reloaded", "cert.pem")
            #expect(try fingerprint(fleet.edgeTLSPort) == second)
            try open.input?.write(contentsOf: ask)
            _ = try eventually("a second answer: \(open.text)") {
                open.text.components(separatedBy: "200 OK").count > 2 ? true : nil
            }
            let expires = try metrics(
                of: "http://127.0.0.1:\(fleet.edgePort)", "needletail_tls_certificate_not_after_seconds")
            #expect(expires > Date().timeIntervalSince1970 + 300 * 86_400)
            #expect(
                try metrics(of: "http://127.0.0.1:\(fleet.edgePort)", "needletail_tls_renewals_total", ["refused"]) >= 1
            )
        }

        @Test func theNameThatIsAskedForChoosesTheCertificate() throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            for (index, names) in [["a.example"], ["b.example"], ["*.c.example"]].enumerated() {
                try renew(names, in: directory, as: "\(index).pem", "\(index).key")
            }
            try """
            http: {listen: off}
            https: {listen: "127.0.0.1:0"}
            tls:
              certificate: 0.pem
              key: 0.key
              certificates:
                - {certificate: 1.pem, key: 1.key}
                - {certificate: 2.pem, key: 2.key}
            upstreams: [{url: "http://127.0.0.1:1"}]
            """.write(to: directory.appendingPathComponent("edge.yaml"), atomically: true, encoding: .utf8)
            let edge = try Fleet.start("edge", [], in: directory)
            defer { edge.stop() }
            let port = try Fleet.port("https", of: edge)
            for (name, index) in [(nil, 0), ("a.example", 0), ("b.example", 1), ("x.c.example", 2), ("d.example", 0)] {
                let file = directory.appendingPathComponent("\(index).pem")
                #expect(try fingerprint(port, asking: name) == fingerprint(ofFile: file), "\(name ?? "no name")")
            }
            // And curl, which checks that it is the one for its name.
            let answer = try run(
                "curl",
                [
                    "-s", "--cacert", directory.appendingPathComponent("1.pem").path, "--resolve",
                    "b.example:\(port):127.0.0.1", "https://b.example:\(port)/healthz",
                ])
            #expect(String(decoding: answer.output, as: UTF8.self) == "ok\n")
        }
    }
}
