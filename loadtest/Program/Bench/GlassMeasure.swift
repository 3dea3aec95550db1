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
        let browser = try BrowserGlass(
            opening: "https://127.0.0.1:\(fleet.edgeTLSPort)/watch/demo", in: fleet.directory)
        let join = try eventually("a first frame", within: 30) { try browser.firstFrame() }
        try browser.startReading()
        // The player settles on its distance from the edge by playing a little faster or slower.
        Thread.sleep(forTimeInterval: 8)
        try browser.reset()
        Thread.sleep(forTimeInterval: Double(seconds))
        let (ages, stalls) = try browser.read()
        return Result(joinMilliseconds: join, latency: Spread(ages), stalls: stalls)
    }
}
