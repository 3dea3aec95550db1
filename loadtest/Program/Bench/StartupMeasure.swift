import Harness
import NIOCore

/// From the moment at which the server takes media to the first media playlist that lists a part.
struct StartupMeasure {
    let clip: Clip
    let group: any EventLoopGroup

    func run(part: String, rounds: Int) throws -> Spread {
        let fleet = try Fleet(packaging: "{part: \(part)}", origin: ["rtmp.any_key=true"])
        let viewer = try Viewer(port: fleet.originPort, on: group)
        defer { viewer.stop() }
        var values: [Double] = []
        for round in 0..<rounds {
            let (channel, ledger) = try ClipPublisher.connect(
                clip: clip, port: fleet.rtmpPort, key: "start-\(round)", on: group)
            defer { channel.close(promise: nil) }
            let playable = try eventually("a first part: \(fleet.origin.text)") { () -> NIODeadline? in
                while true {
                    let answer = try viewer.get("/live/start-\(round)/video/playlist.m3u8")
                    if answer.status == 200, String(buffer: answer.body).contains("#EXT-X-PART:") {
                        return answer.arrivedAt
                    }
                    if let refusal = ledger.state.withLock({ $0.refusal }) { throw TimedOut(description: refusal) }
                }
            }
            guard let accepted = ledger.state.withLock({ $0.acceptedAt }) else { continue }
            values.append(Double((playable - accepted).nanoseconds) / 1e6)
        }
        return Spread(values)
    }
}
