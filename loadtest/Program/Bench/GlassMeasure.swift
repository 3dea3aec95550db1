import Foundation
import Harness

/// Reads the time that is painted into the picture off the video element of a real browser.
struct GlassMeasure {
    struct Result {
        let joinMilliseconds: Double
        let latency: Spread
        let stalls: Int
    }

    func run(part: String, seconds: Int) throws -> Result {
        let fleet = try Fleet(packaging: "{part: \(part)}")
        let publisher = try StampedPublisher(port: fleet.rtmpPort, key: "demo", directory: fleet.directory)
        defer { publisher.stop() }
        _ = try fleet.waitForSegments("video", count: 2)
        let browser = try Browser(in: fleet.directory)
        try browser.open("https://127.0.0.1:\(fleet.edgeTLSPort)/watch/demo")
        let join = try eventually("a first frame", within: 30) {
            try (browser.evaluate("return window.needletail") as? [String: Any])?["firstFrameAt"] as? Double
        }
        _ = try browser.evaluate(
            """
            const read = \(StampedPicture.reader);
            const canvas = document.createElement("canvas");
            canvas.width = 640; canvas.height = 90;
            const context = canvas.getContext("2d", { willReadFrequently: true });
            const video = document.getElementById("video");
            window.glass = [];
            const onFrame = () => {
              const now = Date.now();
              const stamp = read(video, context);
              if (stamp !== null) { window.glass.push(((now & 0xffffff) - stamp + 0x1000000) & 0xffffff); }
              video.requestVideoFrameCallback(onFrame);
            };
            video.requestVideoFrameCallback(onFrame);
            """)
        // The player settles on its distance from the edge by playing a little faster or slower.
        Thread.sleep(forTimeInterval: 8)
        _ = try browser.evaluate("window.glass.length = 0; window.needletail.stalls = 0;")
        Thread.sleep(forTimeInterval: Double(seconds))
        let values = try browser.evaluate("return window.glass") as? [Double] ?? []
        let numbers = try browser.evaluate("return window.needletail") as? [String: Any]
        return Result(
            joinMilliseconds: join, latency: Spread(values), stalls: numbers?["stalls"] as? Int ?? -1)
    }
}
