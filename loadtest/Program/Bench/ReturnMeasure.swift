import Foundation
import Harness

/// What a viewer in Chromium sees of publishers that are killed and come back: the longest time without a new frame.
struct ReturnMeasure {
    /// Seconds without a frame by round, and how long there was no publisher in each.
    struct Result {
        var gaps: [Double] = []
        var outages: [Double] = []
        /// Frames went on by themselves in so many rounds.
        var recovered = 0
    }

    /// Seconds from the kill to the next publish.
    private static let pause = 2.0

    func run(rounds: Int) throws -> Result {
        let fleet = try Fleet(packaging: "{part: 200ms, segment: 1s, maximum_segment: 2s, window: 30s}")
        var publisher = try fleet.publish(seconds: 3_600, name: "publisher-0")
        _ = try fleet.waitForChannel()
        let browser = try Browser(in: fleet.directory)
        try browser.open("http://127.0.0.1:\(fleet.edgePort)/watch/demo")
        func number(_ script: String) throws -> Double { try browser.evaluate("return \(script)") as? Double ?? 0 }
        func waitForFrames(_ count: Double, within seconds: Double) throws {
            let from = try number("window.needletail.frames")
            _ = try eventually("frames: \(fleet.edge.text)", within: seconds) {
                try number("window.needletail.frames") > from + count ? true : nil
            }
        }
        try waitForFrames(60, within: 60)
        _ = try browser.evaluate(
            """
            const video = document.getElementById("video");
            const seen = window.seen = { last: performance.now(), longest: 0 };
            const note = (now) => {
                seen.longest = Math.max(seen.longest, now - seen.last);
                seen.last = now;
                video.requestVideoFrameCallback(note);
            };
            video.requestVideoFrameCallback(note);
            """)
        var result = Result()
        for round in 1...rounds {
            _ = try browser.evaluate("window.seen.longest = 0")
            publisher.kill()
            let killed = Date()
            Thread.sleep(forTimeInterval: Self.pause)
            publisher = try fleet.publish(seconds: 3_600, name: "publisher-\(round)")
            _ = try eventually("publish \(round): \(fleet.origin.text)") {
                fleet.origin.text.components(separatedBy: "publisher returned").count > round ? true : nil
            }
            result.outages.append(Date().timeIntervalSince(killed))
            do {
                try waitForFrames(90, within: 40)
                result.recovered += 1
                result.gaps.append(try number("window.seen.longest") / 1_000)
            } catch is TimedOut {
                continue
            }
        }
        publisher.stop()
        return result
    }
}
