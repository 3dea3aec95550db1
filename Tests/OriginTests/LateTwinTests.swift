import Foundation
import HLS
import Logging
import Media
import NIOCore
import Node
import Testing

@testable import Origin

/// A twin whose publisher comes later, or comes back: from a cut on, the same bytes under the same names.
@Suite struct LateTwinTests {
    private let book = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    private let begin = WallClock.now()

    /// One encoder's packets, each with the microseconds of media before it.
    private func stream(
        seconds: Int64, _ change: (inout StagedEncoder) -> Void = { $0.isMoving = true }
    ) -> [(at: Int64, packet: HeldPackets.Packet)] {
        var encoder = StagedEncoder(at: 0)
        encoder.firstTimestamp = 5_000
        change(&encoder)
        return stride(from: Int64(0), through: seconds * 1_000_000, by: 10_000).flatMap { now in
            encoder.packets(until: now).map { packet in
                switch packet {
                case .video(let packet): (now, .video(packet))
                case .audio(let packet): (now, .audio(packet))
                }
            }
        }
    }

    private func configurations(of stream: [(at: Int64, packet: HeldPackets.Packet)]) -> [HeldPackets.Packet] {
        stream.prefix(while: { $0.packet.frame == nil }).map(\.packet)
    }

    /// Feeds an origin from `from` to `to` seconds of the stream, on a connection whose timestamps are `shift` behind.
    private struct Connection {
        var from: Double
        var to = Double.infinity
        var shift: UInt32 = 0

        func has(_ at: Int64) -> Bool { Double(at) >= from * 1e6 && Double(at) < to * 1e6 }
    }

    /// Runs both to the end, the second one over `connections`; `then` is called after each packet.
    private func run(
        _ stream: [(at: Int64, packet: HeldPackets.Packet)], _ one: TwinOrigin, _ other: TwinOrigin,
        _ connections: [Connection], then: (Int64) throws -> Void = { _ in }
    ) throws {
        var open: Int?
        for (at, packet) in stream {
            let wall = begin + at
            if at == 0, !one.isPublishing { try one.begin(at: wall) }
            one.take(packet, at: wall)
            let now = connections.firstIndex { $0.has(at) }
            if now != open {
                if open != nil { other.lose() }
                open = now
                if let now {
                    try other.begin(at: wall)
                    for packet in configurations(of: stream) {
                        other.take(packet.sent(earlier: connections[now].shift), at: wall)
                    }
                }
            }
            if let now, packet.frame != nil { other.take(packet.sent(earlier: connections[now].shift), at: wall) }
            try then(at)
        }
    }

    /// What `other` has is what `one` has, name by name, byte by byte.
    private func expectPart(of one: TwinOrigin, _ other: TwinOrigin, atLeast count: Int) {
        let (all, some) = (one.media(), other.media())
        #expect(some.count >= count, "\(some.count) names")
        for (name, bytes) in some { #expect(all[name] == bytes, "\(name)") }
    }

    private func expectSame(_ one: TwinOrigin, _ other: TwinOrigin) {
        for kind in [MediaKind.video, .audio] {
            #expect(one.playlist(kind).split(separator: "\n").count > 30)
            #expect(one.playlist(kind) == other.playlist(kind))
        }
        #expect(one.media() == other.media())
    }

    /// Also where the encoder counts each connection's timestamps from nought, and where they wrap.
    @Test(arguments: [
        (5.0, UInt32(0)), (15.0, 0), (40.0, 0), (0.7, 0), (15.3, 20_300), (6.1, UInt32.max - 100_000),
    ])
    func aLateTwinJoins(seconds: Double, shift: UInt32) throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        var joined: Int64?
        try run(stream(seconds: Int64(seconds) + 42), one, other, [Connection(from: seconds, shift: shift)]) { at in
            guard joined == nil, other.media().count > 20 else { return }
            // Within two segments. Nothing of before is listed, and all that is there is the other's.
            joined = at
            #expect(Double(at) < (seconds + 6) * 1e6)
            #expect(other.epoch == one.epoch)
            #expect(other.first(.video) == other.first(.audio))
            expectPart(of: one, other, atLeast: 20)
        }
        #expect(joined != nil)
        expectSame(one, other)
    }

    /// Also where the twin's segments are longer than they have to be, and gaps alone would use up numbers faster.
    @Test(arguments: [60, 90]) func aTwinThatLostItsPublisherJoinsAgain(keyframeInterval: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        var epochs: Set<String> = []
        var before: Presentation?
        let connections = [Connection(from: 0, to: 8.5), Connection(from: 31.2, shift: 36_200)]
        let packets = stream(seconds: 78) { ($0.isMoving, $0.keyframeInterval) = (true, keyframeInterval) }
        try run(packets, one, other, connections) { at in
            if at == 8_400_000 { before = other.presentation }
            // Gaps on the clock, until it has joined.
            if at > 8_500_000, other.presentation === before { other.keepAlive(at: begin + at) }
            if at > 1_000_000, let epoch = other.epoch { epochs.insert(epoch) }
            if at == 8_400_000 { expectSame(one, other) }
        }
        #expect(epochs == [one.epoch ?? ""], "its names were the twin's all the time")
        expectSame(one, other)
    }

