import AccessLog
import HTTP
import NIOCore
import NIOTLS

/// The one handler of a viewer's connection: it finds out which protocol the client speaks, feeds that protocol's
/// engine, and writes what the engine has to say once per read burst.
package final class ServerConnection: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum Engine {
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
    private var engine = Engine.undecided(seen: ByteBuffer())
    private var context: ChannelHandlerContext?
    private var isReading = false
    private var isPumping = false
    private var wantsPump = false
    private var awaitsPump = false
    private var closesAfterPump = false
    private var farewell = Farewell.none
    /// Since when it ends after the requests that it has; nil while it stays.
    private var leavingSince: NIODeadline?
    /// Since when the socket has taken nothing although bytes wait for it.
    private var stalledSince: NIODeadline?
    private let openedAt = NIODeadline.now()
    private var readAt = NIODeadline.now()
    /// Lines of the access log that end when the socket has taken what is written.
    private var unsettled: UnsettledLines?
    /// Of what is being written, the last piece: its promise ends lines.
    private var lastWrite: ByteBuffer?
    /// This side breaks off what is under way.
    private var isEndedHere = false
    /// The client's address in the lines of the access log.
    private var peer: [UInt8]?

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

    // MARK: Called by exchanges

    func respond(stream: Int32, head: ResponseHead, body: ResponseBody, cache: CacheResult) {
        switch engine {
        case .http1(let server): server.respond(request: stream, head: head, body: body, cache: cache)
        case .http2(let server): server.respond(stream: stream, head: head, body: body, cache: cache)
        case .loop(let server): return server.respond(stream: stream, head: head, body: body)
        case .undecided, .closed: return
        }
        pumpSoon()
    }

    func respond(stream: Int32, prepared: PreparedHead, body: ResponseBody, cache: CacheResult) {
        switch engine {
        case .http1(let server): server.respond(request: stream, prepared: prepared, body: body, cache: cache)
        case .http2(let server): server.respond(stream: stream, prepared: prepared, body: body, cache: cache)
        case .loop(let server): return server.respond(stream: stream, head: prepared.head, body: body)
        case .undecided, .closed: return
        }
        pumpSoon()
    }

    /// Lets an exchange that is not over note something of itself, with the time.
    func note(stream: Int32, _ body: (inout ExchangeTrail, NIODeadline) -> Void) {
        switch engine {
        case .http1(let server): server.note(request: stream) { body(&$0, now) }
        case .http2(let server): server.note(stream: stream) { body(&$0, now) }
        case .loop, .undecided, .closed: return
        }
    }

    var takesPush: Bool {
        switch engine {
        case .http2(let server): server.takesPush
        case .loop: true
        case .http1, .undecided, .closed: false
        }
    }

    func push(on stream: Int32, _ request: RequestHead, head: ResponseHead, body: ResponseBody) -> Int32? {
        if case .loop(let server) = engine { return server.push(on: stream, request, head: head, body: body) }
        guard case .http2(let server) = engine else { return nil }
        let promised = server.push(on: stream, request, head: head, body: body)
        // Its end must not be told before whoever pushes has heard its name, and pushes come in groups.
        pumpLater()
        return promised
    }

    func inform(stream: Int32, head: ResponseHead) {
        guard (102...199).contains(head.status) else { return }
        switch engine {
        case .http1(let server): server.inform(request: stream, head: head)
        case .http2(let server): server.inform(stream: stream, head: head)
        case .loop(let server): return server.inform(stream: stream, head: head)
        case .undecided, .closed: return
        }
        pumpSoon()
    }

    func resume(stream: Int32) {
        switch engine {
        case .http2(let server): server.resumeBody(stream: stream)
        case .loop(let server): return server.resumeBody(stream: stream)
        case .http1, .undecided, .closed: break
        }
        pumpSoon()
    }

    func abort(stream: Int32) {
        switch engine {
        case .http1(let server): server.abort(request: stream)
        case .http2(let server): server.abort(stream: stream)
        case .loop(let server): return server.abort(stream: stream)
        case .undecided, .closed: return
        }
        pumpSoon()
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
    private func pumpLater() {
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

    private func pumpSoon() {
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

    // MARK: What is told of exchanges

    /// How an exchange ended that was under way when its connection did.
    var lossEnding: AccessEnding { isEndedHere ? .cut : .gone }

    /// An exchange is over. One that was answered in full is told once the socket has taken the answer.
    func conclude(
        _ trail: inout ExchangeTrail, _ ending: AccessEnding, at now: NIODeadline, _ version: HTTPVersion,
        _ request: @autoclosure () -> RequestHead?
    ) {
        trail.release(at: now)
        registry.counters.times.record(trail, until: now)
        guard registry.access.isLogging else { return }
        let entry = AccessEntry(
            startedAt: registry.access.unixMicroseconds(trail.startedAt), peer: peerText,
            peerPort: remoteAddress?.port ?? 0, request: request(), version: version, isSecure: isTLS,
            status: trail.status, bodyBytes: trail.bodyBytes, cache: trail.cache, held: trail.held.map { $0 / 1_000 },
            upstream: trail.upstream.map { $0 / 1_000 })
        guard ending == .whole else { return registry.access.write(entry, duration: now - trail.startedAt, ending) }
        let lines = unsettled ?? registry.access.takeLines()
        unsettled = lines
        registry.access.begin(entry, startedAt: trail.startedAt, into: lines)
    }

    private var peerText: [UInt8] {
        if let peer { return peer }
        let text = Array((remoteAddress?.ipAddress ?? "").utf8)
        peer = text
        return text
    }

    private func settle(_ count: Int, _ ending: AccessEnding) {
        guard let lines = unsettled else { return }
        registry.access.settle(lines, count: count, ending, at: now)
        guard lines.isEmpty else { return }
        unsettled = nil
        registry.access.give(lines)
    }

    // MARK: Time

    /// Called once a second: ends what takes too long.
    func check(at now: NIODeadline) {
        if let stalledSince, now - stalledSince > TimeAmount(limits.stallTimeout) {
            registry.counters.stalledConnections &+= 1
            return closeNow()
        }
        switch farewell {
        case .none: break
        case .sending(let since, _):
            guard now - since > TimeAmount(limits.stallTimeout) else { return }
            registry.counters.stalledConnections &+= 1
            return closeNow()
        case .lingering(let since, _):
            if now - since > Farewell.time { context?.cut(isPolite: true) }
            return
        }
        let verdict =
            switch engine {
            case .undecided: now - openedAt > TimeAmount(limits.requestTimeout) ? Lateness.late : .fine
            case .http1(let server): server.lateness(at: now)
            case .http2(let server): server.lateness(at: now)
            case .loop, .closed: Lateness.fine
            }
        switch verdict {
        case .fine: if case .http2(let server) = engine, server.wantsWrite { pumpSoon() }
        case .idle: shutDown()
        case .late:
            registry.counters.timedOutConnections &+= 1
            switch engine {
            case .http1(let server): server.timeOut()
            case .http2(let server): server.timeOut()
            case .undecided, .loop, .closed: closeNow()
            }
            pumpSoon()
        case .stalled:
            registry.counters.stalledConnections &+= 1
            closeNow()
        }
    }

    /// Ends the connection in the protocol's own polite way once its requests are answered.
    func shutDown() {
        switch engine {
        case .http1(let server): server.shutDown()
        case .http2(let server): server.shutDown()
        case .undecided: closesAfterPump = true
        case .loop, .closed: return
        }
        pumpSoon()
    }

    /// Takes what requests are on their way, and ends after them: HTTP/2 by GOAWAY, HTTP/1.1 by an answer that says
    /// `Connection: close`. One that has not yet said what it speaks may say so.
    func leave() {
        guard leavingSince == nil else { return }
        leavingSince = .now()
        leaveEngine()
        pumpSoon()
    }

    private func leaveEngine() {
        switch engine {
        case .http1(let server): server.leave()
        case .http2(let server): server.shutDown()
        case .undecided, .loop, .closed: break
        }
    }

    /// Called several times a second while it leaves: ends what has had nothing to say for `quiet`.
    func checkLeave(at now: NIODeadline, quiet: TimeAmount) {
        guard let leavingSince else { return }
        switch engine {
        case .undecided where now - leavingSince > quiet: shutDown()
        case .http1(let server):
            guard let idle = server.idleSince, now - max(idle, leavingSince) > quiet else { return }
            shutDown()
        case .http2(let server):
            server.checkLeave(at: now)
            pumpSoon()
        case .undecided, .loop: break
        case .closed: check(at: now)
        }
    }
}

/// What the clock says about a connection.
enum Lateness { case fine, idle, late, stalled }
