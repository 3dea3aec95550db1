import Foundation
import HLS
import Harness
import NIOPosix
import Testing

/// Publishers that pause, and uplinks that stall with what was sent meanwhile behind it: frames sent against frames served.
extension EndToEnd {
    @Suite(.serialized) struct StallTests {
        /// ffmpeg that publishes for `seconds` and records what it sends.
        private func publish(_ fleet: Fleet, seconds: Int, port: Int) throws -> ChildProcess {
            try ChildProcess(
                "ffmpeg",
                ["-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"]
                    + ["-re", "-f", "lavfi", "-i", "sine=sample_rate=48000"] + Fleet.x264
                    + ["-c:a", "aac", "-flags", "+global_header", "-map", "0:v", "-map", "1:a", "-t", "\(seconds)"]
                    + ["-f", "tee", "[f=flv]rtmp://127.0.0.1:\(port)/live/demo|[f=flv]sent.flv"],
                in: fleet.directory, name: "publisher")
        }

        private func ended(_ fleet: Fleet, _ rendition: String) throws -> (playlist: MediaPlaylist, file: URL) {
            let base = "http://127.0.0.1:\(fleet.originPort)/live/demo/\(rendition)/"
            let playlist = try eventually("the end: \(fleet.origin.text)", within: 60) { () -> MediaPlaylist? in
                let answer = try curl(base + "playlist.m3u8")
                guard answer.status == 200 else { return nil }
                let playlist = try MediaPlaylist(parsing: answer.text.utf8)
                return playlist.hasEnded ? playlist : nil
            }
            var bytes = try curl(base + (playlist.segments.first?.map?.uri ?? "")).body
            for segment in playlist.segments where !segment.isGap {
                let answer = try curl(base + (segment.uri ?? ""))
                #expect(answer.status == 200, "\(segment.uri ?? "")")
                bytes += answer.body
            }
            let file = fleet.directory.appendingPathComponent("\(rendition).mp4")
            try bytes.write(to: file)
            return (playlist, file)
        }

        private func frames(_ file: URL, _ kind: String) throws -> Int {
            let probe = try run(
                "ffprobe",
                [
                    "-v", "error", "-count_packets", "-select_streams", kind, "-show_entries", "stream=nb_read_packets",
                    "-of", "csv=p=0", file.path,
                ])
            let text = String(decoding: probe.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            return try #require(Int(text.prefix { $0.isNumber }), "\(text) \(probe.errors)")
        }

        /// What primes an AAC decoder ends before the first picture, and is no sound.
        private func priming(_ rendition: String) -> Int { rendition == "audio" ? 1 : 0 }

        /// Compares what was sent with what is served. Returns the frames that are missing, and what was listed as gaps.
        private func losses(_ fleet: Fleet, _ rendition: String) throws -> (missing: Int, gaps: Double) {
            let sent = try frames(
                fleet.directory.appendingPathComponent("sent.flv"), rendition == "video" ? "v:0" : "a:0")
            let (playlist, file) = try ended(fleet, rendition)
            let metrics = try curl("http://127.0.0.1:\(fleet.originPort)/metrics").text
            let metric = "needletail_origin_channel_gap_seconds_total{channel=\"demo\",rendition=\"\(rendition)\"} "
            let gaps = metrics.split(separator: "\n").first { $0.hasPrefix(metric) }.flatMap {
                Double($0.dropFirst(metric.count))
            }
            let served = try frames(file, rendition == "video" ? "v:0" : "a:0")
            print("\(rendition): \(sent) frames sent, \(served) served, \(gaps ?? -1) s of gaps")
            #expect(playlist.segments.allSatisfy { !$0.isDiscontinuity })
            return (sent - priming(rendition) - served, try #require(gaps))
        }

        private func position(_ fleet: Fleet) throws -> Int64 {
            try MediaPlaylist(
                parsing: try curl("http://127.0.0.1:\(fleet.originPort)/live/demo/video/playlist.m3u8").text.utf8
            ).segments.last?.sequence ?? 0
        }

        private func waitForSegment(_ fleet: Fleet) throws {
            let begun = try position(fleet)
            _ = try eventually("a segment more") { try position(fleet) > begun ? true : nil }
        }

        /// A publish over an uplink that carries nothing for `stall` seconds, and then all of it.
        private func publish(seconds: Int, stalling stall: Double) throws -> Fleet {
            let fleet = try Fleet(packaging: "{window: 60s}")
            let link = try LinkProxy.open(
                on: "127.0.0.1", to: ("127.0.0.1", fleet.rtmpPort), loops: MultiThreadedEventLoopGroup.singleton)
            defer { link.close() }
            let publisher = try publish(fleet, seconds: seconds, port: link.port)
            _ = try fleet.waitForChannel()
            try waitForSegment(fleet)
            link.set { $0.isCut = true }
            // The stall itself: nothing tells of its end but the clock.
            usleep(UInt32(stall * 1e6))
            link.set { $0.isCut = false }
            publisher.waitForExit()
            return fleet
        }

        /// A machine that hangs for a moment: ffmpeg sends what it has missed.
        @Test func aPausedPublisherLosesNoFrame() throws {
            let fleet = try Fleet(packaging: "{window: 60s}")
            let publisher = try publish(fleet, seconds: 22, port: fleet.rtmpPort)
            _ = try fleet.waitForChannel()
            for pause in [0.5, 0.7, 1.0, 1.5] {
                try waitForSegment(fleet)
                publisher.setPaused(true)
                usleep(UInt32(pause * 1e6))
                publisher.setPaused(false)
                try waitForSegment(fleet)
            }
            publisher.waitForExit()
            for rendition in ["video", "audio"] {
                let (missing, gaps) = try losses(fleet, rendition)
                #expect(missing == 0 && gaps == 0, "\(rendition): \(fleet.origin.text)")
            }
        }

        /// An uplink that carries nothing for a while, and then all of it.
        @Test(arguments: [0.7, 3]) func aStalledUplinkLosesNoFrame(stall: Double) throws {
            let fleet = try publish(seconds: 14, stalling: stall)
            for rendition in ["video", "audio"] {
                let (missing, gaps) = try losses(fleet, rendition)
                #expect(missing == 0 && gaps == 0, "\(rendition): \(fleet.origin.text)")
            }
        }

        /// Longer than a playlist may stand still: gaps take the place of some, and what is lost with them is said.
        @Test func whatALongStallCostsIsSaid() throws {
            let fleet = try publish(seconds: 18, stalling: 6)
            let metrics = try curl("http://127.0.0.1:\(fleet.originPort)/metrics").text
            for rendition in ["video", "audio"] {
                let (missing, gaps) = try losses(fleet, rendition)
                #expect(missing > 0 && gaps > 0, "\(rendition): \(fleet.origin.text)")
                let said = fleet.origin.text.split(separator: "\n").filter {
                    $0.contains("media came too late to be listed") && $0.contains("rendition=\(rendition)")
                }
                #expect(said.count == 1 && said.allSatisfy { $0.contains("frames=\(missing)") }, "\(said)")
                let counted =
                    "needletail_origin_channel_unlisted_frames_total{channel=\"demo\",rendition=\"\(rendition)\"} \(missing)"
                #expect(metrics.contains(counted + "\n"), "\(metrics)")
            }
        }
    }
}
