import Foundation
import Harness
import Testing

/// An edge and what it fetches from: an origin that goes away, and one that is not ours.
extension EndToEnd {
    @Suite(.serialized) struct UpstreamTests {
        @Test func anEdgeServesWhatItHasWhileTheOriginIsAway() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let playlist = try fleet.waitForSegments("video")
            let path = "http://127.0.0.1:\(fleet.edgePort)/live/demo/video"
            let segment = try #require(
                playlist.split(separator: "\n").first { $0.hasSuffix(".m4s") && !$0.hasPrefix("#") })
            let before = try curl("\(path)/\(segment)")
            #expect(before.status == 200)
            fleet.origin.stop()
            _ = try fleet.edge.line(with: "upstream away", "retry_in")
            let during = try curl("\(path)/\(segment)")
            #expect(during.status == 200 && during.body == before.body)
            // Fresh for a moment longer, then stale: never an error.
            _ = try eventually("a stale playlist") {
                let answer = try curl("\(path)/playlist.m3u8")
                #expect(answer.status == 200 && answer.text.hasPrefix("#EXTM3U"))
                return answer.headers["cache-status"]?.contains("stale") == true ? true : nil
            }
            let unknown = try curl("\(path)/never-seen.m4s")
            #expect(unknown.status == 503)
            #expect(unknown.headers["content-type"] == "application/problem+json")
            #expect(unknown.headers["access-control-allow-origin"] == "*")
            let metrics = try curl("http://127.0.0.1:\(fleet.edgePort)/metrics").text
            #expect(metrics.contains(/needletail_edge_upstream_up\{[^}]*\} 0/))
            #expect(!metrics.contains(/needletail_edge_upstream_disconnects_total\{[^}]*\} 0/))

            publisher.stop()
            try fleet.restartOrigin()
            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            _ = try eventually("the edge is back: \(fleet.edge.text)", within: 40) {
                let answer = try curl("\(path)/playlist.m3u8")
                return answer.status == 200 && answer.headers["cache-status"]?.contains("stale") == false ? true : nil
            }
            #expect(
                try curl("http://127.0.0.1:\(fleet.edgePort)/metrics").text.contains(
                    /needletail_edge_upstream_up\{[^}]*\} 1/))
        }

        /// RFC 9111 over nginx: lifetimes, validation, and what is not to be kept.
        @Test func anyHTTPServerCanBeAnUpstream() throws {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
                "needletail-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let nginx = try PlainOrigin(
                locations: """
                    location /kept/ { add_header Cache-Control "public, max-age=600"; }
                    location /private/ { add_header Cache-Control "private"; }
                    location /asked/ { add_header Cache-Control "no-cache"; }
                    location /gone/ { return 410; }
                    """, in: directory)
            for folder in ["kept", "private", "asked"] {
                let url = nginx.folder.appendingPathComponent(folder)
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
                try Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                    .write(to: url.appendingPathComponent("file.bin"))
            }
            let edge = try ChildProcess(
                Fleet.program,
                [
                    "edge", "--set", "upstreams.0.url=http://127.0.0.1:\(nginx.port)", "--http", "127.0.0.1:0",
                    "--set", "watch.hls_js=\(Fleet.fetched("hls.js"))",
                ], in: directory, name: "edge", patience: 10)
            defer { edge.stop() }
            _ = try edge.line(with: "upstream connected", "http/1.1")
            let base = "http://127.0.0.1:\(try Fleet.port("http", of: edge))"
            let expected = try Data(contentsOf: nginx.folder.appendingPathComponent("kept/file.bin"))

            for round in 0..<3 {
                let kept = try curl("\(base)/kept/file.bin")
                #expect(kept.status == 200 && kept.body == expected)
                #expect(kept.headers["cache-status"]?.contains(round == 0 ? "fwd=miss" : "hit") == true)
                #expect(try curl("\(base)/private/file.bin").body == expected)
                #expect(try curl("\(base)/asked/file.bin").body == expected)
            }
            #expect(nginx.requests(for: "/kept/file.bin") == 1)
            #expect(nginx.requests(for: "/private/file.bin") == 3)
            #expect(nginx.requests(for: "/asked/file.bin") == 3)
            let range = try curl("\(base)/kept/file.bin", "-r", "1000-1999")
            #expect(range.status == 206 && range.body == expected[1_000..<2_000])
            #expect(range.headers["content-range"] == "bytes 1000-1999/300000")
            #expect(try curl("\(base)/kept/file.bin", "-r", "900000-").status == 416)
            let tag = try #require(try curl("\(base)/kept/file.bin").headers["etag"])
            #expect(try curl("\(base)/kept/file.bin", "-H", "If-None-Match: \(tag)").status == 304)
            #expect(try curl("\(base)/gone/x").status == 410)
            #expect(try curl("\(base)/nowhere").status == 404)
            #expect(try curl("\(base)/kept/file.bin", "-I").headers["content-length"] == "300000")
        }
    }
}
