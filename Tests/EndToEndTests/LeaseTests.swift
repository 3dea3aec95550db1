import Foundation
import Harness
import Testing

/// What a connection holds of a channel ends with the connection, and who ended a publish is known.
extension EndToEnd {
    @Suite(.serialized) struct LeaseTests {
        private func metric(_ name: String, of fleet: Fleet) throws -> String {
            let text = try curl("http://127.0.0.1:\(fleet.originPort)/metrics").text
            return text.split(separator: "\n").first { $0.hasPrefix(name) }.map(String.init) ?? ""
        }

        /// Four hundred connections end, by FIN and by RST, after every step of the way to a publish.
        @Test func aConnectionThatEndsAroundItsGrantLeavesNothingBehind() throws {
            let fleet = try Fleet()
            let bytes = RTMPBytes.whole("demo")
            // Most of them where the publish is asked for and granted.
            let steps = [0, 1, 1_537, RTMPBytes.handshake.count, RTMPBytes.handshake.count + RTMPBytes.connect.count]
            let late = bytes.count - RTMPBytes.frame.count
            for round in 0..<400 {
                let end = round % 8 < 5 ? [late, bytes.count, late - 1][round % 3] : steps[round % steps.count]
                let connection = try RawConnection(port: fleet.rtmpPort)
                connection.send(Array(bytes.prefix(end)))
                if round % 2 == 1 { connection.reset() }
            }
            _ = try eventually("no publisher is connected: \(fleet.origin.text.suffix(2_000))") {
                try metric("needletail_origin_publishers ", of: fleet).hasSuffix(" 0") ? true : nil
            }
            _ = try eventually("the channel is free") {
                try metric("needletail_origin_channel_live{channel=\"demo\"}", of: fleet).hasSuffix(" 0") ? true : nil
            }
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            #expect(try fleet.waitForChannel().contains("avc1"))
        }

        /// A publisher that falls silent is lost: its channel waits for it, and goes on in the same epoch.
        @Test func aSilentPublisherIsLostAndMayReturn() throws {
            let fleet = try Fleet(origin: ["rtmp.limits.idle=2s"])
            let first = try fleet.publish()
            defer { first.stop() }
            let before = try fleet.waitForSegments("video")
            first.setPaused(true)
            let line = try fleet.origin.line(with: "publish ended")
            #expect(
                line.contains("end=lost") && line.contains("by=connection") && line.contains("nothing came"), "\(line)")
            let second = try fleet.publish(name: "second")
            defer { second.stop() }
            let count = before.components(separatedBy: "#EXTINF").count
            let after = try fleet.waitForSegments("video", count: count + 1)
            let map = { (text: String) in text.firstMatch(of: /URI="([^"\/]+)\/init/)?.1 }
            #expect(map(after) == map(before) && map(after) != nil)
            #expect(!after.contains("EXT-X-ENDLIST"))
        }

        @Test func aViolationLosesThePublishAndSaysWhoEndedIt() throws {
            let fleet = try Fleet()
            let connection = try RawConnection(port: fleet.rtmpPort)
            connection.send(RTMPBytes.whole("demo"))
            _ = try fleet.origin.line(with: "publish started")
            // A chunk size of zero, which RTMP does not allow.
            connection.send([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0])
            let said = String(
                decoding: connection.receivedUntilClosed(within: 15)?.filter { (0x20..<0x7f).contains($0) } ?? [],
                as: UTF8.self)
            #expect(said.contains("NetStream.Publish.Failed") && said.contains("a chunk size of 0"), "\(said)")
            let line = try fleet.origin.line(with: "publish ended")
            #expect(line.contains("end=lost") && line.contains("by=origin"), "\(line)")
        }

        @Test func aConnectionWithoutAPublishEndsAfterTheHandshakeLimit() throws {
            let fleet = try Fleet(origin: ["rtmp.limits.handshake=1s", "rtmp.limits.idle=60s"])
            let connection = try RawConnection(port: fleet.rtmpPort)
            connection.send(RTMPBytes.handshake + RTMPBytes.connect + RTMPBytes.createStream)
            #expect(connection.receivedUntilClosed(within: 15) != nil)
            _ = try fleet.origin.line(with: "connection closed", "no publish was granted in time")
        }

        @Test func aSecondOriginInTheSameStateDirectoryIsRefused() throws {
            let fleet = try Fleet(origin: ["state_dir=state"])
            let second = try run(
                Fleet.program, ["origin", "--config", "origin.yaml", "--set", "state_dir=state"], in: fleet.directory)
            let said = second.errors + String(decoding: second.output, as: UTF8.self)
            #expect(second.status == 1)
            #expect(
                said.contains("in use by another origin (process \(fleet.origin.processIdentifier), since"), "\(said)")
            // The lock goes with the process, however that ends.
            try fleet.restartOrigin(killed: true)
        }

        // MARK: What is not packaged

        @Test func aPublishOfWhichNothingCanBePackagedIsRefused() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(video: [], audio: ["-c:a", "libmp3lame", "-ar", "44100"])
            let line = try fleet.origin.line(with: "publish refused", "MP3")
            #expect(line.contains("send H.264"), "\(line)")
            #expect(publisher.waitForExit() != 0)
            #expect(
                try metric("needletail_origin_publish_warnings_total{reason=\"unsupported_codec\"}", of: fleet)
                    .hasSuffix(" 1"))
        }

        @Test func whatIsNotPackagedIsSaidOnceAndTheRestGoesOn() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(video: ["-c:v", "flv"])
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("audio")
            let lines = fleet.origin.text.split(separator: "\n").filter { $0.contains("FLV1") }
            #expect(lines.count == 1, "\(lines)")
            // One line says what the publish consists of.
            let media = try fleet.origin.line(with: "publish media")
            #expect(media.contains("audio=mp4a.40.2") && media.contains("sample_rate=48000"), "\(media)")
        }

        /// ffmpeg sends an empty configuration first where AAC comes from ADTS.
        @Test func aCopyFromADTSWarnsOfNothing() throws {
            let fleet = try Fleet()
            let file = fleet.directory.appendingPathComponent("adts.ts").path
            let made = try run(
                "ffmpeg",
                [
                    "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i",
                    "sine=sample_rate=48000",
                ]
                    + Fleet.x264 + ["-c:a", "aac", "-t", "20", file])
            #expect(made.status == 0, "\(made.errors)")
            let publisher = try fleet.publish(
                input: ["-re", "-i", file], output: ["-c", "copy"], to: "rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo")
            defer { publisher.stop() }
            let text = try fleet.waitForSegments("audio", count: 2)
            #expect(!text.contains("GAP"))
            _ = try fleet.origin.line(with: "publish media")
            let warnings = fleet.origin.text.split(separator: "\n").filter { $0.contains("publisher's media") }
            #expect(warnings.isEmpty, "\(warnings)")
        }
    }
}
