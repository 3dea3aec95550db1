import HTTP
import NIOCore
import NIOPosix
import Testing
import Wire

/// Clients that open every window and then read nothing: what they asked for stays where it is shared, and is not copied
/// for them.
@Suite struct SlowReaderTests {
    /// Far more than a socket holds.
    private static let bodyBytes = 256 << 20
    /// What the kernel may hold of one connection on both sides, and one burst of ours.
    private static let heldBytes = 48 << 20

    private final class Endless: Responder, BodySource {
        private let piece = ByteBuffer(repeating: 7, count: 1 << 20)
        private(set) var drawn = 0

        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            exchange.respond(ResponseHead(status: 200), body: .stream(self, length: SlowReaderTests.bodyBytes))
        }

        func cancelled(_ exchange: Exchange) {}

        func next(limit: Int) -> BodyPiece {
            let count = min(limit, piece.readableBytes, SlowReaderTests.bodyBytes - drawn)
            guard let bytes = piece.getSlice(at: 0, length: count), count > 0 else { return .failed }
            drawn += count
            return .bytes(bytes, isLast: drawn == SlowReaderTests.bodyBytes)
        }
    }

    @Test(arguments: [false, true]) func takesNoMoreThanItsSocketHolds(isSecure: Bool) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let endless = try await loop.submit { NIOLoopBound(Endless(), eventLoop: loop) }.get()
        try await LoopbackServer.with(isSecure: isSecure, on: loop, responder: { endless.value }) { server in
            let client = try await RawHTTP2(server)
            await client.open(Frame.setting(4, 0x7fff_ffff))
            _ = try await client.received { frames in frames.contains { $0.type == Frame.Kind.settings.rawValue } }
            await client.stopReading()
            let whole = Frame.endStream | Frame.endHeaders
            await client.send([
                Frame(.windowUpdate, Frame.word(0x7fff_0000)),
                Frame(.headers, flags: whole, stream: 1, Block.request()),
            ])
            // A server that fills a buffer until the body's end does so before anything else happens on its loop.
            var drawn = 0
            for _ in 0..<100_000 where drawn == 0 { drawn = try await loop.submit { endless.value.drawn }.get() }
            #expect(drawn > 0)
            #expect(drawn < Self.heldBytes, "\(drawn >> 20) MiB were taken for a reader of nothing")
            await client.close()
        }
    }

    @Test("who reads nothing is dropped, and its answer let go of", arguments: [false, true], [false, true])
    func isDroppedInTheEnd(isSecure: Bool, isHTTP1: Bool) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let endless = try await loop.submit { NIOLoopBound(Endless(), eventLoop: loop) }.get()
        var limits = ServerLimits()
        limits.stallTimeout = .seconds(1)
        try await LoopbackServer.with(
            isSecure: isSecure, protocols: [isHTTP1 ? "http/1.1" : "h2"], limits: limits, on: loop,
            responder: { endless.value }
        ) { server in
            let client = try await RawHTTP2(server, isHTTP1: isHTTP1)
            if isHTTP1 {
                await client.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
                _ = try await client.receivedBytes { !$0.isEmpty }
                await client.stopReading()
            } else {
                await client.open(Frame.setting(4, 0x7fff_ffff))
                _ = try await client.received { frames in frames.contains { $0.type == Frame.Kind.settings.rawValue } }
                await client.stopReading()
                await client.send([
                    Frame(.windowUpdate, Frame.word(0x7fff_0000)),
                    Frame(.headers, flags: Frame.endStream | Frame.endHeaders, stream: 1, Block.request()),
                ])
            }
            let end = NIODeadline.now() + .seconds(20)
            var counters = try await server.counters()
            while counters.openConnections > 0, NIODeadline.now() < end {
                try await loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
                counters = try await server.counters()
            }
            #expect(counters.openConnections == 0)
            #expect(counters.stalledConnections == 1)
            await client.close()
        }
    }
}
