import HTTP
import NIOCore
import NIOPosix
import Testing
import Wire

/// A server that leaves: what is under way is finished, what was sent before its client could know is answered, and
/// nothing is torn.
@Suite struct DrainTests {
    /// Answers at once, or when it is told to.
    private final class Desk: Responder {
        private var held: [Exchange] = []
        private(set) var cancelled = 0

        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            if request.path.isEqual(to: "/held") { return held.append(exchange) }
            answer(exchange, bytes: request.queryValue("bytes")?.decimalValue ?? 5)
        }

        func cancelled(_ exchange: Exchange) {
            cancelled += 1
            held.removeAll { $0 == exchange }
        }

        var heldCount: Int { held.count }

        func release() {
            for exchange in held { answer(exchange, bytes: 5) }
            held = []
        }

        private func answer(_ exchange: Exchange, bytes: Int) {
            exchange.respond(ResponseHead(status: 200), body: .bytes(ByteBuffer(repeating: 7, count: bytes)))
        }
    }

    private struct Stage {
        let server: LoopbackServer
        let desk: NIOLoopBound<Desk>

        /// Stops accepting and asks every connection to leave. The future ends with the last of them.
        func drain(quiet: TimeAmount = .seconds(60)) async throws -> EventLoopFuture<Void> {
            await server.listener.stopAccepting()
            let promise = server.loop.makePromise(of: Void.self)
            let service = server.service
            try await server.loop.submit { service.value.registry.drain(promise, quiet: quiet) }.get()
            return promise.futureResult
        }

        func release() async throws {
            let desk = desk
            try await server.loop.submit { desk.value.release() }.get()
        }

        /// Returns once so many requests are held.
        func held(_ count: Int) async throws {
            let desk = desk
            try await until("\(count) requests are held") {
                try await server.loop.submit { desk.value.heldCount }.get() == count
            }
        }

        /// Asks again until it is so, for what the server does by itself.
        func until(_ what: String, _ isSo: () async throws -> Bool) async throws {
            for _ in 0..<100_000 { if try await isSo() { return } }
            Issue.record("never: \(what)")
        }

        /// Returns once a connection is known to the server.
        func accepted(_ count: Int) async throws {
            try await until("\(count) connections") { try await server.counters().openConnections == count }
        }
    }

    private func with(
        isSecure: Bool, protocols: [String] = ["h2", "http/1.1"], _ body: (Stage) async throws -> Void
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let desk = try await loop.submit { NIOLoopBound(Desk(), eventLoop: loop) }.get()
        try await LoopbackServer.with(isSecure: isSecure, protocols: protocols, on: loop, responder: { desk.value }) {
            try await body(Stage(server: $0, desk: desk))
        }
    }

    private static func request(_ path: String = "/") -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    }

    private static let whole = Frame.endStream | Frame.endHeaders

    private static func goAways(_ frames: [Frame]) -> [UInt32] {
        frames.filter { $0.type == Frame.Kind.goAway.rawValue && $0.code == 0 }.map { frame in
            frame.payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    private static func ended(_ frames: [Frame], _ stream: UInt32) -> Bool {
        frames.contains { $0.stream == stream && $0.flags & Frame.endStream != 0 }
    }

    // MARK: HTTP/2

    @Test(
        "6.8: a notice, the streams that crossed it, then the last stream; what is held is answered",
        arguments: [
            false, true,
        ])
    func goAwayInTwoSteps(isSecure: Bool) async throws {
        try await with(isSecure: isSecure) { stage in
            let client = try await RawHTTP2(stage.server)
            await client.open()
            await client.send([Frame(.headers, flags: Self.whole, stream: 1, Block.request("/held"))])
            try await stage.held(1)
            let drained = try await stage.drain()
            let (noticed, _) = try await client.received { frames in
                !Self.goAways(frames).isEmpty && frames.contains { $0.type == 6 && $0.flags & Frame.ack == 0 }
            }
            #expect(Self.goAways(noticed) == [0x7fff_ffff])
            let ping = try #require(noticed.first { $0.type == 6 && $0.flags & Frame.ack == 0 })
            // It crossed the notice on its way.
            await client.send([
                Frame(.headers, flags: Self.whole, stream: 3, Block.request()),
                Frame(.ping, flags: Frame.ack, ping.payload),
            ])
            let (told, _) = try await client.received { Self.goAways($0).count == 2 && Self.ended($0, 3) }
            #expect(Self.goAways(told) == [0x7fff_ffff, 3])
            try await stage.release()
            let (all, isClosed) = try await client.received { _ in false }
            #expect(Self.ended(all, 1) && isClosed)
            try await drained.get()
        }
    }

    @Test("a client that does not answer the ping gets the second GOAWAY a second later", arguments: [false, true])
    func silentClient(isSecure: Bool) async throws {
        try await with(isSecure: isSecure) { stage in
            let client = try await RawHTTP2(stage.server)
            await client.open()
            await client.send([Frame(.headers, flags: Self.whole, stream: 1, Block.request())])
            _ = try await client.received { Self.ended($0, 1) }
            let drained = try await stage.drain()
            let (frames, isClosed) = try await client.received { _ in false }
            #expect(Self.goAways(frames) == [0x7fff_ffff, 1] && isClosed)
            try await drained.get()
        }
    }

    // MARK: HTTP/1.1

    @Test("one more request is answered, which says that it is the last", arguments: [false, true])
    func lastAnswer(isSecure: Bool) async throws {
        try await with(isSecure: isSecure, protocols: ["http/1.1"]) { stage in
            let idle = try await RawHTTP2(stage.server, isHTTP1: true)
            await idle.send(Self.request())
            _ = try await idle.receivedBytes { $0.count > 5 && $0.suffix(5) == [7, 7, 7, 7, 7] }
            let held = try await RawHTTP2(stage.server, isHTTP1: true)
            await held.send(Self.request("/held"))
            try await stage.held(1)
            // It has not said what it speaks; under TLS it may not even have shaken hands.
            let fresh = try await RawHTTP2(stage.server, isHTTP1: true)
            try await stage.accepted(3)
            let drained = try await stage.drain()
            for client in [idle, fresh] {
                await client.send(Self.request())
                let (bytes, isClosed) = try await client.receivedBytes()
                let text = String(decoding: bytes, as: UTF8.self).lowercased()
                #expect(isClosed && text.contains("connection: close") && bytes.suffix(5) == [7, 7, 7, 7, 7])
            }
            try await stage.release()
            let (bytes, isClosed) = try await held.receivedBytes()
            #expect(isClosed && String(decoding: bytes, as: UTF8.self).lowercased().contains("connection: close"))
            try await drained.get()
        }
    }

    @Test("who says nothing is let go", arguments: [false, true])
    func quietClients(isSecure: Bool) async throws {
        try await with(isSecure: isSecure, protocols: ["http/1.1"]) { stage in
            let idle = try await RawHTTP2(stage.server, isHTTP1: true)
            await idle.send(Self.request())
            _ = try await idle.receivedBytes { $0.suffix(5) == [7, 7, 7, 7, 7] }
            let fresh = try await RawHTTP2(stage.server, isHTTP1: true)
            try await stage.accepted(2)
            let drained = try await stage.drain(quiet: .milliseconds(10))
            #expect(try await idle.receivedBytes().isClosed)
            #expect(try await fresh.receivedBytes().isClosed)
            try await drained.get()
        }
    }

    // MARK: Whole answers

    @Test("a last answer larger than the socket is whole, however late its reader", arguments: [false, true])
    func slowReaderOfTheLastAnswer(isSecure: Bool) async throws {
        try await with(isSecure: isSecure, protocols: ["http/1.1"]) { stage in
            let count = 9_000_000
            let client = try await RawHTTP2(stage.server, isHTTP1: true)
            await client.send(Self.request())
            _ = try await client.receivedBytes { $0.suffix(5) == [7, 7, 7, 7, 7] }
            let drained = try await stage.drain()
            await client.stopReading()
            await client.send(Self.request("/?bytes=\(count)"))
            // The server has said all it can; what the socket does not take waits behind it.
            var sent = try await stage.server.counters().bytesSent
            try await stage.until("the socket is full") {
                let now = try await stage.server.counters().bytesSent
                defer { sent = now }
                return now == sent && now > 1_000_000
            }
            await client.startReading()
            let (bytes, isClosed) = try await client.receivedBytes()
            #expect(isClosed && bytes.count > count && bytes.suffix(count).allSatisfy { $0 == 7 })
            try await drained.get()
        }
    }

    @Test("a client that still sends while it is left reads all that it was sent", arguments: [false, true])
    func lateWordsResetNothing(isSecure: Bool) async throws {
        try await with(isSecure: isSecure, protocols: ["http/1.1"]) { stage in
            let client = try await RawHTTP2(stage.server, isHTTP1: true)
            // A first answer, with which the handshake is over too.
            await client.send(Self.request())
            _ = try await client.receivedBytes { $0.suffix(5) == [7, 7, 7, 7, 7] }
            let last = Array("GET /?bytes=400000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
            await client.stopReading()
            await client.send(last + Self.request() + Self.request())
            try await stage.until("all is sent") { try await stage.server.counters().bytesSent > 400_000 }
            await client.send(Self.request())
            await client.startReading()
            let (bytes, _) = try await client.receivedBytes()
            #expect(bytes.count > 400_000 && bytes.suffix(400_000).allSatisfy { $0 == 7 })
        }
    }

    @Test("at the deadline the rest is cut, and nobody waits for a farewell", arguments: [false, true])
    func deadline(isSecure: Bool) async throws {
        try await with(isSecure: isSecure) { stage in
            let client = try await RawHTTP2(stage.server)
            await client.open()
            await client.send([Frame(.headers, flags: Self.whole, stream: 1, Block.request("/held"))])
            try await stage.held(1)
            await client.stopReading()
            await stage.server.listener.stopAccepting()
            let (service, desk) = (stage.server.service, stage.desk)
            let cut = try await stage.server.loop.flatSubmit {
                service.value.registry.drain(within: .milliseconds(10))
            }.get()
            #expect(cut == 1)
            #expect(try await stage.server.loop.submit { desk.value.cancelled }.get() == 1)
            await client.startReading()
            #expect(try await client.received { _ in false }.isClosed)
        }
    }
}
