import HTTP
import NIOCore
import NIOPosix
import Testing

@testable import Wire

/// Two event loops of a process as client and server.
@Suite struct LoopLinkTests {
    /// Answers by target, and tells what it was told.
    private final class Server: Responder {
        private final class Growing: BodySource {
            var pieces: [ByteBuffer] = []
            var isWhole = false
            var isTorn = false
            func next(limit: Int) -> BodyPiece {
                guard let piece = pieces.first else { return isTorn ? .failed : isWhole ? .end : .pending }
                pieces.removeFirst()
                return .bytes(piece, isLast: false)
            }
        }

        let cancelled: EventLoopPromise<Void>
        let ended: EventLoopPromise<[Bool]>
        private var pushEnds: [Bool] = []
        private var named: Set<Exchange> = []
        private var growing: (exchange: Exchange, body: Growing)?

        init(cancelled: EventLoopPromise<Void>, ended: EventLoopPromise<[Bool]>) {
            self.cancelled = cancelled
            self.ended = ended
        }

        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            #expect(exchange.isLoop && exchange.takesPush && exchange.remoteAddress == nil)
            var head = ResponseHead(status: 200)
            switch request.target.text {
            case "/echo":
                exchange.inform(ResponseHead(status: 103))
                head.fields.append("content-length", "99")
                exchange.respond(head, body: .bytes(body))
            case "/slices":
                exchange.respond(head, body: .slices([ByteBuffer(string: "ab"), ByteBuffer(string: "cd")]))
            case "/grow":
                let body = Growing()
                body.pieces = [ByteBuffer(string: "one ")]
                growing = (exchange, body)
                exchange.respond(head, body: .stream(body, length: nil))
            case "/more", "/last", "/tear":
                exchange.respond(ResponseHead(status: 204))
                growing?.body.pieces = request.target.text == "/tear" ? [] : [ByteBuffer(string: "more ")]
                growing?.body.isWhole = request.target.text == "/last"
                growing?.body.isTorn = request.target.text == "/tear"
                growing?.exchange.resume()
            case "/abort": exchange.abort()
            case "/push":
                exchange.respond(head, body: .stream(Growing(), length: nil))
                for size in [0, 3, 700_000] {
                    let pushed = exchange.push(
                        RequestHead(target: HTTPBytes("/\(size)")), head: head,
                        body: .bytes(ByteBuffer(repeating: 7, count: size)))
                    if let pushed { named.insert(pushed) }
                }
                // Nobody wants it.
                let unwanted = exchange.push(
                    RequestHead(target: HTTPBytes("/unwanted")), head: head, body: .stream(Growing(), length: nil))
                if let unwanted { named.insert(unwanted) }
            default: break
            }
        }

        func cancelled(_ exchange: Exchange) { cancelled.succeed() }

