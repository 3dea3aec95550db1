import Harness
import NIOCore
import Seeded
import Testing

@testable import Origin

/// Viewers who come, wait, vanish and are answered, over real sockets: nothing of them stays.
@Suite struct SoakTests {
    @Test("Thousands of holds over HTTP/1.1 and HTTP/2, half of them abandoned: every count returns to nothing")
    func churn() throws {
        var random = SeededGenerator(seed: 8)
        let server = try SocketOrigin { try LiveOrigin(on: $0) }
        defer { server.stop() }
        let (first, epoch) = try server.on { origin in
            origin.publish.track()
            origin.publish.open(parts: 1)
            return (origin.first, origin.epoch)
        }
        let path = "/live/demo/video/playlist.m3u8"
        let streams = try (0..<4).map { _ in try server.streams() }
        var answers: [EventLoopFuture<Bool>] = []
        var held = 0
        for round in 0..<8 {
            let (sequence, part) = try server.on { ($0.publish.sequence, $0.publish.parts) }
            let targets = [
                "\(path)?_HLS_msn=\(sequence)&_HLS_part=\(part)", "\(path)?_HLS_msn=\(sequence)",
                "/live/demo/video/\(epoch)/\(sequence).\(part).m4s",
            ]
            var plain: [any Channel] = []
            for _ in 0..<60 {
                let channel = try server.connect()
                plain.append(channel)
                let answer = server.ask(targets[Int.random(in: 0..<3, using: &random)], on: channel)
                answers.append(answer.map { $0.status == 200 }.recover { _ in false })
            }
            var cancels: [@Sendable () -> Void] = []
            for index in 0..<200 {
                let (answer, cancel) = streams[index % 4].ask(targets[Int.random(in: 0..<3, using: &random)])
                answers.append(answer.map { $0.0 == 200 }.recover { _ in false })
                cancels.append(cancel)
            }
            try eventually("all of round \(round) wait") { try server.on { $0.hub.parking.count } >= 260 ? () : nil }
            held += 260
            var gone = 0
            for channel in plain where Bool.random(using: &random) {
                channel.close(promise: nil)
                gone += 1
            }
            for cancel in cancels where Bool.random(using: &random) {
                cancel()
                gone += 1
            }
            // In every other round they leave before the release, else in the middle of it.
            if round.isMultiple(of: 2) {
                let left = 260 - gone
                try eventually("\(gone) are forgotten") { try server.on { $0.hub.parking.count } == left ? () : nil }
            }
            try server.on { origin in
                origin.publish.part()
                if origin.publish.parts == 4 {
                    origin.publish.close()
                    origin.publish.open(parts: 1)
                } else {
                    for _ in origin.publish.parts..<4 { origin.publish.part() }
                    origin.publish.close()
                    origin.publish.open(parts: 1)
                }
            }
            try eventually("nobody of round \(round) waits: \(first)") {
                try server.on { $0.hub.parking.count } == 0 ? () : nil
            }
            for channel in plain { channel.close(promise: nil) }
        }
        let outcomes = try answers.map { try $0.wait() }
        #expect(outcomes.filter { $0 }.count > held / 4)
        for stream in streams { stream.stop() }
        try eventually("no connection is left") {
            try server.on { $0.registry.counters.openConnections } == 0 ? () : nil
        }
        let (parked, abandoned, channel) = try server.on { origin in
            (origin.hub.parking.counters.parked, origin.hub.parking.counters.abandoned, origin.channel?.holds.count)
        }
        #expect(parked == UInt64(held))
        #expect(abandoned > 200)
        #expect(channel == 0)
    }
}
