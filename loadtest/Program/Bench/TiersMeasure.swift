import Foundation
import Harness

/// What a tier adds to the latency to glass: the same page plays from the origin itself, from an edge, and from an edge behind
/// that one.
struct TiersMeasure {
    struct Result {
        /// Milliseconds; the median picture of each round.
        var origin: [Double] = []
        var edge: [Double] = []
        var farEdge: [Double] = []
    }

    /// Rounds are interleaved: a player comes to rest anywhere within some hundredths of a second, and only the middle of
    /// several tells tiers apart.
    func run(part: String, seconds: Int, rounds: Int) throws -> Result {
        let fleet = try Fleet(packaging: "{part: \(part)}")
        let far = try EdgeNode("far", upstreams: [fleet.edgeTLSPort], in: fleet.directory)
        let publisher = try StampedPublisher(port: fleet.rtmpPort, key: "demo", directory: fleet.directory)
        defer { publisher.stop() }
        _ = try fleet.waitForSegments("video", count: 2)
        func glass(_ port: Int, from origin: Int? = nil) throws -> Double {
            let browser = try BrowserGlass(opening: "https://127.0.0.1:\(port)/watch/demo", in: fleet.directory)
            if let origin { try browser.fetchMedia(from: "https://127.0.0.1:\(origin)") }
            _ = try eventually("a first frame", within: 30) { try browser.firstFrame() }
            try browser.startReading()
            Thread.sleep(forTimeInterval: 8)
            try browser.reset()
            Thread.sleep(forTimeInterval: Double(seconds))
            let ages = try browser.read().ages
            guard !ages.isEmpty else {
                throw TimedOut(description: "no picture in \(seconds) s of port \(port): \(try browser.state())")
            }
            return Spread(ages).quantile(0.5)
        }
        var result = Result()
        for _ in 0..<rounds {
            result.origin.append(try glass(fleet.edgeTLSPort, from: fleet.originTLSPort))
            result.edge.append(try glass(fleet.edgeTLSPort))
            result.farEdge.append(try glass(far.tlsPort))
        }
        return result
    }
}
