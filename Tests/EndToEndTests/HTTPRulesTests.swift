import Foundation
import Harness
import Testing

/// What players and proxies rely on of HTTP, of the origin and of an edge alike: asked by curl.
extension EndToEnd {
    @Suite(.serialized) struct HTTPRulesTests {
        /// One fleet for all of it: an answer of the origin, of what was pushed to an edge, and of what an edge has fetched.
        @Test func rangesConditionsAndCrossOriginRulesHoldEverywhere() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let nodes = ["http://127.0.0.1:\(fleet.originPort)", "http://127.0.0.1:\(fleet.edgePort)"]
            // The edge is pushed the video from now on, and fetches the sound, which nobody watches there.
            let playlist = try fleet.waitForSegments("video", count: 2)
            let segment = try #require(
                playlist.split(separator: "\n").last { $0.hasSuffix(".m4s") && !$0.hasPrefix("#") })
            let initSection = try #require(playlist.firstMatch(of: /EXT-X-MAP:URI="([^"]+)"/)?.1)
            for node in nodes {
                for path in ["/live/demo/video/\(segment)", "/live/demo/video/\(initSection)"] {
                    try judgeRanges(node + path)
                    try judgeConditions(node + path)
                }
                try judgeConditions("\(node)/live/demo/index.m3u8")
                try judgeConditions("\(node)/live/demo/video/playlist.m3u8")
                try judgePreflight("\(node)/live/demo/video/\(segment)")
            }
            #expect(
                try curl("\(nodes[1])/live/demo/video/\(segment)").headers["cache-status"]?.contains("pushed") == true)
        }

        private func judgeRanges(_ url: String) throws {
            let whole = try curl(url).body
            let count = whole.count
            let rows = [
                ("0-99", whole.prefix(100), "bytes 0-99/\(count)"),
                ("100-", whole.dropFirst(100), "bytes 100-\(count - 1)/\(count)"),
                ("-10", whole.suffix(10), "bytes \(count - 10)-\(count - 1)/\(count)"),
                ("10-999999999", whole.dropFirst(10), "bytes 10-\(count - 1)/\(count)"),
            ]
            for (range, body, field) in rows {
                let answer = try curl(url, "-r", range)
                #expect(answer.status == 206 && answer.body == body, "\(url) \(range): \(answer.status)")
                #expect(answer.headers["content-range"] == field)
                #expect(answer.headers["content-length"] == "\(body.count)")
            }
            let beyond = try curl(url, "-r", "\(count)-")
            #expect(beyond.status == 416 && beyond.headers["content-range"] == "bytes */\(count)", "\(url)")
            // Nothing of it has a tag or a date of change: a condition on one asks for the whole.
            let conditional = try curl(url, "-r", "0-9", "-H", "If-Range: \"tag\"")
            #expect(conditional.status == 200 && conditional.body == whole)
            let several = try curl(url, "-r", "0-9,20-29")
            #expect(several.status == 206)
            #expect(several.headers["content-type"]?.hasPrefix("multipart/byteranges; boundary=") == true)
            #expect(several.text.contains("content-range: bytes 20-29/\(count)"))
            #expect(try curl(url, "-I", "-r", "0-9").status == 200)
        }

        private func judgeConditions(_ url: String) throws {
            let any = try curl(url, "-H", "If-None-Match: *")
            #expect(any.status == 304 && any.body.isEmpty, "\(url): \(any.status)")
            #expect(try curl(url, "-I", "-H", "If-None-Match: *").status == 304, "\(url)")
            #expect(try curl(url, "-H", "If-None-Match: *", "-r", "0-9").status == 304, "\(url)")
            #expect(try curl(url, "-H", "If-None-Match: \"other\"").status == 200, "\(url)")
            #expect(try curl("\(url)x", "-H", "If-None-Match: *").status == 404, "\(url)x")
        }

        private func judgePreflight(_ url: String) throws {
            let names = [
                "authorization", "range", "content-type", "if-none-match", "x-requested-with", "cmcd-request",
                "cmcd-object", "cmcd-status", "cmcd-session",
            ]
            let answer = try curl(
                url, "-X", "OPTIONS", "-H", "Origin: https://player.example", "-H",
                "Access-Control-Request-Method: GET",
                "-H", "Access-Control-Request-Headers: \(names.joined(separator: ","))")
            #expect(answer.status == 204)
            let allowed = Set(
                (answer.headers["access-control-allow-headers"] ?? "").lowercased().split(separator: ",").map {
                    $0.trimmingCharacters(in: .whitespaces)
                })
            #expect(allowed.isSuperset(of: names), "\(allowed)")
            let exposed = Set(
                (try curl(url).headers["access-control-expose-headers"] ?? "").lowercased().split(separator: ",").map {
                    $0.trimmingCharacters(in: .whitespaces)
                })
            #expect(
                exposed.isSuperset(of: ["age", "cache-status", "content-length", "content-range", "date"]), "\(exposed)"
            )
        }

        @Test func aNodesOwnPagesAreReadAndNotWritten() throws {
            let fleet = try Fleet()
            for node in ["http://127.0.0.1:\(fleet.originPort)", "http://127.0.0.1:\(fleet.edgePort)"] {
                for path in ["/healthz", "/readyz", "/metrics"] {
                    #expect(try curl(node + path).status == 200)
                    let head = try curl(node + path, "-I")
                    #expect(head.status == 200)
                    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
                        let answer = try curl(node + path, "-X", method)
                        #expect(answer.status == 405 && answer.headers["allow"] == "GET, HEAD", "\(method) \(path)")
                    }
                }
            }
            let front = try curl("http://127.0.0.1:\(fleet.edgePort)/")
            #expect(front.status == 200 && front.headers["content-type"] == "text/html; charset=utf-8")
            #expect(front.text.contains("/watch/") && !front.text.contains("demo"), "it names no channel")
            let form = try curl("http://127.0.0.1:\(fleet.edgePort)/watch/?channel=demo")
            #expect(form.status == 303 && form.headers["location"] == "/watch/demo")
            #expect(try curl("http://127.0.0.1:\(fleet.edgePort)/watch/?channel=%0d%0ax").status == 404)
        }

        /// In the clear a server that has not said that it speaks HTTP/2 sees none of it; our own says so, and pushes.
        @Test func aPlainUpstreamIsAskedInHTTP2OnlyWhereItOffersThat() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let node = { (name: String, settings: [String]) in
                try ChildProcess(
                    Fleet.program, ["edge", "--http", "127.0.0.1:0"] + settings.flatMap { ["--set", $0] },
                    in: fleet.directory, name: name)
            }
            let own = "upstreams.0.url=http://127.0.0.1:\(fleet.originPort)"
            for (name, settings, version) in [
                ("auto", [own], "h2"), ("always", [own, "upstreams.0.http2=always"], "h2"),
                ("off", [own, "upstreams.0.http2=off"], "http/1.1"),
            ] {
                let edge = try node(name, settings)
                defer { edge.stop() }
                _ = try edge.line(with: "upstream connected", "protocol=\(version)")
                if version == "h2" { _ = try edge.line(with: "upstream pushes") }
            }

            let peer = try ScriptedOrigin { request in
                request.target == "/object"
                    ? ScriptedOrigin.message(body: "object") : ScriptedOrigin.message("404 Not Found")
            }
            defer { peer.stop() }
            let strict = try node("strict", ["upstreams.0.url=http://127.0.0.1:\(peer.port)"])
            defer { strict.stop() }
            _ = try strict.line(with: "upstream connected", "protocol=http/1.1")
            let answer = try curl("http://127.0.0.1:\(try Fleet.port("http", of: strict))/object")
            #expect(answer.status == 200 && answer.text == "object")
            #expect(peer.prefaces.isEmpty && peer.requests(for: "/object").count == 1)

            let told = try node(
                "told", ["upstreams.0.url=http://127.0.0.1:\(peer.port)", "upstreams.0.http2=always"])
            defer { told.stop() }
            _ = try eventually("the preface") { peer.prefaces.isEmpty ? nil : true }
        }
    }
}
