import Foundation
import HLS
import Harness
import Testing

/// What is live comes to an edge by itself: over one tier and over two.
extension EndToEnd {
    @Suite(.serialized) struct PushTests {
        /// Asks for the next state until one is answered from what was pushed, and returns that.
        private func warm(_ playlist: String, _ log: @autoclosure () -> String) throws -> MediaPlaylist {
            try eventually("\(playlist) is pushed: \(log())") {
                let answer = try curl(playlist)
                guard answer.headers["cache-status"]?.contains("detail=pushed") == true else { return nil }
                return try MediaPlaylist(parsing: answer.body)
            }
        }

        /// The query that asks for the part after the last.
        private func next(after playlist: MediaPlaylist) throws -> String {
            let position = try #require(playlist.position)
            return "_HLS_msn=\(position.sequence)&_HLS_part=\(position.part + 1)"
        }

        @Test func threeTiersServeTheLiveEdgeWithoutAsking() throws {
            let fleet = try Fleet()
            let shield = try EdgeNode("shield", upstreams: [fleet.originTLSPort], in: fleet.directory)
            let edge = try EdgeNode("far", upstreams: [shield.tlsPort], in: fleet.directory)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video", count: 2)
            let base = "\(edge.url)/live/demo/video"
            var playlist = try warm("\(base)/playlist.m3u8", edge.process.text)
            _ = try warm("\(edge.url)/live/demo/audio/playlist.m3u8", edge.process.text)

            let asked = try edge.metric("needletail_edge_upstream_fetches_total")
            let shieldAsked = try shield.metric("needletail_edge_upstream_fetches_total")
            for round in 0..<8 {
                // 6.2.5.2: held until the part is listed, and answered by what was pushed.
                let answer = try curl(
                    "\(base)/playlist.m3u8?\(try next(after: playlist))", round % 2 == 0 ? "--http1.1" : "--compressed")
                #expect(answer.status == 200)
                #expect(isPushed(answer, "far"))
                let newer = try MediaPlaylist(parsing: answer.body)
                let (before, after) = (try #require(playlist.position), try #require(newer.position))
                #expect(before < after)
                // The barrier: whatever it lists is here.
                for segment in newer.segments.suffix(2) {
                    for part in segment.parts {
                        let here = try curl("\(base)/\(part.uri)")
                        #expect(here.status == 200 && isPushed(here, "far"))
                    }
                }
                playlist = newer
            }
            // A segment is its parts, byte for byte the origin's.
            let whole = try #require(playlist.segments.last { $0.uri != nil && !$0.parts.isEmpty })
            let uri = try #require(whole.uri)
            let here = try curl("\(base)/\(uri)")
            #expect(isPushed(here, "far"))
            #expect(here.body == (try curl("http://127.0.0.1:\(fleet.originPort)/live/demo/video/\(uri)").body))
            // The hinted part is held until it is whole.
            let hint = try #require(playlist.hints.first { $0.type == "PART" })
            #expect(isPushed(try curl("\(base)/\(hint.uri)"), "far"))
            // The rules of directives are kept here.
            let last = try #require(playlist.position)
            #expect(try curl("\(base)/playlist.m3u8?_HLS_msn=\(last.sequence + 9)").status == 400)
            #expect(try curl("\(base)/playlist.m3u8?_HLS_part=1").status == 400)
            #expect(try curl("\(base)/playlist.m3u8?_HLS_msn=0").status == 200)
            #expect(try curl("\(base)/playlist.m3u8?_HLS_msn=\(last.sequence + 1)&_HLS_part=99").status == 400)
            let plain = try curl("\(base)/playlist.m3u8")
            #expect(plain.headers["cache-control"] == "max-age=2")
            let delta = try curl("\(base)/playlist.m3u8?_HLS_msn=\(last.sequence)&_HLS_skip=YES", "--compressed")
            #expect(delta.status == 200 && delta.headers["content-encoding"] == "gzip")

            #expect(try edge.metric("needletail_edge_upstream_fetches_total") == asked)
            #expect(try shield.metric("needletail_edge_upstream_fetches_total") == shieldAsked)
            #expect(try edge.metric("needletail_edge_requests_total", "result=\"push\"") > 20)
            #expect(try edge.metric("needletail_edge_pushes_total", "result=\"accepted\"") > 20)
            #expect(try shield.metric("needletail_edge_pushed_total", "result=\"sent\"") > 20)
            #expect(try metrics(of: "http://127.0.0.1:\(fleet.originPort)", "needletail_origin_subscriptions") >= 1)

            // The end is pushed too.
            publisher.stop()
            let ended = try eventually("ENDLIST at the edge: \(edge.process.text)") {
                let text = try curl("\(base)/playlist.m3u8").text
                return text.contains("#EXT-X-ENDLIST") ? text : nil
            }
            #expect(!ended.contains("PRELOAD-HINT"))
        }

        /// Interest: who is not watched is not pushed, and comes back when someone asks.
        @Test func whatNobodyWatchesIsNotPushed() throws {
            let fleet = try Fleet(edge: ["push.grace=1s"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let origin = "http://127.0.0.1:\(fleet.originPort)"
            let playlist = "http://127.0.0.1:\(fleet.edgePort)/live/demo/video/playlist.m3u8"
            _ = try fleet.waitForSegments("video")
            _ = try warm(playlist, fleet.edge.text)
            #expect(try metrics(of: origin, "needletail_origin_subscriptions") == 1)
            _ = try eventually("nobody is pushed: \(fleet.edge.text)") {
                try metrics(of: origin, "needletail_origin_subscriptions") == 0 ? true : nil
            }
            _ = try warm(playlist, fleet.edge.text)
            #expect(try metrics(of: origin, "needletail_origin_subscriptions") == 1)
        }

        /// The pull path does the whole job where pushes are switched off.
        @Test func withPushOffEachObjectIsFetchedOnce() throws {
            let fleet = try Fleet(edge: ["upstreams.0.push=off"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let edge = "http://127.0.0.1:\(fleet.edgePort)"
            _ = try fleet.waitForSegments("video")
            var playlist = try MediaPlaylist(parsing: try curl("\(edge)/live/demo/video/playlist.m3u8").body)
            let asked = try metrics(of: edge, "needletail_edge_upstream_fetches_total")
            let rounds = 4
            for _ in 0..<rounds {
                let url = "\(edge)/live/demo/video/playlist.m3u8?\(try next(after: playlist))"
                // Two viewers, one object.
                playlist = try MediaPlaylist(parsing: try curl(url).body)
                #expect(try curl(url).headers["cache-status"]?.hasPrefix("edge-1; hit; ttl=") == true)
            }
            #expect(try metrics(of: edge, "needletail_edge_upstream_fetches_total") == asked + Double(rounds))
            #expect(try metrics(of: edge, "needletail_edge_requests_total", ["result=\"push\""]) == 0)
            #expect(try metrics(of: "http://127.0.0.1:\(fleet.originPort)", "needletail_origin_subscriptions") == 0)
        }
    }
}

/// Whether the edge of this name says that it answered from what was pushed (RFC 9211).
private func isPushed(_ answer: Answer, _ edge: String) -> Bool {
    answer.headers["cache-status"]?.wholeMatch(of: /\w+; hit; ttl=-?\d+; detail=pushed/) != nil
        && answer.headers["cache-status"]?.hasPrefix("\(edge);") == true
}
