import Foundation
import Harness
import NIOCore

/// Processor time of the origin for each stream that it takes and packages.
struct IngestCostMeasure {
    let clip: Clip
    let group: any EventLoopGroup

    struct Result {
        /// Processor time of one core, in percent, for each stream.
        let percent: Double
        /// What the whole process holds in memory for each stream, and the media in that, in bytes; after `seconds`.
        let residentBytes: Int
        let mediaBytes: Int
    }

    func run(publishers: Int, seconds: Int) throws -> Result {
        let fleet = try Fleet(origin: ["rtmp.any_key=true"])
        let idle = fleet.origin.residentBytes ?? 0
        var channels: [any Channel] = []
        defer { for channel in channels { channel.close(promise: nil) } }
        for index in 0..<publishers {
            channels.append(
                try ClipPublisher.connect(clip: clip, port: fleet.rtmpPort, key: "load-\(index)", on: group).channel)
        }
        for index in 0..<publishers {
            _ = try eventually("load-\(index)") {
                try curl("http://127.0.0.1:\(fleet.originPort)/live/load-\(index)/index.m3u8").status == 200
                    ? true : nil
            }
        }
        let before = fleet.origin.cpuSeconds ?? 0
        let start = Date()
        Thread.sleep(forTimeInterval: Double(seconds))
        let used = (fleet.origin.cpuSeconds ?? 0) - before
        let percent = 100 * used / Date().timeIntervalSince(start) / Double(publishers)
        let resident = (fleet.origin.residentBytes ?? 0) - idle
        return Result(
            percent: percent, residentBytes: max(0, resident) / publishers,
            mediaBytes: try mediaBytes(of: fleet) / publishers)
    }

    /// Media of all channels as the origin's metrics tell.
    private func mediaBytes(of fleet: Fleet) throws -> Int {
        try curl("http://127.0.0.1:\(fleet.originPort)/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix("needletail_origin_channel_media_bytes{") }
            .reduce(0) { sum, line in sum + (line.split(separator: " ").last.flatMap { Int($0) } ?? 0) }
    }
}
