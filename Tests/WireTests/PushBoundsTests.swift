import Harness
import HTTP
import NIOCore
import NIOPosix
import Testing
import Wire

/// Clients that make this side open pushes and streams, and take nothing of them.
@Suite struct PushBoundsTests {
    /// Pushes `perRequest` objects on each request, as far as it may.
    private final class Generous: Responder {
        private let perRequest: Int
        private let piece = ByteBuffer(repeating: 7, count: 1_000)
        private(set) var open = 0
        private(set) var peak = 0
        private(set) var refused = 0
        private(set) var stalled = 0
        private(set) var cancelled = 0

        init(perRequest: Int) { self.perRequest = perRequest }

        private final class Open: BodySource { func next(limit: Int) -> BodyPiece { .pending } }

        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            if request.target.text == "/body" {
                let slices = [ByteBuffer](repeating: piece, count: 1_000)
                return exchange.respond(ResponseHead(status: 200), body: .slices(slices))
            }
            exchange.respond(ResponseHead(status: 200), body: .stream(Open(), length: nil))
            for index in 0..<perRequest where exchange.hasRoomForPush {
                let promise = RequestHead(target: HTTPBytes("/object/\(index)"))
                let push = exchange.push(promise, head: ResponseHead(status: 200), body: .bytes(piece))
                if push == nil { refused += 1 } else { open += 1 }
                peak = max(peak, open)
            }
        }

        func cancelled(_ exchange: Exchange) { cancelled += 1 }
        func pushEnded(_ push: Exchange, wasSent: Bool) { open -= 1 }
        func pushStalled(_ push: Exchange) { stalled += 1 }
    }

    private static let whole = Frame.endStream | Frame.endHeaders

    private static func ask(_ stream: UInt32, _ path: String = "/watch") -> Frame {
        Frame(.headers, flags: whole, stream: stream, Block.request(path))
    }

    private func attack(
        _ limits: ServerLimits, settings: [UInt8], perRequest: Int,
        _ body: (LoopbackServer, RawHTTP2, NIOLoopBound<Generous>) async throws -> Void
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let generous = try await loop.submit { NIOLoopBound(Generous(perRequest: perRequest), eventLoop: loop) }.get()
        try await LoopbackServer.with(isSecure: false, limits: limits, on: loop, responder: { generous.value }) {
            let client = try await RawHTTP2($0)
            await client.open(settings)
            try await body($0, client, generous)
            await client.close()
        }
    }

    /// Each subscription is cancelled once its promises have come: they stay open, for the client gives them no window.
    @Test func noMorePushesAreOpenThanTheConnectionMay() async throws {
        var limits = ServerLimits()
        limits.pushesPerConnection = 100
        limits.stallTimeout = .seconds(600)
        try await attack(limits, settings: Frame.setting(4, 0), perRequest: 30) { server, client, generous in
            for round in 0..<20 as Range<UInt32> {
                let stream = round * 2 + 1
                await client.send([Self.ask(stream)])
                _ = try await client.received { $0.contains { $0.type == 1 && $0.stream == stream } }
                await client.send([Frame(.reset, stream: stream, Frame.word(8))])
            }
            let loop = server.loop
            #expect(try await loop.submit { generous.value.peak }.get() == 100)
            // What ends makes room.
            let (frames, _) = try await client.received { $0.count { $0.type == 5 } >= 100 }
            let promised = frames.filter { $0.type == 5 }.map { Array($0.payload.prefix(4)) }
            await client.send(promised.prefix(10).map { Frame(.reset, stream: Self.number($0), Frame.word(8)) })
            await client.send([Self.ask(101)])
            let (later, _) = try await client.received { $0.count { $0.type == 5 } >= 110 }
            #expect(later.count { $0.type == 5 } == 110)
            #expect(try await loop.submit { generous.value.peak }.get() == 100)
        }
    }

    private static func number(_ bytes: [UInt8]) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    /// A client that takes few streams of this side at once is promised no more: they could never begin.
    @Test func noMoreArePromisedThanTheClientTakes() async throws {
        try await attack(ServerLimits(), settings: Frame.setting(3, 7) + Frame.setting(4, 0), perRequest: 30) {
            server, client, generous in
            await client.send([Self.ask(1)])
            _ = try await client.received { $0.contains { $0.type == 1 && $0.stream == 1 } }
            #expect(try await server.loop.submit { generous.value.peak }.get() == 7)
        }
    }

    /// A client that takes all it is promised cannot have more begin than the rate allows.
    @Test func noMorePushesBeginInASecondThanMay() async throws {
        var limits = ServerLimits()
        limits.pushesPerSecond = 5
        try await attack(limits, settings: [], perRequest: 200) { server, client, generous in
            await client.send([Self.ask(1)])
            _ = try await client.received { $0.contains { $0.type == 1 && $0.stream == 1 } }
            let (begun, refused) = try await server.loop.submit { (generous.value.peak, generous.value.refused) }.get()
            // A slow machine may have had some back meanwhile.
            #expect(begun >= 5 && refused > 0 && begun + refused == 200)
            #expect(try await server.counters().refusedPushes == UInt64(refused))
        }
    }

    /// One stream is left unread while another is read on and on: the first is reset, the other goes on.
    @Test func aStreamThatIsLeftUnreadIsResetAlone() async throws {
        var limits = ServerLimits()
        limits.stallTimeout = .seconds(1)
        try await attack(limits, settings: Frame.setting(4, 0), perRequest: 3) { server, client, generous in
            await client.send([Self.ask(1, "/body"), Self.ask(3, "/body"), Self.ask(5)])
            let isReset: @Sendable ([Frame]) -> Bool = { frames in
                frames.count { $0.type == Frame.Kind.reset.rawValue } >= 5
            }
            let reader = Task {
                // Until the others are gone, this one is given a little window again and again.
                for turn in 1...1_000 where !Task.isCancelled {
                    await client.send([Frame(.windowUpdate, stream: 3, Frame.word(100))])
                    try await server.loop.scheduleTask(in: .milliseconds(turn % 2 == 0 ? 40 : 60)) {}.futureResult.get()
                }
            }
            let (frames, isClosed) = try await client.received(until: isReset)
            reader.cancel()
            #expect(!isClosed)
            let resets = frames.filter { $0.type == Frame.Kind.reset.rawValue }
            // The body, the subscription and three pushes.
            #expect(Set(resets.map(\.stream)) == [1, 2, 4, 5, 6])
            #expect(resets.allSatisfy { $0.code == 8 })
            #expect(frames.contains { $0.type == Frame.Kind.data.rawValue && $0.stream == 3 })
            let counters = try await server.counters()
            #expect(counters.stalledStreams == 5 && counters.stalledConnections == 0)
            #expect(try await server.loop.submit { generous.value.stalled }.get() == 3)
            #expect(try await server.loop.submit { generous.value.open }.get() == 0)
        }
    }

    @Test func theRateComesBackWithTime() {
        var budget = PushBudget(openLimit: 1_000, perSecond: 10, now: 5)
        func begin(at now: UInt64) -> Int { (0..<100).count { _ in budget.begin(clientLimit: .max, now: now) } }
        #expect(begin(at: 5) == 10)
        #expect(begin(at: 0) == 0)
        #expect(begin(at: 5 + 500_000_000) == 5)
        #expect(begin(at: 5 + 90_000_000_000) == 10)
        #expect(budget.open == 25)
        for _ in 0..<30 { budget.ended() }
        #expect(budget.open == 0)
    }
}
