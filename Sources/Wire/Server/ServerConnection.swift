import AccessLog
import HTTP
import NIOCore
import NIOTLS

/// The one handler of a viewer's connection: it finds out which protocol the client speaks, feeds that protocol's
/// engine, and writes what the engine has to say once per read burst.
package final class ServerConnection: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum Engine {
        /// In the clear a client that begins with the preface speaks HTTP/2 (RFC 9113, 3.3); with TLS, ALPN decides.
        case undecided(seen: ByteBuffer)
        case http1(HTTP1Server)
        case http2(HTTP2Server)
        /// No socket: the client is another event loop of this process.
        case loop(LoopServer)
        case closed
    }

    let responder: any Responder
    let limits: ServerLimits
    let isTLS: Bool
    let registry: ConnectionRegistry
    private(set) var remoteAddress: SocketAddress?
    /// Shared by all connections of that address.
    var address: AddressUse?
    var engine = Engine.undecided(seen: ByteBuffer())
    var context: ChannelHandlerContext?
    private var isReading = false
    private var isPumping = false
    private var wantsPump = false
    private var awaitsPump = false
    var closesAfterPump = false
    var farewell = Farewell.none
    /// Since when it ends after the requests that it has; nil while it stays.
    var leavingSince: NIODeadline?
    /// Since when the socket has taken nothing although bytes wait for it.
    var stalledSince: NIODeadline?
    let openedAt = NIODeadline.now()
    private var readAt = NIODeadline.now()
    /// Lines of the access log that end when the socket has taken what is written.
    var unsettled: UnsettledLines?
    /// Of what is being written, the last piece: its promise ends lines.
    private var lastWrite: ByteBuffer?
    /// This side breaks off what is under way.
    var isEndedHere = false
    /// The client's address in the lines of the access log.
    var peer: [UInt8]?

    init(responder: any Responder, limits: ServerLimits, isTLS: Bool, registry: ConnectionRegistry) {
        self.responder = responder
        self.limits = limits
        self.isTLS = isTLS
        self.registry = registry
    }

    /// The serving end of a link between event loops.
    convenience init(
        responder: any Responder, registry: ConnectionRegistry, answers: LoopMailbox<LoopAnswer>,
        eventLoop: any EventLoop
    ) {
        self.init(responder: responder, limits: registry.limits, isTLS: false, registry: registry)
        engine = .loop(LoopServer(connection: self, answers: answers, eventLoop: eventLoop))
    }

    var protocolName: StaticString {
        switch engine {
        case .http2: "h2"
        case .loop: "loop"
        case .http1, .undecided, .closed: "http/1.1"
        }
    }

    var offersClearHTTP2: Bool { if case .http1 = engine { !isTLS } else { false } }

    var isLoop: Bool { if case .loop = engine { true } else { false } }

    func receive(_ requests: [LoopRequest]) {
        if case .loop(let server) = engine { server.receive(requests) }
    }

    func tell(_ state: LoopState) {
        if case .loop(let server) = engine { server.tell(state) }
    }

    /// The time: while what was read is worked on, when it was read.
    var now: NIODeadline { isReading ? readAt : .now() }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        remoteAddress = context.remoteAddress
        registry.add(self)
        registry.opened(self)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        registry.remove(self)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isReading {
            isReading = true
            readAt = .now()
        }
        let bytes = unwrapInboundIn(data)
        switch farewell {
        case .none: receive(bytes)
        case .sending(let since, let heard):
            farewell = .sending(since: since, bytes: heard + bytes.readableBytes)
            if heard > Farewell.bytes { closeNow() }
        case .lingering(let since, let heard):
            farewell = .lingering(since: since, bytes: heard + bytes.readableBytes)
            if heard > Farewell.bytes { closeNow() }
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        pump()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump() }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent, case .undecided = engine {
            start(isHTTP2: negotiated == "h2")
        }
        if case .outputClosed? = event as? ChannelEvent { farewell = .lingering(since: .now(), bytes: 0) }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        loseEngine()
        if let unsettled { settle(unsettled.count, lossEnding) }
        context.fireChannelInactive()
    }

    private func loseEngine() {
        let last = engine
        engine = .closed
        switch last {
        case .http1(let server): server.connectionLost()
        case .http2(let server): server.connectionLost()
        case .loop(let server): server.connectionLost()
        case .undecided, .closed: break
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset by the peer or a failed TLS handshake: this connection's business alone.
        context.close(promise: nil)
    }

    // MARK: Protocol choice

    private func receive(_ bytes: ByteBuffer) {
        switch engine {
        case .http1(let server): server.receive(bytes)
        case .http2(let server): server.receive(bytes)
        case .loop, .closed: break
        case .undecided(var seen):
            seen.writeImmutableBuffer(bytes)
            switch HTTP2Preface.match(seen.readableBytesView) {
            case .partial: engine = .undecided(seen: seen)
            case .yes:
                start(isHTTP2: true)
                receive(seen)
            case .no:
                start(isHTTP2: false)
                receive(seen)
            }
        }
    }

    private func start(isHTTP2: Bool) {
        guard context != nil else { return }
        engine = isHTTP2 ? .http2(HTTP2Server(connection: self)) : .http1(HTTP1Server(connection: self))
        wantsPump = true
        if leavingSince != nil { leaveEngine() }
    }

    // MARK: Called by engines

    /// Closes once everything queued is on its way.
    func closeAfterWriting() { closesAfterPump = true }

    /// Closes now, dropping what is queued.
    func closeNow() {
        isEndedHere = true
        context?.cut(isPolite: false)
    }

    /// Stops or restarts reading from the socket (pipelined HTTP/1.1 requests that nobody can answer yet).
    func setReading(_ isOn: Bool) {
        guard let context else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: isOn)
        if isOn { context.read() }
    }

    // MARK: Writing

    /// Pumps once what is under way on the loop has returned.
    func pumpLater() {
        if isReading || isPumping {
            wantsPump = true
            return
        }
        guard !awaitsPump, let context else { return }
        awaitsPump = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute {
            bound.value.awaitsPump = false
            bound.value.pump()
        }
    }

    func pumpSoon() {
        if isReading || isPumping { wantsPump = true } else { pump() }
    }

    /// Writes what the engine has, burst by burst, as long as the socket takes it. Each burst is flushed, so that its memory
    /// is free for the next.
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
            while context.channel.isWritable, takeOutput({ write($0, to: context) }) { flush(context) }
        } while wantsPump
        stalledSince = context.channel.isWritable ? nil : stalledSince ?? .now()
        // Exchanges that ended without another byte to write.
        if let unsettled, stalledSince == nil { settle(unsettled.tell(), .whole) }
        if closesAfterPump || isFinished { finish(context) }
    }

    private func write(_ buffer: ByteBuffer, to context: ChannelHandlerContext) {
        registry.counters.bytesSent &+= UInt64(buffer.readableBytes)
        guard unsettled != nil else { return context.write(wrapOutboundOut(buffer), promise: nil) }
        if let lastWrite { context.write(wrapOutboundOut(lastWrite), promise: nil) }
        lastWrite = buffer
    }

    /// Flushes a burst. What its last write becomes is what the exchanges that ended in it became.
    private func flush(_ context: ChannelHandlerContext) {
        if let last = lastWrite.take() {
            let count = unsettled?.tell() ?? 0
            let promise = count > 0 ? context.eventLoop.makePromise(of: Void.self) : nil
            promise?.futureResult.assumeIsolated().whenComplete { [self] result in
                if case .success = result { settle(count, .whole) } else { settle(count, lossEnding) }
            }
            context.write(wrapOutboundOut(last), promise: promise)
        }
        context.flush()
    }

    /// Hands over the engine's next batch of bytes. Returns false when it has none for now.
    private func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        switch engine {
        case .http1(let server): server.takeOutput(write)
        case .http2(let server): server.takeOutput(write)
        case .undecided, .loop, .closed: false
        }
    }

    private var isFinished: Bool {
        if case .http2(let server) = engine { !server.isAlive } else { false }
    }

    private func finish(_ context: ChannelHandlerContext) {
        switch engine {
        case .http1(let server) where server.hasOutput: return
        case .http2(let server) where server.wantsWrite: return
        case .http2(let server) where server.isCut:
            isEndedHere = true
            return context.cut(isPolite: true)
        case .undecided: return context.close(promise: nil)
        case .loop, .closed: return
        case .http1, .http2: break
        }
        // What is handed to the channel and flushed goes out first: a whole close would drop it.
        farewell = .sending(since: .now(), bytes: 0)
        isEndedHere = true
        loseEngine()
        isEndedHere = false
        context.close(mode: .output, promise: nil)
    }
}