        func pushEnded(_ push: Exchange, wasSent: Bool) {
            #expect(named.contains(push), "its end was told before its name")
            pushEnds.append(wasSent)
            if pushEnds.count == 4 { ended.succeed(pushEnds) }
        }
    }

    /// What came of one fetch.
    private struct Outcome: Sendable, Equatable {
        var interim: UInt16?
        var status: UInt16?
        var length: String?
        var body = ""
        var failure: FetchFailure?
    }

    private final class Receiver: PushReceiver {
        private let done: EventLoopPromise<Outcome>
        private var outcome = Outcome()
        var received: (String) -> Void = { _ in }
        var pushes: [String: Receiver] = [:]

        init(_ done: EventLoopPromise<Outcome>) { self.done = done }

        func fetch(_ fetch: Fetch, interim head: ResponseHead) { outcome.interim = head.status }
        func fetch(_ fetch: Fetch, received head: ResponseHead) {
            outcome.status = head.status
            outcome.length = head.fields.first("content-length")?.text
        }
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {
            outcome.body += String(buffer: bytes)
            received(outcome.body)
        }
        func fetchEnded(_ fetch: Fetch) { done.succeed(outcome) }
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) {
            outcome.failure = failure
            done.succeed(outcome)
        }
        func fetch(_ fetch: Fetch, promised request: RequestHead) -> (any FetchReceiver)? {
            guard request.target.text != "/unwanted" else { return nil }
            let receiver = Receiver(done.futureResult.eventLoop.makePromise())
            pushes[request.target.text] = receiver
            return receiver
        }
        var outcomeFuture: EventLoopFuture<Outcome> { done.futureResult }
    }

    private struct Ends: Sendable {
        let asking: any EventLoop
        let client: NIOLoopBound<LoopClient>
        let server: LoopLink.Server
        let serving: any EventLoop
        let cancelled: EventLoopFuture<Void>
        let ended: EventLoopFuture<[Bool]>

        /// Fetches; `during` is called with the fetch, the receiver and the client before anything has come.
        func fetch(
            _ target: String, method: HTTP.Method = .get, body: String = "",
            during: @escaping @Sendable (Fetch, Receiver, LoopClient) -> Void = { _, _, _ in }
        ) async throws -> Outcome {
            try await asking.flatSubmit {
                let receiver = Receiver(asking.makePromise())
                let fetch = client.value.fetch(
                    RequestHead(method: method, target: HTTPBytes(target)), body: ByteBuffer(string: body),
                    receiver: receiver)
                during(fetch, receiver, client.value)
                return receiver.outcomeFuture
            }.get()
        }
    }

    private func withEnds(_ body: (Ends) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (asking, serving) = (group.next(), group.next())
        let cancelled = serving.makePromise(of: Void.self)
        let ended = serving.makePromise(of: [Bool].self)
        let (client, server) = try await asking.submit {
            let (client, server) = LoopLink.make(from: asking, to: serving) {
                HTTPService(
                    responder: Server(cancelled: cancelled, ended: ended),
                    registry: ConnectionRegistry(limits: ServerLimits(), eventLoop: serving))
            }
            return (NIOLoopBound(client, eventLoop: asking), server)
        }.get()
        try await body(
            Ends(
                asking: asking, client: client, server: server, serving: serving, cancelled: cancelled.futureResult,
                ended: ended.futureResult))
        cancelled.succeed()
        ended.succeed([])
        try await asking.submit { client.value.stop() }.get()
        try await group.shutdownGracefully()
    }

    @Test func answersCrossWhole() async throws {
        try await withEnds { ends in
            let echo = try await ends.fetch("/echo", method: .post, body: "hello")
            #expect(echo == Outcome(interim: 103, status: 200, length: "5", body: "hello"))
            let slices = try await ends.fetch("/slices")
            #expect(slices == Outcome(status: 200, length: "4", body: "abcd"))
            // An answer to HEAD tells the length that it was given.
            let head = try await ends.fetch("/echo", method: .head)
            #expect(head == Outcome(interim: 103, status: 200, length: "99"))
            let aborted = try await ends.fetch("/abort")
            #expect(aborted == Outcome(failure: .connectionLost))
        }
    }

    @Test func aBodyThatGrowsIsFollowedToItsEnd() async throws {
        try await withEnds { ends in
            let grown = try await ends.fetch("/grow") { _, receiver, client in
                var steps = ["/more", "/more", "/last"]
                receiver.received = { [unowned client] _ in
                    guard !steps.isEmpty else { return }
                    let step = steps.removeFirst()
                    _ = client.fetch(
                        RequestHead(target: HTTPBytes(step)),
                        receiver: Receiver(receiver.outcomeFuture.eventLoop.makePromise()))
                }
            }
            #expect(grown == Outcome(status: 200, body: "one more more more "))
            let torn = try await ends.fetch("/grow") { _, receiver, client in
                receiver.received = { [unowned client] _ in
                    _ = client.fetch(
                        RequestHead(target: HTTPBytes("/tear")),
                        receiver: Receiver(receiver.outcomeFuture.eventLoop.makePromise()))
                }
            }
            #expect(torn == Outcome(status: 200, body: "one ", failure: .connectionLost))
        }
    }

    @Test func whatNobodyWantsAnyMoreIsToldToTheServer() async throws {
        try await withEnds { ends in
            try await ends.asking.submit {
                let receiver = Receiver(ends.asking.makePromise())
                let fetch = ends.client.value.fetch(RequestHead(target: HTTPBytes("/silent")), receiver: receiver)
                fetch.cancel()
                receiver.fetch(fetch, failed: .cancelled)
            }.get()
            try await ends.cancelled.get()
        }
    }

    @Test func pushesArriveAndThoseRefusedAreCancelled() async throws {
        try await withEnds { ends in
            let (receiver, fetch) = try await ends.asking.submit {
                let receiver = Receiver(ends.asking.makePromise())
                let fetch = ends.client.value.fetch(
                    RequestHead(target: HTTPBytes("/push")), receiver: receiver, longLived: true)
                return (NIOLoopBound(receiver, eventLoop: ends.asking), NIOLoopBound(fetch, eventLoop: ends.asking))
            }.get()
            let sent = try await ends.ended.get()
            #expect(sent.count { $0 } == 3)
            let sizes = try await ends.asking.flatSubmit {
                EventLoopFuture.whenAllSucceed(
                    receiver.value.pushes.sorted { $0.key < $1.key }.map(\.value.outcomeFuture), on: ends.asking)
            }.get().map(\.body.utf8.count)
            #expect(sizes == [0, 3, 700_000])
            try await ends.asking.submit {
                fetch.value.cancel()
                receiver.value.fetch(fetch.value, failed: .cancelled)
            }.get()
        }
    }

    /// An observer that waits for the server's word on pushes.
    private final class Observer: UpstreamObserver {
        let told: EventLoopPromise<Bool>
        init(_ told: EventLoopPromise<Bool>) { self.told = told }
        func upstreamConnected(_ upstream: any Upstream, isHTTP2: Bool) {}
        func upstreamAway(_ upstream: any Upstream, reason: String, retryIn: Duration) {}
        func upstream(_ upstream: any Upstream, offersPush: Bool) { told.succeed(offersPush) }
    }

    @Test func theClientKnowsWhatTheServerKnowsOfItsUpstreams() async throws {
        try await withEnds { ends in
            let told = ends.asking.makePromise(of: Bool.self)
            let observer = try await ends.asking.submit {
                let observer = Observer(told)
                ends.client.value.observer = observer
                #expect(!ends.client.value.isConnected && ends.client.value.awayReason == "starting")
                return NIOLoopBound(observer, eventLoop: ends.asking)
            }.get()
            ends.serving.execute {
                ends.server.tell(LoopState(isConnected: true, offersPush: true, awayReason: nil))
            }
            #expect(try await told.futureResult.get())
            try await ends.asking.submit {
                let client = ends.client.value
                #expect(client.isConnected && client.offersPush && client.awayReason == nil)
                #expect(client.observer === observer.value)
            }.get()
        }
    }

    private final class Paused {
        private let fetch: Fetch
        private(set) var isPaused = true

        init(_ fetch: Fetch) { self.fetch = fetch }

        func goOn() {
            isPaused = false
            fetch.setPaused(false)
        }
    }

    /// A client that pauses is sent nothing until it goes on.
    @Test func aPausedFetchWaits() async throws {
        try await withEnds { ends in
            let grown = try await ends.fetch("/grow") { fetch, receiver, client in
                let loop = receiver.outcomeFuture.eventLoop
                let paused = NIOLoopBound(Paused(fetch), eventLoop: loop)
                receiver.received = { text in #expect(text == "one " || !paused.value.isPaused) }
                fetch.setPaused(true)
                // What is asked later is answered, and the body has not moved.
                let second = Receiver(loop.makePromise())
                _ = client.fetch(RequestHead(target: HTTPBytes("/last")), receiver: second)
                second.outcomeFuture.whenSuccess { _ in paused.value.goOn() }
            }
            #expect(grown == Outcome(status: 200, body: "one more "))
        }
    }
}
