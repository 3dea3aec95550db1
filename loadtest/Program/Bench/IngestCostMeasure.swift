import Foundation
import Harness
import NIOCore

/// Processor time of the origin for each stream that it takes and packages.
struct IngestCostMeasure {
    let clip: Clip
    let group: any EventLoopGroup

    /// Percent of one core.
    func run(publishers: Int, seconds: Int) throws -> Double {
        let fleet = try Fleet(origin: ["rtmp.any_key=true"])
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
        return 100 * used / Date().timeIntervalSince(start) / Double(publishers)
    }
}
