import Foundation
import HLS
import Harness
import NIOCore

/// How long after its last frame was due at the publisher a part is whole at a client that waits for it.
struct PartAgeMeasure {
    let clip: Clip
    let group: any EventLoopGroup

    func run(part: String, seconds: Int) throws -> (origin: Spread, edge: Spread) {
        let fleet = try Fleet(packaging: "{part: \(part)}")
        let (channel, ledger) = try ClipPublisher.connect(
            clip: clip, port: fleet.rtmpPort, key: "demo", on: group)
        defer { channel.close(promise: nil) }
        _ = try fleet.waitForChannel()
        let origin = try Viewer(port: fleet.originPort, on: group)
        let edge = try Viewer(port: fleet.edgePort, on: group)
        defer {
            origin.stop()
            edge.stop()
        }
        let offset = try timeOffset(origin)
        var ages: (origin: [Double], edge: [Double]) = ([], [])
        let end = Date().addingTimeInterval(Double(seconds))
        var playlist = try media(origin, "")
        while Date() < end {
            guard let hint = playlist.hints.first(where: { $0.type == "PART" })?.uri,
                let numbers = hint.firstMatch(of: /(\d+)\.(\d+)\.m4s$/)
            else { throw TimedOut(description: "the playlist hints at no part") }
            let path = "/live/demo/video/\(hint)"
            let direct = origin.request(path)
            let through = edge.request(path)
            let next = origin.request("/live/demo/video/playlist.m3u8?_HLS_msn=\(numbers.1)&_HLS_part=\(numbers.2)")
            if let age = try age(path, try direct.wait(), ledger, offset) { ages.origin.append(age) }
            if let age = try age(path, try through.wait(), ledger, offset) { ages.edge.append(age) }
            playlist = try MediaPlaylist(parsing: Array(try next.wait().body.readableBytesView))
        }
        return (Spread(ages.origin), Spread(ages.edge))
    }

    private func media(_ viewer: Viewer, _ query: String) throws -> MediaPlaylist {
        let answer = try viewer.get("/live/demo/video/playlist.m3u8\(query)")
        return try MediaPlaylist(parsing: Array(answer.body.readableBytesView))
    }

    /// Milliseconds from the clip's time to the stream's: the first listed frame is the first that was sent.
    private func timeOffset(_ viewer: Viewer) throws -> Double {
        let playlist = try media(viewer, "")
        guard let segment = playlist.segments.first, let uri = segment.parts.first?.uri,
            let times = PartTimes(try viewer.get("/live/demo/video/\(uri)").body),
            let sent = clip.messages.first(where: { $0.type == 9 })
        else { throw TimedOut(description: "the stream's first part cannot be read") }
        return Double(times.first) / 90 - sent.milliseconds
    }

    private func age(
        _ path: String, _ answer: Viewer.Answer, _ ledger: PublishLedger, _ offset: Double
    ) throws -> Double? {
        guard answer.status == 200, let times = PartTimes(answer.body) else {
            throw TimedOut(description: "\(path) was hinted at and answered with \(answer.status)")
        }
        let stamp = Int64((Double(times.last) / 90 - offset).rounded())
        // Frame times are put on a grid: the stamp that was sent is at most a millisecond or two away.
        return ledger.state.withLock { state in
            for step in [0, 1, -1, 2, -2] as [Int64] {
                if let sent = state.sentAt[UInt32(truncatingIfNeeded: stamp + step)] {
                    return Double((answer.arrivedAt - sent).nanoseconds) / 1e6
                }
            }
            return nil
        }
    }
}
