import Foundation
import Harness

/// Reads the time that is painted into the picture off the video element of a real browser.
struct GlassMeasure {
    struct Result {
        /// Milliseconds to the first picture, of each start.
        var joins: [Double] = []
        /// Milliseconds; pictures of all starts.
        var ages: [Double] = []
        /// Milliseconds; the median picture of each start.
        var rests: [Double] = []
        /// Of all starts, once the player has settled.
        var stalls = 0
    }

    /// What plays: the watch page, or hls.js with its own settings for low latency on a page with nothing else.
    enum Page: CaseIterable { case watch, plain }

    /// Starts each page so many times, by turns.
    func run(part: String, seconds: Int, starts: Int, pages: [Page]) throws -> [Page: Result] {
        let fleet = try Fleet(packaging: "{part: \(part)}")
        let publisher = try StampedPublisher(port: fleet.rtmpPort, key: "demo", directory: fleet.directory)
        defer { publisher.stop() }
        _ = try fleet.waitForSegments("video", count: 2)
        var results: [Page: Result] = [:]
        for _ in 0..<starts {
            for page in pages { try start(page, fleet, seconds: seconds, into: &results[page, default: Result()]) }
        }
        return results
    }

    private func start(_ page: Page, _ fleet: Fleet, seconds: Int, into result: inout Result) throws {
        let base = "https://127.0.0.1:\(fleet.edgeTLSPort)"
        let browser =
            switch page {
            case .watch: try BrowserGlass(opening: "\(base)/watch/demo", in: fleet.directory)
            case .plain: try BrowserGlass(playing: "/live/demo/index.m3u8", plainlyFrom: base, in: fleet.directory)
            }
        result.joins.append(try eventually("a first frame", within: 30) { try browser.firstFrame() })
        try browser.startReading()
        // The player settles on its distance from the edge by playing a little faster or slower.
        Thread.sleep(forTimeInterval: 8)
        try browser.reset()
        Thread.sleep(forTimeInterval: Double(seconds))
        let (ages, stalls) = try browser.read()
        result.ages += ages
        result.rests.append(Spread(ages).quantile(0.5))
        result.stalls += stalls
    }
}
