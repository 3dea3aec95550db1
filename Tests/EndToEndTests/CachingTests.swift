import Foundation
import Harness
import Testing

/// Caching as a client and an origin see it: what is asked again, what is not, and what the messages say.
extension EndToEnd {
    @Suite(.serialized) struct CachingTests {
        /// An edge in front of an origin that answers from `script`, and the edge's address.
        private func withEdge(
            _ script: @escaping @Sendable (ScriptedOrigin.Request) -> String,
            _ body: (_ base: String, _ port: Int, _ origin: ScriptedOrigin) throws -> Void
        ) throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let origin = try ScriptedOrigin(script)
            defer { origin.stop() }
            let edge = try ChildProcess(
                Fleet.program,
                [
                    "edge", "--set", "name=edge-x", "--set", "upstreams.0.url=http://127.0.0.1:\(origin.port)",
                    "--http",
                    "127.0.0.1:0", "--set", "watch.hls_js=\(Fleet.fetched("hls.js"))",
                ], in: directory, name: "edge", patience: 10)
            defer { edge.stop() }
            _ = try edge.line(with: "upstream connected", "http/1.1")
            let port = try Fleet.port("http", of: edge)
            try body("http://127.0.0.1:\(port)", port, origin)
        }

        private static func script(_ request: ScriptedOrigin.Request) -> String {
            let lasting = "Cache-Control: max-age=600"
            switch request.target {
            case "/kept":
                return ScriptedOrigin.message(
                    "200 OK", [lasting, "Age: 7", "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"], body: "0123456789")
            case "/asked":
                if request.values("if-none-match") == ["\"1\""] {
                    return ScriptedOrigin.message(
                        "304 Not Modified", ["ETag: \"1\"", "X-New: yes", "Cache-Control: no-cache"])
                }
                return ScriptedOrigin.message(
                    "200 OK", ["ETag: \"1\"", "Cache-Control: no-cache", "X-Old: yes"], body: "asked")
            case "/varies":
                return ScriptedOrigin.message(
                    "200 OK", [lasting, "Vary: X-Kind"], body: request.values("x-kind").first ?? "none")
            case "/private": return ScriptedOrigin.message("200 OK", ["Cache-Control: private"], body: "own")
            case "/hop":
                return ScriptedOrigin.message(
                    "200 OK",
                    [lasting, "Connection: X-Hop, keep-alive", "X-Hop: 1", "X-End: 2", "Proxy-Authenticate: Basic"])
            case "/made": return ScriptedOrigin.message("201 Created", ["Location: /kept"], body: "made")
            case "/early":
                return "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                    + ScriptedOrigin.message("200 OK", [lasting], body: "late")
            default: return ScriptedOrigin.message("404 Not Found")
            }
        }

        @Test func whatIsHeldIsServedAndSaysSo() throws {
            try withEdge(Self.script) { base, _, origin in
                let first = try curl("\(base)/kept")
                #expect(
                    first.headers["cache-status"]?.hasPrefix("edge-x; fwd=miss; fwd-status=200; stored; ttl=59") == true
                )
                let second = try curl("\(base)/kept")
                #expect(second.text == "0123456789")
                #expect(second.headers["cache-status"]?.hasPrefix("edge-x; hit; ttl=59") == true)
                #expect(Int(second.headers["age"] ?? "") ?? 0 >= 7)
                #expect(second.headers["date"] != nil)
                let head = try curl("\(base)/kept", "-I")
                #expect(head.status == 200 && head.headers["content-length"] == "10")
                let date = "If-Modified-Since: Thursday, 01-Jan-26 00:00:00 GMT"
                #expect(try curl("\(base)/kept", "-H", date).status == 304)
                #expect(origin.requests(for: "/kept").count == 1)
                #expect(try curl("\(base)/kept", "-H", "Cache-Control: no-cache").text == "0123456789")
                #expect(origin.requests(for: "/kept").count == 2)

                for _ in 0..<2 { #expect(try curl("\(base)/private").text == "own") }
                #expect(origin.requests(for: "/private").count == 2)
                #expect(try curl("\(base)/private").headers["cache-status"]?.contains("fwd=bypass") == true)
            }
        }

