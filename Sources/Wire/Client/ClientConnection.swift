import HTTP
import NIOCore
import NIOTLS

/// The one handler of a connection to an upstream.
final class ClientConnection: ChannelInboundHandler, FetchCarrier {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Engine {
        /// TLS: waits for ALPN. In the clear: the preface is out, and the first bytes tell whether it was understood.
        case deciding
        /// Asks, in HTTP/1.1, whether HTTP/2 may be spoken.
        case introducing(HTTP1Client)
        case http1(HTTP1Client)
        case http2(HTTP2Client)
        case closed
    }

    /// Nil once its owner has let go of it while the socket was still closing.
    private weak var client: HTTPClient?
    private let isTLS: Bool
    private let opening: ClientOpening
    private let takesPush: Bool
    /// Its upstream has said GOAWAY: it carries what it has and takes no more.
    var isRetired = false
    /// It is known which version of HTTP it speaks.
    private(set) var hasSettled = false
    private var engine = Engine.deciding
    private var candidate: HTTP2Client?
    /// It was kept by a server that has answered the introduction.
    private var isIdle = false
    private var context: ChannelHandlerContext?
    private var isReading = false
    private var isPumping = false
    private var wantsPump = false

    init(client: HTTPClient, isTLS: Bool, opening: ClientOpening, takesPush: Bool) {
        self.client = client
        self.isTLS = isTLS
        self.opening = opening
        self.takesPush = takesPush
    }

    var isHTTP2: Bool { if case .http2 = engine { true } else { false } }

    /// Requests under way on it.
    var load: Int {
        switch engine {
        case .http1(let http1): http1.isBusy ? 1 : 0
        case .http2(let http2): http2.fetchCount
        case .deciding, .introducing, .closed: 0
        }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { opened(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        opened(context)
        context.fireChannelActive()
    }

    private func opened(_ context: ChannelHandlerContext) {
        client?.opened(self)
        begin(context)
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !isTLS, case .deciding = engine, candidate == nil else { return }
        switch opening {
        case .http2:
            candidate = HTTP2Client(
                connection: self, isTLS: false,
                takesPush: takesPush)
            pump()
        case .question: introduce()
        case .http1: settle(.http1(HTTP1Client(connection: self)))
        }
    }

    private func introduce() {
        guard let client else { return }
        let http1 = HTTP1Client(connection: self)
        engine = .introducing(http1)
        let fetch = Introduction(self).fetch(from: client.authority, deadline: client.introductionDeadline)
        fetch.carrier = self
        fetch.state = .sent
        http1.send(fetch)
        pump()
    }

    /// The server has answered. One that goes on to speak HTTP/1.1 is asked on this connection, if it keeps it.
    func introduced(offersHTTP2: Bool) {
        guard case .introducing(let http1) = engine else { return }
        if !offersHTTP2, isIdle { return settle(.http1(http1)) }
        engine = .closed
        client?.learned(offersHTTP2 ? .http2 : .http1, from: self)
        close()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent, case .deciding = engine {
            if negotiated == "h2" {
                settle(
                    .http2(
                        HTTP2Client(
                            connection: self, isTLS: true,
                            takesPush: takesPush)))
            } else {
                settle(.http1(HTTP1Client(connection: self)))
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func settle(_ choice: Engine) {
        engine = choice
        hasSettled = true
        candidate = nil
        client?.connected(self)
        pump()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        let bytes = unwrapInboundIn(data)
        if case .deciding = engine, let candidate {
            // A server's first frame is SETTINGS (RFC 9113, 3.4): anything else was written by an HTTP/1.1 server.
            guard bytes.getInteger(at: bytes.readerIndex + 3, as: UInt8.self) == 4 else {
                engine = .closed
                client?.learned(.http1, from: self)
                return context.close(promise: nil)
            }
            settle(.http2(candidate))
        }
        switch engine {
        case .http1(let http1), .introducing(let http1): http1.receive(bytes)
        case .http2(let http2): http2.receive(bytes)
        case .deciding, .closed: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        pump()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        client?.note(error, on: self)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let last = engine
        var wasDeciding = candidate != nil
        if case .introducing = engine { wasDeciding = true }
        engine = .closed
        candidate = nil
        // The client forgets the connection before its fetches fail, or a retry would choose it again.
        client?.lost(self, whileProbing: wasDeciding)
        switch last {
        case .http1(let http1), .introducing(let http1): http1.connectionLost()
        case .http2(let http2): http2.connectionLost()
        case .deciding, .closed: break
        }
        context.fireChannelInactive()
    }

    // MARK: Fetches

    func send(_ fetch: Fetch) {
        fetch.carrier = self
        fetch.state = .sent
        switch engine {
        case .http1(let http1): http1.send(fetch)
        case .http2(let http2): http2.send(fetch)
        case .deciding, .introducing, .closed: return fetch.fail(.connectionLost)
        }
        pumpSoon()
    }

    func abandon(_ fetch: Fetch) {
        switch engine {
        case .http1(let http1): http1.abandon()
        case .http2(let http2): http2.abandon(fetch)
        case .deciding, .introducing, .closed: return
        }
        pumpSoon()
    }

    func pauseChanged(_ fetch: Fetch) {
        switch engine {
        case .http1:
            guard let context else { return }
            try? context.channel.syncOptions?.setOption(.autoRead, value: !fetch.isPaused)
            if !fetch.isPaused { context.read() }
        case .http2(let http2):
            if !fetch.isPaused { http2.consume(fetch) }
            pumpSoon()
        case .deciding, .introducing, .closed: return
        }
    }

    /// An HTTP/1.1 connection has delivered its answer and can take the next request.
    func becameIdle() {
        if case .introducing = engine { isIdle = true } else { client?.idle(self) }
    }

    /// The upstream says that it takes no new streams here.
    func goingAway() { client?.retire(self) }

    /// The upstream has announced that it pushes on request.
    func offersPush() { client?.offersPush(self) }

    /// Asks the upstream for a sign of life, where the protocol has one.
    func probe() {
        guard case .http2(let http2) = engine else { return }
        http2.probe()
        pumpSoon()
    }

    /// An upstream that is silent is not waited for.
    func close() { context?.cut(isPolite: true) }

    /// Ends politely: no new fetches come, those under way finish.
    func tick(at now: NIODeadline) {
        switch engine {
        case .http1(let http1), .introducing(let http1): http1.tick(at: now)
        case .http2(let http2):
            http2.tick(at: now)
            pumpSoon()
        case .deciding, .closed: return
        }
    }

    // MARK: Writing

    private func pumpSoon() {
        if isReading || isPumping { wantsPump = true } else { pump() }
    }

    private func pump() {
        guard let context else { return }
        // A flush may tell at once that the socket takes more: that is heard by the loop below.
        guard !isPumping else {
            wantsPump = true
            return
        }
        isPumping = true
        defer { isPumping = false }
        repeat {
            wantsPump = false
            var wrote = false
            while context.channel.isWritable,
                takeOutput({ context.write(self.wrapOutboundOut($0), promise: nil) })
            {
                wrote = true
            }
            if wrote { context.flush() }
        } while wantsPump
        if case .http2(let http2) = engine, !http2.isAlive { context.close(promise: nil) }
    }

    private func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        switch engine {
        case .http1(let http1), .introducing(let http1): http1.takeOutput(write)
        case .http2(let http2): http2.takeOutput(write)
        case .deciding: candidate?.takeOutput(write) ?? false
        case .closed: false
        }
    }
}
