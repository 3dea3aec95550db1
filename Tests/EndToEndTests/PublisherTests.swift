import Foundation
import Harness
import Testing

/// Publishers that are refused, that compete, that vanish, and that are not ffmpeg.
extension EndToEnd {
    @Suite(.serialized) struct PublisherTests {
        @Test func anUnknownKeyIsRefusedWithAReason() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(key: "nobody", seconds: 5)
            _ = try fleet.origin.line(with: "publish refused", "not known")
            #expect(publisher.waitForExit() != 0)
            #expect(!fleet.origin.text.contains("nobody"), "keys never appear in logs")
        }

        @Test func aSecondPublisherIsRefusedAndTheFirstGoesOn() throws {
            let fleet = try Fleet()
            let first = try fleet.publish()
            defer { first.stop() }
            _ = try fleet.waitForChannel()
            let second = try fleet.publish(seconds: 5, name: "second")
            _ = try fleet.origin.line(with: "publish refused", "is live from another publisher")
            second.waitForExit()
            #expect(first.isRunning)
            #expect(
                try curl("http://127.0.0.1:\(fleet.originPort)/metrics").text.contains(
                    "channel_live{channel=\"demo\"} 1"))
        }

        @Test func takeoverReplacesTheFirst() throws {
            let fleet = try Fleet()
            let first = try fleet.publish(key: "second")
            _ = try fleet.waitForChannel("second")
            let next = try fleet.publish(key: "second", name: "next")
            defer { next.stop() }
            _ = try fleet.origin.line(with: "publisher replaced", "takeover")
            first.waitForExit()
            #expect(try fleet.waitForChannel("second").contains("avc1"))
            #expect(next.isRunning)
        }

        @Test func bytesThatAreNoRTMPEndOneConnectionOnly() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            _ = try run("curl", ["-s", "--max-time", "5", "http://127.0.0.1:\(fleet.rtmpPort)/"])
            _ = try fleet.origin.line(with: "not RTMP version 3")
            #expect(try fleet.waitForChannel().contains("avc1"))
            #expect(publisher.isRunning)
        }

        @Test func gstreamerPublishes() throws {
            let fleet = try Fleet()
            let publisher = try ChildProcess(
                "gst-launch-1.0",
                [
                    "-q", "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=25/1", "!",
                    "x264enc", "tune=zerolatency", "key-int-max=50", "speed-preset=superfast", "!", "h264parse", "!",
                    "flvmux", "streamable=true", "name=mux", "!", "rtmp2sink",
                    "location=rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo", "audiotestsrc", "is-live=true", "!",
                    "audioconvert", "!", "voaacenc", "!", "aacparse", "!", "mux.",
                ], in: fleet.directory, name: "gstreamer")
            defer { publisher.stop() }
            let multivariant = try fleet.waitForChannel()
            #expect(multivariant.contains("avc1."))
            #expect(multivariant.contains("FRAME-RATE=25.000"))
        }

        @Test func stoppingEndsEverythingCleanly() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            #expect(fleet.edge.stop() == 0)
            #expect(fleet.origin.stop() == 0)
            _ = try fleet.origin.line(with: "origin stopped")
            _ = try fleet.edge.line(with: "edge stopped")
        }
    }
}