        @Test func whatIsAskedAboutIsFreshened() throws {
            try withEdge(Self.script) { base, _, origin in
                #expect(try curl("\(base)/asked").text == "asked")
                let second = try curl("\(base)/asked")
                #expect(second.status == 200 && second.text == "asked")
                #expect(second.headers["x-old"] == "yes" && second.headers["x-new"] == "yes")
                #expect(second.headers["cache-status"]?.contains("fwd=stale; fwd-status=304") == true)
                #expect(try curl("\(base)/asked", "-H", "If-None-Match: \"0\", W/\"1\"").status == 304)
                #expect(
                    origin.requests(for: "/asked").map { $0.values("if-none-match") } == [[], ["\"1\""], ["\"1\""]])
            }
        }

        @Test func variantsAndUnsafeMethodsAreHeeded() throws {
            try withEdge(Self.script) { base, _, origin in
                for kind in ["a", "b", "a", "b"] {
                    #expect(try curl("\(base)/varies", "-H", "X-Kind: \(kind)").text == kind)
                }
                #expect(origin.requests(for: "/varies").count == 2)
                for _ in 0..<2 { _ = try curl("\(base)/kept") }
                #expect(try curl("\(base)/made", "-d", "x").status == 201)
                _ = try curl("\(base)/kept")
                #expect(origin.requests(for: "/kept").count == 2)
                #expect(try curl("\(base)/made", "-X", "M-SEARCH").status == 201)
                #expect(origin.requests(for: "/made").map(\.method) == ["POST", "M-SEARCH"])
            }
        }

        @Test func rangesAreCutFromTheWhole() throws {
            try withEdge(Self.script) { base, _, origin in
                #expect(try curl("\(base)/kept", "-r", "2-3").text == "23")
                let several = try curl("\(base)/kept", "-r", "0-1,-2")
                #expect(several.status == 206)
                let boundary = try #require(several.headers["content-type"]?.split(separator: "=").last)
                #expect(
                    several.text
                        == "--\(boundary)\r\ncontent-range: bytes 0-1/10\r\n\r\n01\r\n--\(boundary)\r\n"
                        + "content-range: bytes 8-9/10\r\n\r\n89\r\n--\(boundary)--\r\n")
                #expect(several.headers["content-length"] == "\(several.body.count)")
                #expect(try curl("\(base)/kept", "-r", "10-").status == 416)
                #expect(try curl("\(base)/kept", "-r", "2-3", "-H", "If-Range: \"x\"").status == 200)
                #expect(origin.requests(for: "/kept").count == 1)
                #expect(origin.requests(for: "/kept").first?.values("range") == [])
            }
        }

        @Test func interimAnswersComeThroughAndHopsEnd() throws {
            try withEdge(Self.script) { base, port, origin in
                let early = try RawConnection(port: port)
                early.send("GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                let text = String(decoding: early.receivedUntilClosed(within: 10) ?? [], as: UTF8.self)
                #expect(text.hasPrefix("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n"))
                #expect(text.hasSuffix("late"))
                for _ in 0..<2 {
                    let hop = try curl("\(base)/hop")
                    #expect(hop.headers["x-hop"] == nil && hop.headers["proxy-authenticate"] == nil)
                    #expect(hop.headers["x-end"] == "2")
                }
            }
        }

        /// What goes upstream is rebuilt from what was understood: no hop's fields, no odd spelling, nothing smuggled.
        @Test func nothingDirtyIsForwarded() throws {
            try withEdge(Self.script) { base, port, origin in
                let client = try RawConnection(port: port)
                client.send(
                    "GET http://Other.Example:81/kept HTTP/1.1\r\nHoSt: ignored\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\n"
                        + "X-Odd:\t spaced  \r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\n"
                        + "Proxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                        + "Via: 1.0 before\r\nContent-Length: 0\r\n\r\n")
                #expect(
                    String(decoding: client.receivedUntilClosed(within: 10) ?? [], as: UTF8.self).hasPrefix(
                        "HTTP/1.1 200"))
                let fill = try #require(origin.requests(for: "/kept").first)
                #expect(fill.lines.first == "GET /kept HTTP/1.1")
                #expect(fill.values("host") == ["127.0.0.1:\(origin.port)"])
                #expect(fill.values("x-odd") == ["spaced"] && fill.lines.contains("x-odd: spaced"))
                #expect(fill.values("via").joined(separator: ", ") == "1.0 before, 1.1 edge-x")
                for name in [
                    "connection", "x-mine", "te", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade",
                    "http2-settings", "content-length", "transfer-encoding",
                ] { #expect(fill.values(name) == [], "\(name)") }

                // A body in chunks, with an extension and a trailer, goes on with a length.
                let poster = try RawConnection(port: port)
                poster.send(
                    "POST /made HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                        + "4;x=y\r\nbody\r\n0\r\nX-T: GET /smuggled HTTP/1.1\r\n\r\n")
                #expect(
                    String(decoding: poster.receivedUntilClosed(within: 10) ?? [], as: UTF8.self).hasPrefix(
                        "HTTP/1.1 201"))
                let pass = try #require(origin.requests(for: "/made").first)
                #expect(pass.body == "body" && pass.values("content-length") == ["4"])
                for name in ["transfer-encoding", "trailer", "x-t", "connection"] { #expect(pass.values(name) == []) }

                // What two readers could see differently never gets there.
                for bytes in [
                    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
                    "GET /x HTTP/1.1\r\nHost: a\r\nX: a\nGET /smuggled HTTP/1.1\r\n\r\n",
                    "GET /x HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n", "GET /x HTTP/1.1\r\nHost : a\r\n\r\n",
                ] {
                    let hostile = try RawConnection(port: port)
                    hostile.send(bytes)
                    let answer = String(decoding: hostile.receivedUntilClosed(within: 10) ?? [], as: UTF8.self)
                    #expect(answer.hasPrefix("HTTP/1.1 400"))
                }
                #expect(origin.requests(for: "/x").isEmpty && origin.requests(for: "/smuggled").isEmpty)
                let around = Array(repeating: "1.1 x", count: 16).joined(separator: ", ")
                #expect(try curl("\(base)/kept", "-H", "Via: \(around)").status == 508)
                #expect(try curl("\(base)/kept", "-X", "TRACE", "-H", "Max-Forwards: 0").status == 405)
            }
        }

        /// The operators' port: only with the token, and the log tells who purged what.
        @Test func operatorsPurge() throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let token = "0123456789abcdef0123"
            try "\(token)\n".write(
                to: directory.appendingPathComponent("token"), atomically: true, encoding: .utf8)
            let origin = try ScriptedOrigin(Self.script)
            defer { origin.stop() }
            let edge = try ChildProcess(
                Fleet.program,
                [
                    "edge", "--set", "upstreams.0.url=http://127.0.0.1:\(origin.port)", "--http", "127.0.0.1:0",
                    "--set",
                    "admin.listen=127.0.0.1:0", "--set", "admin.token_file=token", "--set",
                    "watch.hls_js=\(Fleet.fetched("hls.js"))",
                ], in: directory, name: "edge", patience: 10)
            defer { edge.stop() }
            _ = try edge.line(with: "upstream connected", "http/1.1")
            let base = "http://127.0.0.1:\(try Fleet.port("http", of: edge))"
            let admin = "http://127.0.0.1:\(try Fleet.port("admin", of: edge))/v1/purge"
            let bearer = "Authorization: Bearer \(token)"
            for _ in 0..<2 { _ = try curl("\(base)/kept") }
            #expect(origin.requests(for: "/kept").count == 1)

            #expect(try curl("\(admin)?url=/kept", "-X", "POST").status == 401)
            let wrong = try curl("\(admin)?url=/kept", "-X", "POST", "-H", "Authorization: Bearer \(token)x")
            #expect(wrong.status == 401 && wrong.headers["www-authenticate"] == "Bearer")
            #expect(try curl("\(admin)?url=/kept", "-H", bearer).status == 405)
            for query in ["", "?url=kept", "?url=/a&prefix=/b", "?url=/a&mode=x", "?nonsense=1", "?url="] {
                #expect(try curl("\(admin)\(query)", "-X", "POST", "-H", bearer).status == 400, "\(query)")
            }
            _ = try curl("\(base)/kept")
            #expect(origin.requests(for: "/kept").count == 1)

            let soft = try curl("\(admin)?prefix=%2Fke&mode=soft", "-X", "POST", "-H", bearer)
            #expect(soft.status == 200 && soft.text == "{\"purged\":1,\"mode\":\"soft\",\"prefix\":\"/ke\"}\n")
            _ = try curl("\(base)/kept")
            #expect(origin.requests(for: "/kept").last?.values("if-modified-since").count == 1)
            #expect(try curl("\(admin)?url=/kept", "-X", "POST", "-H", bearer).text.contains("\"purged\":1"))
            _ = try curl("\(base)/kept")
            #expect(origin.requests(for: "/kept").count == 3)
            #expect(origin.requests(for: "/kept").last?.values("if-modified-since") == [])
            _ = try edge.line(with: "purged", "prefix", "/ke", "soft", "127.0.0.1")
            _ = try edge.line(with: "admin request refused")
            // The viewers' port knows nothing of it.
            #expect(try curl("\(base)/v1/purge?url=/kept", "-X", "POST", "-H", bearer).status == 404)
        }
    }
}
