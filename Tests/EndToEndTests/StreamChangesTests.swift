import Foundation
import HLS
import Harness
import Testing

/// What encoders change, and leave out, in the middle of a stream.
extension EndToEnd {
    @Suite(.serialized) struct StreamChangesTests {
        /// Two clips of different sizes, one behind the other, copied: the parameter sets of the second one stand in the
        /// stream alone.
        @Test(arguments: ["libx264", "libx265"]) func aSizeThatChangesInTheStreamIsFollowed(encoder: String) throws {
            let fleet = try Fleet()
            let ffmpeg = Fleet.fetched("bin/ffmpeg9")
            var joined = Data()
            for (size, offset) in [("320x180", 0), ("480x270", 4)] {
                let clip = fleet.directory.appendingPathComponent("\(size).ts")
                let made = try run(
                    ffmpeg,
                    ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25", "-f", "lavfi", "-i", "sine"]
                        + ["-c:v", encoder, "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac"]
                        + (encoder == "libx265" ? ["-x265-params", "log-level=error"] : [])
                        + ["-t", "\(offset == 0 ? 4 : 30)", "-output_ts_offset", "\(offset)", clip.path])
                #expect(made.status == 0, "\(made.errors)")
                joined += try Data(contentsOf: clip)
            }
            let stream = fleet.directory.appendingPathComponent("joined.ts")
            try joined.write(to: stream)
            let publisher = try fleet.publish(
                input: ["-re", "-i", stream.path], output: ["-c", "copy"],
                to: "rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo", encoder: ffmpeg)
            defer { publisher.stop() }
            #expect(try fleet.waitForChannel().contains("RESOLUTION=320x180"))
            _ = try eventually("the size follows: \(fleet.origin.text)", within: 30) {
                try fleet.waitForChannel().contains("RESOLUTION=480x270") ? true : nil
            }
            let text = try eventually("a segment of it", within: 30) { () -> String? in
                let text = try fleet.waitForSegments("video")
                return text.components(separatedBy: "#EXT-X-DISCONTINUITY\n").last?.contains("#EXTINF") == true
                    ? text : nil
            }
            let playlist = try MediaPlaylist(parsing: text.utf8)
            #expect(playlist.segments.count(where: \.isDiscontinuity) == 1, "\(text)")
            #expect(Set(playlist.segments.compactMap(\.map?.uri)).count == 2, "\(text)")
            #expect(!text.contains("GAP"))
            // The second init section says the second size, to another reader.
            let decoded = try run(
                ffmpeg,
                [
                    "-v", "error", "-live_start_index", "-1", "-i",
                    "http://127.0.0.1:\(fleet.originPort)/live/demo/video/playlist.m3u8", "-frames:v", "10",
                    "-vf", "showinfo", "-f", "null", "-loglevel", "info", "-",
                ])
            #expect(decoded.errors.contains("s:480x270") && !decoded.errors.contains("s:320x180"), "\(decoded.errors)")
        }

        /// Recovery points in place of IDRs begin segments, and who joins at one has a picture.
        @Test func aLateViewerOfAnOpenGOPHasAPicture() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish(
                video: ["-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p", "-g", "60", "-bf", "2"]
                    + ["-x264-params", "open-gop=1:scenecut=0:keyint=60:min-keyint=60"])
            defer { publisher.stop() }
            let text = try fleet.waitForSegments("video", count: 4)
            let playlist = try MediaPlaylist(parsing: text.utf8)
            let whole = playlist.segments.dropLast()
            #expect(whole.allSatisfy { $0.parts.isEmpty || $0.parts.first?.isIndependent == true }, "\(text)")
            let page = try WatchedPage("http://127.0.0.1:\(fleet.edgePort)/watch/demo", in: fleet.directory)
            try page.wait(for: "live")
            let before = try page.number("frames")
            try page.wait(toPlay: 2)
            #expect(try page.number("frames") > before + 30)
            #expect(try page.number("stalls") == 0)
        }
    }
}
