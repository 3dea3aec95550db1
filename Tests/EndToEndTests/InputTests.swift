import Foundation
import HLS
import Harness
import Testing

/// What encoders send: codecs, rates, tracks, transports.
extension EndToEnd {
    @Suite(.serialized) struct InputTests {
        struct Codec: Sendable, CustomTestStringConvertible {
            let name: String
            let arguments: [String]
            let codecs: [String]
            var testDescription: String { name }
        }

        /// Enhanced RTMP, by the first ffmpeg that sends all three.
        static let enhanced = [
            Codec(
                name: "HEVC and AAC",
                arguments: [
                    "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-g", "60", "-c:a",
                    "aac",
                ], codecs: ["hvc1.", "mp4a.40.2"]),
            Codec(
                name: "AV1 and Opus",
                arguments: ["-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-c:a", "libopus"],
                codecs: ["av01.", "opus"]),
            Codec(
                name: "H.264 and Opus",
                arguments: ["-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-c:a", "libopus"],
                codecs: ["avc1.", "opus"]),
        ]

        @Test(arguments: enhanced) func enhancedRTMP(codec: Codec) throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(
                video: codec.arguments + ["-pix_fmt", "yuv420p"], audio: ["-b:a", "96k"],
                encoder: Fleet.fetched("bin/ffmpeg9"))
            defer { publisher.stop() }
            let multivariant = try fleet.waitForChannel()
            for word in codec.codecs { #expect(multivariant.contains(word), "\(multivariant)") }
            #expect(multivariant.contains("RESOLUTION=320x180"))
            for rendition in ["video", "audio"] { try judge(rendition, of: "demo", fleet) }
            // The bytes decode without a complaint: a whole init section and its segments, by another reader.
            let decode = try run(
                Fleet.fetched("bin/ffmpeg9"),
                [
                    "-v", "error", "-i", "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8", "-t", "1", "-f",
                    "null", "-",
                ])
            #expect(decode.status == 0 && decode.errors.isEmpty, "\(decode.errors)")
        }

        @Test func aRealClipIsPublishedAsItIs() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(
                input: ["-re", "-stream_loop", "-1", "-i", Fleet.fetched("media/bigbuckbunny.mp4")],
                output: ["-c", "copy", "-t", "200"], to: "rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo")
            defer { publisher.stop() }
            let multivariant = try fleet.waitForChannel()
            #expect(multivariant.contains("RESOLUTION=1280x720"))
            #expect(multivariant.contains("FRAME-RATE=25.000"))
            for rendition in ["video", "audio"] { try judge(rendition, of: "demo", fleet) }
            let probe = try run(
                "ffprobe",
                [
                    "-v", "error", "-read_intervals", "%+2", "-show_entries", "stream=codec_name,channels", "-of",
                    "default=nw=1", "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8",
                ])
            let text = String(decoding: probe.output, as: UTF8.self)
            #expect(text.contains("codec_name=h264") && text.contains("codec_name=aac"), "\(probe.errors)")
            #expect(text.contains("channels=6"))
        }

        /// Many publishers at once, each with another frame rate or another set of tracks.
        @Test func ratesAndTracksSideBySide() throws {
            let fleet = try Fleet(origin: ["rtmp.any_key=true"])
            let rates = [
                ("24", 44_100, "24.000"), ("25", 48_000, "25.000"), ("30000/1001", 44_100, "29.970"),
                ("30", 48_000, "30.000"), ("50", 44_100, "50.000"), ("60", 48_000, "60.000"),
            ]
            var publishers: [ChildProcess] = []
            defer { for publisher in publishers { publisher.stop() } }
            for (index, (rate, sampleRate, _)) in rates.enumerated() {
                publishers.append(
                    try fleet.publish(key: "rate-\(index)", rate: rate, sampleRate: sampleRate, name: "rate-\(index)"))
            }
            publishers.append(try fleet.publish(key: "mute", audio: [], name: "mute"))
            publishers.append(try fleet.publish(key: "blind", video: [], name: "blind"))
            for (index, (_, _, text)) in rates.enumerated() {
                let multivariant = try fleet.waitForChannel("rate-\(index)")
                #expect(multivariant.contains("FRAME-RATE=\(text)"), "\(multivariant)")
            }
            #expect(try !fleet.waitForChannel("mute").contains("mp4a"))
            let blind = try fleet.waitForChannel("blind")
            #expect(blind.contains("mp4a.40.2") && !blind.contains("avc1"))
            for index in rates.indices {
                for rendition in ["video", "audio"] { try judge(rendition, of: "rate-\(index)", fleet) }
            }
            try judge("video", of: "mute", fleet)
            try judge("audio", of: "blind", fleet)
        }

        @Test func publishingUnderTLS() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(to: "rtmps://127.0.0.1:\(fleet.rtmpsPort)/live/demo")
            defer { publisher.stop() }
            #expect(try fleet.waitForChannel().contains("avc1"))
        }

        /// librtmp: what older encoders and GStreamer's rtmpsink speak through.
        @Test func librtmpPublishes() throws {
            let fleet = try Fleet()
            let publisher = try ChildProcess(
                "gst-launch-1.0",
                [
                    "-q", "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=25/1", "!",
                    "x264enc", "tune=zerolatency", "key-int-max=50", "speed-preset=superfast", "!", "h264parse", "!",
                    "flvmux", "streamable=true", "!", "rtmpsink",
                    "location=rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo live=1",
                ], in: fleet.directory, name: "librtmp")
            defer { publisher.stop() }
            #expect(try fleet.waitForChannel().contains("avc1."), "\(publisher.text)")
        }

        /// A machine that lost its power says nothing more. Its key is free within the configured silence.
        @Test func aDeadPeerFreesItsKey() throws {
            let fleet = try Fleet(origin: ["rtmp.limits.idle=2s"])
            let first = try fleet.publish()
            defer { first.stop() }
            _ = try fleet.waitForChannel()
            first.setPaused(true)
            defer { first.setPaused(false) }
            _ = try fleet.origin.line(with: "publish ended")
            let second = try fleet.publish(name: "second")
            defer { second.stop() }
            _ = try eventually("the key is taken again: \(fleet.origin.text)") {
                fleet.origin.text.components(separatedBy: "publish started").count > 2 ? true : nil
            }
            #expect(second.isRunning)
        }

        /// Two looks at a playlist, half a second and more apart, and every rule that they show.
        private func judge(_ rendition: String, of channel: String, _ fleet: Fleet) throws {
            let url = "http://127.0.0.1:\(fleet.edgePort)/live/\(channel)/\(rendition)/playlist.m3u8"
            let first = try MediaPlaylist(
                parsing: Array(try fleet.waitForSegments(rendition, of: channel, count: 2).utf8))
            let later = try eventually("a new part of \(channel)/\(rendition)") { () -> MediaPlaylist? in
                let playlist = try MediaPlaylist(parsing: Array(try curl(url).body))
                return playlist == first ? nil : playlist
            }
            for result in PlaylistRules.check(first) + PlaylistRules.check(from: first, to: later)
            where !result.isKept {
                Issue.record("\(channel)/\(rendition): \(result.rule.section) \(result.findings)")
            }
        }
    }
}
