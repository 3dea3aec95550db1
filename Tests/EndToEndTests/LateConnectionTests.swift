import Foundation
import HLS
import Harness
import Testing

/// Two origins and one encoder, whose second connection opens later and breaks.
extension EndToEnd {
    @Suite(.serialized) struct LateConnectionTests {
        private static let fifo =
            "f=fifo:fifo_format=flv:attempt_recovery=1:recover_any_error=1:recovery_wait_time=0.3"
            + ":drop_pkts_on_overflow=1:restart_with_keyframe=1"

        private func text(_ port: Int, _ rendition: String) throws -> String {
            let answer = try curl("http://127.0.0.1:\(port)/live/demo/\(rendition)/playlist.m3u8")
            return answer.status == 200 ? answer.text : ""
        }

        /// The media that the twin lists is the other origin's, byte by byte.
        private func expectSameMedia(_ one: Int, _ twin: Int, _ rendition: String) throws {
            let playlist = try MediaPlaylist(parsing: try text(twin, rendition).utf8)
            var uris = playlist.segments.compactMap(\.uri) + playlist.segments.flatMap { $0.parts.map(\.uri) }
            uris += playlist.segments.compactMap(\.map?.uri).prefix(1)
            #expect(uris.count > 3)
            for uri in uris {
                let answers = try [one, twin].map {
                    try curl("http://127.0.0.1:\($0)/live/demo/\(rendition)/\(uri)")
                }
                #expect(answers.map(\.status) == [200, 200], "\(uri)")
                #expect(answers[0].body == answers[1].body, "\(uri)")
            }
        }

        @Test func aConnectionThatComesLaterOrAgainGivesTheSameBytes() throws {
            let packaging = "{part: 200ms, segment: 1s, maximum_segment: 1s, window: 3s}"
            let book = "epoch_book=book"
            let fleet = try Fleet(packaging: packaging, origin: [book, "state_dir=state-one"])
            var arguments = ["--set", book, "--set", "state_dir=state-twin"]
            // The port that the encoder tries is known before anybody listens there.
            let scout = try Fleet.start("origin", arguments, in: fleet.directory, name: "scout")
            _ = try scout.line(with: "origin ready")
            let (ingest, http) = (try Fleet.port("rtmp", of: scout), try Fleet.port("http", of: scout))
            scout.stop()
            arguments += ["--set", "rtmp.listen=127.0.0.1:\(ingest)", "--set", "http.listen=127.0.0.1:\(http)"]

            let encoder = try ChildProcess(
                "ffmpeg",
                [
                    "-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30",
                    "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-map", "0:v", "-map", "1:a",
                ] + Fleet.x264 + [
                    "-g", "30", "-c:a", "aac", "-flags", "+global_header", "-t", "120", "-f", "tee",
                    "[\(Self.fifo)]rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo"
                        + "|[\(Self.fifo)]rtmp://127.0.0.1:\(ingest)/live/demo",
                ], in: fleet.directory, name: "encoder")
            defer { encoder.stop() }
            _ = try fleet.waitForSegments("video", count: 2)

            let twin = try Fleet.start("origin", arguments, in: fleet.directory, name: "twin")
            _ = try twin.line(with: "in step with the twin origin")
            for rendition in ["video", "audio"] {
                _ = try eventually("a segment of \(rendition): \(twin.text)") {
                    try text(http, rendition).contains("#EXTINF") ? true : nil
                }
                try expectSameMedia(fleet.originPort, http, rendition)
            }

            twin.kill()
            let again = try Fleet.start("origin", arguments, in: fleet.directory, name: "twin-again")
            defer { again.stop() }
            _ = try again.line(with: "in step with the twin origin")
            for rendition in ["video", "audio"] {
                // Once the window has left behind what only the first one saw, there is no difference at all.
                _ = try eventually("the same \(rendition) playlist: \(again.text)", within: 20) {
                    let one = try text(fleet.originPort, rendition)
                    return try one.contains("#EXTINF") && one == text(http, rendition) ? true : nil
                }
                try expectSameMedia(fleet.originPort, http, rendition)
            }
            try expectThatAnEdgeGoesOn(with: again, after: fleet)
        }

        /// An edge that was fed by the first origin goes on with the twin, in the middle of its holds: no rule is broken.
        private func expectThatAnEdgeGoesOn(with twin: ChildProcess, after fleet: Fleet) throws {
            let upstreams = [fleet.originTLSPort, try Fleet.port("https", of: twin)]
            let edge = try EdgeNode("between", upstreams: upstreams, in: fleet.directory)
            let watch = try ChildProcess(
                Fleet.program,
                ["lint", "\(edge.url)/live/demo/index.m3u8", "--json", "--seconds", "8", "--slack", "5"],
                in: fleet.directory, name: "lint", patience: 10)
            func newest() throws -> Int64 {
                try MediaPlaylist(parsing: try text(edge.port, "video").utf8).segments.last?.sequence ?? 0
            }
            let begun = try eventually("the channel: \(edge.process.text)") { try newest() }
            _ = try eventually("segments: \(edge.process.text)") { try newest() >= begun + 3 ? true : nil }
            fleet.origin.kill()
            _ = try edge.process.line(with: "channel moved to another upstream")
            _ = try eventually("the lint ends: \(watch.text)", within: 20) { watch.isRunning ? nil : true }
            let output = try LintOutput(watch.text)
            #expect(output.broken.isEmpty, "\(output.broken)")
            let after = try MediaPlaylist(parsing: try text(edge.port, "video").utf8)
            #expect(!after.segments.contains { $0.isDiscontinuity || $0.isGap })
        }
    }
}
