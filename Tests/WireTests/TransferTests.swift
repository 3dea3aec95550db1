import Foundation
import HTTP
import NIOCore
import NIOPosix
import NIOSSL
import Testing
import Wire

/// Our server and our client over real sockets: what one sends, the other receives, whatever the size.
@Suite struct TransferTests {
    private final class Echo: Responder {
        var cancellations = 0
        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            var head = ResponseHead(status: 200)
            head.fields.append("content-type", "application/octet-stream")
            if request.path.isEqual(to: "/echo") { return exchange.respond(head, body: .bytes(body)) }
            if request.path.isEqual(to: "/hang") { return }
            let count = request.queryValue("bytes")?.decimalValue ?? 0
            let pieces = request.queryValue("pieces")?.decimalValue ?? 1
            let piece = ByteBuffer(bytes: (0..<count / max(1, pieces)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
            exchange.respond(head, body: pieces == 1 ? .bytes(piece) : .slices(Array(repeating: piece, count: pieces)))
        }
        func cancelled(_ exchange: Exchange) { cancellations += 1 }
    }

    private final class Collector: FetchReceiver {
        let promise: EventLoopPromise<(UInt16, ByteBuffer)>
        private var status: UInt16 = 0
        private var body = ByteBuffer()
        init(_ promise: EventLoopPromise<(UInt16, ByteBuffer)>) { self.promise = promise }
        func fetch(_ fetch: Fetch, received head: ResponseHead) { status = head.status }
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { body.writeImmutableBuffer(bytes) }
        func fetchEnded(_ fetch: Fetch) { promise.succeed((status, body)) }
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) { promise.fail(failure) }
    }

    private func serve<Value: Sendable>(
        isSecure: Bool, protocols: [String] = ["h2", "http/1.1"],
        _ body: (any EventLoop, UpstreamAddress, NIOSSLContext?) async throws -> Value
    ) async throws -> Value {
        try await LoopbackServer.with(isSecure: isSecure, protocols: protocols, responder: { Echo() }) { server in
            try await body(server.loop, server.address, server.tls)
        }
    }

    private func fetch(
        _ target: String, body: ByteBuffer = ByteBuffer(), method: HTTP.Method = .get, from address: UpstreamAddress,
        tls: NIOSSLContext?, on loop: any EventLoop
    ) async throws -> (UInt16, ByteBuffer) {
        let promise = loop.makePromise(of: (UInt16, ByteBuffer).self)
        let client = try await loop.submit {
            let client = HTTPClient(address: address, tls: tls, limits: ClientLimits(), eventLoop: loop)
            _ = client.fetch(
                RequestHead(method: method, target: HTTPBytes(target)), body: body, receiver: Collector(promise))
            return NIOLoopBound(client, eventLoop: loop)
        }.get()
        let result = try await promise.futureResult.get()
        try await loop.submit { client.value.stop() }.get()
        return result
    }

    @Test(arguments: [false, true], [0, 1, 4_096, 16_385, 262_144, 262_145, 3_000_000])
    func bodiesOfEverySizeArriveWhole(isSecure: Bool, count: Int) async throws {
        try await serve(isSecure: isSecure) { loop, address, tls in
            let (status, body) = try await fetch("/?bytes=\(count)", from: address, tls: tls, on: loop)
            #expect(status == 200)
            #expect(body.readableBytes == count)
            #expect(body.readableBytesView.elementsEqual((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }))
        }
    }

    @Test(arguments: [false, true]) func bodiesInPiecesArriveWhole(isSecure: Bool) async throws {
        try await serve(isSecure: isSecure) { loop, address, tls in
            let (_, body) = try await fetch("/?bytes=700000&pieces=7", from: address, tls: tls, on: loop)
            #expect(body.readableBytes == 700_000)
        }
    }

    @Test(arguments: [false, true]) func aRequestsBodyArrivesWhole(isSecure: Bool) async throws {
        try await serve(isSecure: isSecure) { loop, address, tls in
            let sent = ByteBuffer(bytes: (0..<300_000).map { UInt8(truncatingIfNeeded: $0) })
            let (status, body) = try await fetch(
                "/echo", body: sent, method: .post, from: address, tls: tls, on: loop)
            #expect(status == 200)
            #expect(body == sent)
        }
    }

