import Foundation
import HLS
import Harness
import Testing

/// When what an encoder sends is seen and heard: slow pictures, bursts, frames that are shown out of order.
extension EndToEnd {
    @Suite(.serialized) struct TimingTests {
        /// A frame lasts until the next one: parts and segments come as ever, none is a gap, and Chromium plays on.
        @Test func slowPicturesArePictures() throws {
            let fleet = try Fleet(origin: ["rtmp.any_key=true"])
            // The encoder's own keyframe interval is 250 frames. A camera sends sound as it is made, while ffmpeg holds it back
            // until the next picture unless it is told not to.
            let camera =
                ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"]
                + ["-max_interleave_delta", "100000"]
            let rates = [("one", "1"), ("two", "2"), ("still", "1/4")]
            let publishers = try rates.map { name, rate in
                try fleet.publish(key: name, rate: rate, video: camera, name: name)
            }
            defer { for publisher in publishers { publisher.stop() } }
            for (name, _) in rates { _ = try fleet.waitForSegments("video", of: name, count: 2) }
            let page = try WatchedPage("http://127.0.0.1:\(fleet.edgePort)/watch/still", in: fleet.directory)
            try page.wait(for: "live")
            try page.wait(toPlay: 2)
            _ = try page.video(
                "window.waits = 0; video.addEventListener('waiting', () => { window.waits += 1 }); return 0")
            try page.wait(toPlay: 10)
            #expect((try page.browser.evaluate("return window.waits") as? NSNumber)?.intValue == 0)
            let watches = try rates.map { name, _ in
                let address = "http://127.0.0.1:\(fleet.edgePort)/live/\(name)/index.m3u8"
                return try ChildProcess(
                    Fleet.program, ["lint", address, "--json", "--seconds", "12", "--slack", "1"], in: fleet.directory,
                    name: "lint-\(name)", patience: 10)
            }
            for watch in watches {
                _ = try eventually("\(watch.text) ends", within: 60) { watch.isRunning ? nil : true }
                let exit = watch.waitForExit()
                let output = try LintOutput(watch.text)
                #expect(exit == 0, "\(output.broken)")
            }
            for (name, _) in rates {
                for rendition in ["video", "audio"] {
                    let text = try fleet.waitForSegments(rendition, of: name, count: 3)
                    #expect(!text.contains("GAP"))
                }
            }
        }

        /// ffmpeg sends the first seconds as fast as it can: by their dates they were made before, and nothing is dated in
        /// the future.
        @Test func aBurstIsDatedByTheClockThatItSettlesTo() throws {
            let fleet = try Fleet()
            let began = Date()
            let publisher = try fleet.publish(
                input: ["-readrate", "1", "-readrate_initial_burst", "6"]
                    + ["-stream_loop", "-1", "-i", Fleet.fetched("media/bigbuckbunny.mp4")],
                output: ["-c", "copy", "-t", "60"], to: "rtmp://127.0.0.1:\(fleet.rtmpPort)/live/demo",
                encoder: Fleet.fetched("bin/ffmpeg9"))
            defer { publisher.stop() }
            let text = try fleet.waitForSegments("video", count: 2)
            let playlist = try MediaPlaylist(parsing: Array(text.utf8))
            let first = try #require(playlist.segments.first?.programDateTime)
            // It began before the publisher did, for six seconds of it came at once.
            let date = Double(first) / 1e6 - began.timeIntervalSince1970
            #expect(date < -2, "dated \(date) s after the publisher began")
            let lasts = playlist.duration / .seconds(1)
            #expect(Double(first) / 1e6 + lasts < Date().timeIntervalSince1970 + 0.5)
        }
    }
}