    /// The first one to publish is the one that comes back, while the other goes on.
    @Test func whoWasFirstJoinsToo() throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        let packets = stream(seconds: 60)
        for (at, packet) in packets {
            let wall = begin + at
            if at == 0, !one.isPublishing {
                try one.begin(at: wall)
                try other.begin(at: wall)
            }
            if at > 9_000_000, at < 12_000_000, one.isPublishing { one.lose() }
            if at >= 12_000_000, !one.isPublishing {
                try one.begin(at: wall)
                for packet in configurations(of: packets) { one.take(packet, at: wall) }
            }
            one.take(packet, at: wall)
            other.take(packet, at: wall)
        }
        expectSame(one, other)
    }

    @Test func anOriginThatRestartsJoinsAgain() throws {
        let state = book + "-state"
        defer {
            try? FileManager.default.removeItem(atPath: book)
            try? FileManager.default.removeItem(atPath: state)
        }
        let one = try TwinOrigin("one", book: book)
        let packets = stream(seconds: 60)
        var other = try TwinOrigin("other", book: book)
        try run(packets.filter { $0.at <= 10_000_000 }, one, other, [Connection(from: 0)])
        // The process is killed: it takes no leave, and what it wrote last has reserved numbers far ahead.
        let left = try #require(other.presentation)
        let written = ChannelState(
            channel: "demo", nextSequence: left.nextSequence + 40, discontinuities: left.discontinuities + 8,
            writtenAt: begin, live: left.durable)
        try DurableDirectory(path: "\(state)/channels").write(written.encoded, to: "demo.json")
        let keeper = try StateKeeper(path: state, logger: Logger(label: "twin") { _ in SwiftLogNoOpLogHandler() })
        defer { Task { await keeper.close() } }
        other = try TwinOrigin("other", book: book, keeper: keeper, at: begin + 12_000_000)
        #expect(other.presentation == nil, "no gaps under numbers that the twin gives to media")
        try run(packets.filter { $0.at > 10_000_000 }, one, other, [Connection(from: 14)])
        expectSame(one, other)
    }

    /// Encoder and connections begin anew: both origins agree at once, as ever.
    @Test func aNewPublishOnBothIsInStepFromItsFirstFrame() throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        try run(stream(seconds: 12), one, other, [Connection(from: 0)])
        expectSame(one, other)
        let before = one.epoch
        one.lose(.finished)
        other.lose(.finished)
        try run(
            stream(seconds: 12) { ($0.isMoving, $0.firstTimestamp) = (true, 77) }, one, other, [Connection(from: 0)])
        #expect(one.epoch != before)
        expectSame(one, other)
    }

    /// The encoder begins anew, and one origin has not yet noticed that the connection before is dead.
    @Test func aPublishOfBeforeThatStillSeemsToRunIsNotWaitedFor() throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        try run(stream(seconds: 12), one, other, [Connection(from: 0)])
        let packets = stream(seconds: 50) { ($0.isMoving, $0.firstTimestamp) = (true, 77) }
        var hasTakenOver = false
        one.lose()
        try one.begin(at: begin + 14_000_000)
        for (at, packet) in packets {
            let wall = begin + 14_000_000 + at
            one.take(packet, at: wall)
            if at >= 400_000, !hasTakenOver {
                hasTakenOver = true
                other.lose()
                try other.begin(at: wall)
                for (_, packet) in packets.prefix(while: { $0.at < at }) { other.take(packet, at: wall) }
            }
            if hasTakenOver { other.take(packet, at: wall) }
        }
        expectSame(one, other)
    }

    /// A picture that stands still looks the same at every cut: where timestamps do not tell either, names are not shared.
    @Test func whatLooksAlikeIsNotTakenForTheSame() throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        try run(stream(seconds: 30) { $0.isMoving = false }, one, other, [Connection(from: 7.9, shift: 1_234)])
        #expect(other.epoch != nil && other.epoch != one.epoch)
        #expect(other.media().count > 50, "it goes on by itself")
        // All that came while it waited is there: it was held, not lost.
        let dates = try [one, other].map {
            try MediaPlaylist(parsing: ByteBuffer(string: $0.playlist(.video)).readableBytesView).segments[0]
                .programDateTime ?? 0
        }
        #expect(dates[1] - begin < 10_000_000)
    }

    /// Two encoders: nothing of one is in what the other sends.
    @Test func anotherEncodersStreamHasNamesOfItsOwn() throws {
        defer { try? FileManager.default.removeItem(atPath: book) }
        let (one, other) = (try TwinOrigin("one", book: book), try TwinOrigin("other", book: book))
        let (mine, theirs) = (stream(seconds: 30), stream(seconds: 30) { $0.keyframeInterval = 45 })
        for (at, packet) in mine {
            if at == 0, !one.isPublishing { try one.begin(at: begin) }
            one.take(packet, at: begin + at)
        }
        #expect(one.media().count > 50)
        try other.begin(at: begin + 20_000_000)
        for (at, packet) in theirs { other.take(packet, at: begin + 20_000_000 + at) }
        #expect(other.epoch != nil && other.epoch != one.epoch)
        #expect(other.media().count > 50)
        #expect(Set(one.media().keys).isDisjoint(with: other.media().keys))
    }
}