    /// Leaves its fetch when the head has come, and makes the next one at once.
    private final class Leaver: FetchReceiver {
        let next: () -> Void
        init(_ next: @escaping () -> Void) { self.next = next }
        func fetch(_ fetch: Fetch, received head: ResponseHead) {
            fetch.cancel()
            next()
        }
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {}
        func fetchEnded(_ fetch: Fetch) {}
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) {}
    }

    /// Over TLS a connection takes a while to close, and the rest of the answer that was left still comes.
    @Test(arguments: [false, true]) func aConnectionThatIsLeftTakesNoOtherFetch(isSecure: Bool) async throws {
        try await serve(isSecure: isSecure, protocols: ["http/1.1"]) { loop, address, tls in
            let promises = (0..<20).map { _ in loop.makePromise(of: (UInt16, ByteBuffer).self) }
            let client = try await loop.submit {
                var limits = ClientLimits()
                limits.clearHTTP2 = .never
                let client = HTTPClient(address: address, tls: tls, limits: limits, eventLoop: loop)
                for promise in promises {
                    _ = client.fetch(
                        RequestHead(target: HTTPBytes("/?bytes=40000")),
                        receiver: Leaver {
                            // After the bytes that are on their way have been read.
                            loop.assumeIsolated().execute {
                                _ = client.fetch(
                                    RequestHead(target: HTTPBytes("/?bytes=5")), receiver: Collector(promise))
                            }
                        })
                }
                return NIOLoopBound(client, eventLoop: loop)
            }.get()
            for promise in promises { #expect(try await promise.futureResult.get().0 == 200) }
            try await loop.submit { client.value.stop() }.get()
        }
    }

    /// The HTTP/1.1 path, by a client that is not ours: it stalled at 256 KiB once.
    @Test(arguments: [false, true], ["--http1.1", "--http2-prior-knowledge", "--http2"])
    func curlReceivesLargeBodies(isSecure: Bool, version: String) async throws {
        let count = try await serve(isSecure: isSecure) { _, address, _ in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "curl", "-sk", version, "--max-time", "20", "-o", "/dev/null", "-w", "%{size_download}",
                "\(address)/?bytes=3000000",
            ]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        }
        #expect(count == "3000000")
    }

    /// Hears that an upstream has come.
    private final class Arrivals: UpstreamObserver {
        var next: EventLoopPromise<Void>?
        func upstreamConnected(_ client: any Upstream, isHTTP2: Bool) {
            next?.succeed()
            next = nil
        }
        func upstreamAway(_ client: any Upstream, reason: String, retryIn: Duration) {}
    }

    @Test func anUpstreamOfHTTP1ThatGoesAndComesBackIsToldAndReached() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        func listen(port: Int) async throws -> (HTTPServer, NIOLoopBound<HTTPService>) {
            let service = try await loop.submit {
                let registry = ConnectionRegistry(limits: ServerLimits(), eventLoop: loop)
                return NIOLoopBound(HTTPService(responder: Echo(), registry: registry), eventLoop: loop)
            }.get()
            let server = try await HTTPServer.listen(
                host: "127.0.0.1", port: port, tls: nil, services: HTTPServices(service))
            return (server, service)
        }
        let (first, service) = try await listen(port: 0)
        let port = try #require(first.address?.port)
        let address = UpstreamAddress(isSecure: false, host: "127.0.0.1", port: port)
        let client = try await loop.submit {
            var limits = ClientLimits()
            limits.clearHTTP2 = .never
            let arrivals = Arrivals()
            let client = HTTPClient(address: address, tls: nil, limits: limits, eventLoop: loop)
            client.observer = arrivals
            return NIOLoopBound((client: client, arrivals: arrivals), eventLoop: loop)
        }.get()
        func fetch() -> EventLoopFuture<(UInt16, ByteBuffer)> {
            loop.flatSubmit {
                let promise = loop.makePromise(of: (UInt16, ByteBuffer).self)
                _ = client.value.client.fetch(
                    RequestHead(target: HTTPBytes("/x?bytes=10")), receiver: Collector(promise))
                return promise.futureResult
            }
        }
        #expect(try await fetch().get().0 == 200)
        await first.stopAccepting()
        try await loop.submit { service.value.registry.closeAll() }.get()
        // Several at once, and again: each is refused, and none waits for its deadline.
        for _ in 0..<3 {
            for refused in [fetch(), fetch(), fetch()] {
                do {
                    _ = try await refused.get()
                    Issue.record("nobody could answer")
                } catch {
                    #expect(error as? FetchFailure != .timedOut, "\(error)")
                }
            }
        }
        let came = loop.makePromise(of: Void.self)
        try await loop.submit { client.value.arrivals.next = came }.get()
        let (second, again) = try await listen(port: port)
        try await came.futureResult.get()
        for answer in [fetch(), fetch(), fetch()] { #expect(try await answer.get().0 == 200) }
        try await loop.submit {
            client.value.client.stop()
            again.value.registry.closeAll()
        }.get()
        await second.stopAccepting()
    }

    @Test(arguments: [false, true]) func anUpstreamThatIsAwayIsToldAtOnce(isSecure: Bool) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        // Port 1 on loopback: nobody listens there.
        let address = UpstreamAddress(isSecure: false, host: "127.0.0.1", port: 1)
        await #expect(throws: FetchFailure.self) {
            _ = try await fetch("/", from: address, tls: nil, on: loop)
        }
    }
}
