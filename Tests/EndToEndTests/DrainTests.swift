import Foundation
import HLS
import Harness
import Testing

/// Nodes that are told to stop: what viewers have asked for, they get.
extension EndToEnd {
    @Suite(.serialized) struct DrainTests {
        @Test func whatIsParkedIsAnsweredBeforeAnEdgeEnds() throws {
            let fleet = try Fleet(packaging: "{segment: 4s, maximum_segment: 6s}")
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let text = try fleet.waitForSegments("video")
            let position = try #require(try MediaPlaylist(parsing: Data(text.utf8)).position)
            let path = "live/demo/video/playlist.m3u8?_HLS_msn=\(position.sequence + 1)"
            let clear = "http://127.0.0.1:\(fleet.edgePort)"
            let idle = try RawConnection(port: fleet.edgePort)
            let viewers = try [
                ("one", "\(clear)/\(path)", "--http1.1"), ("two", "\(clear)/\(path)", "--http2-prior-knowledge"),
                ("three", "https://127.0.0.1:\(fleet.edgeTLSPort)/\(path)", "--http2"),
                ("four", "https://127.0.0.1:\(fleet.edgeTLSPort)/\(path)", "--http1.1"),
            ].map { name, url, version in
                try ChildProcess("curl", ["-ski", "--max-time", "15", version, url], in: fleet.directory, name: name)
            }
            _ = try eventually("four requests wait") {
                try metrics(of: clear, "needletail_edge_parked_requests") == 4 ? true : nil
            }
            kill(fleet.edge.processIdentifier, SIGTERM)
            _ = try fleet.edge.line(with: "edge stopping")
            // No viewer comes any more, and whoever is here already is told that it is no place to stay.
            _ = try eventually("new connections are refused") {
                (try? RawConnection(port: fleet.edgePort)) == nil ? true : nil
            }
            idle.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
            let ready = String(decoding: idle.receivedUntilClosed(within: 10) ?? [], as: UTF8.self).lowercased()
            #expect(ready.hasPrefix("http/1.1 503") && ready.contains("connection: close"))
            for viewer in viewers {
                #expect(viewer.waitForExit() == 0, "\(viewer.text)")
                #expect(viewer.text.split(separator: "\r\n").first?.contains(" 200") == true, "\(viewer.text)")
                #expect(viewer.text.contains("#EXT-X-PART"), "\(viewer.text)")
            }
            #expect(fleet.edge.waitForExit() == 0)
            #expect(fleet.edge.text.contains("cut_connections=0"))
        }

        @Test func whatDoesNotEndIsCutAtTheDeadline() throws {
            let fleet = try Fleet(edge: ["drain_timeout=200ms"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let text = try fleet.waitForSegments("video")
            let position = try #require(try MediaPlaylist(parsing: Data(text.utf8)).position)
            // An origin that hangs: nothing comes, and it takes no farewell either.
            fleet.origin.setPaused(true)
            defer { fleet.origin.setPaused(false) }
            let clear = "http://127.0.0.1:\(fleet.edgePort)"
            let viewer = try ChildProcess(
                "curl", ["-sk", "\(clear)/live/demo/video/playlist.m3u8?_HLS_msn=\(position.sequence + 2)"],
                in: fleet.directory, name: "viewer")
            _ = try eventually("a request waits") {
                try metrics(of: clear, "needletail_edge_parked_requests") == 1 ? true : nil
            }
            kill(fleet.edge.processIdentifier, SIGTERM)
            #expect(viewer.waitForExit() != 0)
            #expect(fleet.edge.waitForExit() == 0)
            #expect(fleet.edge.text.contains("cut_connections=1"))
        }
    }
}
