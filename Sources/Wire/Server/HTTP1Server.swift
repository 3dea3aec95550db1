import AccessLog
import HTTP
import NIOCore

/// HTTP/1.1 on the viewer's side: one request at a time, later ones of a pipeline wait in the buffer.
final class HTTP1Server {
    private enum State {
        /// Between requests, or in the middle of one's head.
        case awaitingHead
        case readingBody(RequestHead, ByteBuffer)
        /// The responder has the request.
        case waiting(HTTP1Framing)
        case sending(HTTP1Framing, BodyCursor)
        /// Nothing more is read: the last answer is on its way out.
        case finished
    }

    private unowned let connection: ServerConnection
    private let limits: ServerLimits
    private var parser: HTTP1RequestParser
    private var state = State.awaitingHead
    private var request: Int32 = 0
    private var input = ByteBuffer()
    private var output: OutputQueue
    private var isParsing = false
    private var isShuttingDown = false
    private var isReadingPaused = false
    private var since = NIODeadline.now()
    private var lastProgress = NIODeadline.now()
    private var isSourcePending = false
    private var trail = ExchangeTrail()
    /// The request that is answered, kept for the access log where there is one.
    private var logged: RequestHead?

    /// Bytes of later requests kept while one is answered; beyond them the socket is not read.
    private static let pipelineBytes = 64 * 1024

    init(connection: ServerConnection) {
        self.connection = connection
        limits = connection.limits
        parser = HTTP1RequestParser(limits: connection.limits.head)
        output = OutputQueue(spares: connection.registry.spares, isTLS: connection.isTLS, copyLimit: 16 * 1024)
    }

    var hasOutput: Bool {
        if case .sending = state { true } else { !output.isEmpty }
    }

    // MARK: The connection's calls

    func receive(_ bytes: ByteBuffer) {
        if case .finished = state { return }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
        parse()
        if case .awaitingHead = state { return }
        if input.readableBytes > Self.pipelineBytes && !isReadingPaused {
            isReadingPaused = true
            connection.setReading(false)
        }
    }

    func connectionLost() {
        switch state {
        case .waiting, .sending:
            conclude(connection.lossEnding, at: connection.now)
            connection.responder.cancelled(Exchange(connection: connection, stream: request))
        case .readingBody: conclude(connection.lossEnding, at: connection.now)
        case .awaitingHead, .finished: break
        }
        state = .finished
    }

    func shutDown() {
        leave()
        guard idleSince != nil else { return }
        state = .finished
        connection.closeAfterWriting()
    }

    /// The next answer is the last one, and says so.
    func leave() {
        isShuttingDown = true
        guard case .waiting(var framing) = state else { return }
        framing.keepsAlive = false
        state = .waiting(framing)
    }

    /// Since when it has nothing to do; nil while it has.
    var idleSince: NIODeadline? {
        if case .awaitingHead = state, input.readableBytes == 0 { since } else { nil }
    }

    func timeOut() {
        refuse(RequestRefusal.timeout.problem)
    }

    func lateness(at now: NIODeadline) -> Lateness {
        switch state {
        case .awaitingHead:
            if input.readableBytes > 0 || request == 0 {
                return now - since > TimeAmount(limits.requestTimeout) ? .late : .fine
            }
            return now - since > TimeAmount(limits.idleTimeout) ? .idle : .fine
        case .readingBody: return now - since > TimeAmount(limits.requestTimeout) ? .late : .fine
        case .sending where !isSourcePending:
            return now - lastProgress > TimeAmount(limits.stallTimeout) ? .stalled : .fine
        case .waiting, .sending: return .fine
        case .finished: return now - since > TimeAmount(limits.stallTimeout) ? .stalled : .fine
        }
    }

    // MARK: Requests

    private func parse() {
        guard !isParsing else { return }
        isParsing = true
        defer { isParsing = false }
        while true {
            switch state {
            case .awaitingHead, .readingBody: break
            case .waiting, .sending, .finished: return
            }
            let event: HTTP1RequestParser.Event?
            do throws(HTTP1Violation) {
                event = try parser.feed(&input)
            } catch {
                connection.registry.counters.malformedRequests &+= 1
                if request == 0, HTTP2Preface.isBroken(input.readableBytesView) { return refusePreface() }
                return refuse(error.problem)
            }
            guard let event else { return }
            switch event {
            case .head(let head, _):
                since = connection.now
                trail = ExchangeTrail(startedAt: since)
                if connection.registry.access.isLogging { logged = head }
                // No other protocol is spoken here: RFC 9110, 7.8 lets a server pass over the wish.
                if parser.requestsUpgrade { parser.declineUpgrade() }
                state = .readingBody(head, ByteBuffer())
                if parser.expectsContinue { output.withTail { HTTP1Writer.continueInterim(into: &$0) } }
            case .body(let piece):
                guard case .readingBody(let head, var body) = state else { return }
                guard body.readableBytes + piece.readableBytes <= limits.requestBodyBytes else {
                    return refuse(RequestRefusal.bodyTooLarge.problem)
                }
                // Released before it grows, so that the buffer is not copied for its second owner.
                state = .awaitingHead
                body.writeImmutableBuffer(piece)
                state = .readingBody(head, body)
            case .end:
                guard case .readingBody(let head, let body) = state else { return }
                request &+= 1
                state = .waiting(
                    HTTP1Framing(request: head, keepsAlive: parser.keepsAlive && !isShuttingDown))
                connection.registry.counters.requestsHTTP1 &+= 1
                connection.responder.respond(
                    to: head, body: body, on: Exchange(connection: connection, stream: request))
            }
        }
    }

    /// Answers something that is no request, then closes: after it the bytes' meaning is unknown.
    private func refuse(_ problem: Problem) {
        if case .finished = state { return }
        if case .readingBody = state {} else { trail = ExchangeTrail(startedAt: connection.now) }
        trail.status = problem.status
        trail.bodyBytes = problem.body.readableBytes
        output.withTail {
            HTTP1Writer.write(problem.head, framing: .length(problem.body.readableBytes), keepsAlive: false, into: &$0)
        }
        output.append(body: problem.body)
        state = .finished
        since = connection.now
        conclude(.whole, at: since)
        connection.closeAfterWriting()
    }

    /// Ends a connection whose client wants HTTP/2, or something else that is not ours, in the words of HTTP/2.
    private func refusePreface() {
        output.withTail { _ = $0.writeBytes(HTTP2Preface.refusal) }
        state = .finished
        since = connection.now
        trail = ExchangeTrail(startedAt: since)
        conclude(.cut, at: since)
        connection.closeAfterWriting()
    }

    // MARK: Answers

    func respond(request number: Int32, head: ResponseHead, body: ResponseBody, cache: CacheResult) {
        guard number == request, case .waiting(var framing) = state else { return }
        trail.status = head.status
        trail.cache = cache
        if isShuttingDown { framing.keepsAlive = false }
        let bodyFraming = framing.choose(head: head, body: body)
        output.withTail {
            HTTP1Writer.write(
                head, framing: bodyFraming, keepsAlive: framing.keepsAlive, toHTTP10: framing.isHTTP10, into: &$0)
        }
        send(body, framing)
    }

    func respond(request number: Int32, prepared: PreparedHead, body: ResponseBody, cache: CacheResult) {
        guard number == request, case .waiting(var framing) = state else { return }
        guard framing.isPlain, !isShuttingDown else {
            return respond(request: number, head: prepared.head, body: body, cache: cache)
        }
        trail.status = prepared.head.status
        trail.cache = cache
        _ = framing.choose(head: prepared.head, body: body)
        output.withTail { _ = $0.writeImmutableBuffer(prepared.http1) }
        send(body, framing)
    }

    private func send(_ body: ResponseBody, _ framing: HTTP1Framing) {
        lastProgress = connection.now
        isSourcePending = false
        guard framing.sendsBody else { return finishAnswer(framing) }
        state = .sending(framing, BodyCursor(body))
    }

    func inform(request number: Int32, head: ResponseHead) {
        guard number == request, case .waiting(let framing) = state, !framing.isHTTP10 else { return }
        output.withTail { HTTP1Writer.write(head, framing: .none, keepsAlive: true, into: &$0) }
    }

    func note(request number: Int32, _ body: (inout ExchangeTrail) -> Void) {
        guard number == request else { return }
        switch state {
        case .waiting, .sending: body(&trail)
        case .awaitingHead, .readingBody, .finished: break
        }
    }

    private func conclude(_ ending: AccessEnding, at now: NIODeadline) {
        connection.conclude(&trail, ending, at: now, logged?.version ?? .http11, logged)
        logged = nil
    }

    func abort(request number: Int32) {
        guard number == request else { return }
        switch state {
        case .waiting, .sending: connection.closeNow()
        case .awaitingHead, .readingBody, .finished: break
        }
    }

    func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        fill()
        guard !output.isEmpty else { return false }
        lastProgress = connection.now
        output.takeAll(write)
        return true
    }

    /// Moves body into the queue, up to a bound: what the socket does not take stays in the shared buffers.
    private func fill() {
        while case .sending(let framing, var cursor) = state, !output.isFull {
            let piece = cursor.next(limit: output.burst)
            state = .sending(framing, cursor)
            switch piece {
            case .bytes(let bytes, let isLast):
                isSourcePending = false
                trail.bodyBytes &+= bytes.readableBytes
                if framing.isChunked {
                    output.withTail { HTTP1Writer.chunkHead(count: bytes.readableBytes, into: &$0) }
                }
                output.append(body: bytes)
                if framing.isChunked { output.withTail { HTTP1Writer.chunkTail(into: &$0) } }
                if isLast { finishBody(framing) }
            case .end: finishBody(framing)
            case .pending:
                isSourcePending = true
                return
            case .failed: return connection.closeNow()
            }
        }
    }

    private func finishBody(_ framing: HTTP1Framing) {
        if framing.isChunked { output.withTail { HTTP1Writer.lastChunk(into: &$0) } }
        finishAnswer(framing)
    }

    private func finishAnswer(_ framing: HTTP1Framing) {
        since = connection.now
        conclude(.whole, at: since)
        guard framing.keepsAlive else {
            state = .finished
            return connection.closeAfterWriting()
        }
        state = .awaitingHead
        if isReadingPaused {
            isReadingPaused = false
            connection.setReading(true)
        }
        parse()
    }
}

/// How the answer to one request is framed on the wire.
struct HTTP1Framing {
    private(set) var isHead: Bool
    private(set) var isHTTP10: Bool
    var keepsAlive: Bool
    private(set) var isChunked = false
    private(set) var sendsBody = false

    /// Nothing but the answer itself decides how it is framed.
    var isPlain: Bool { keepsAlive && !isHead && !isHTTP10 }

    init(request: RequestHead, keepsAlive: Bool) {
        isHead = request.method == .head
        isHTTP10 = request.version == .http10
        self.keepsAlive = keepsAlive
    }

    /// Decides the framing of a body (RFC 9112, 6.3): its length where it is known, else chunks, else the close.
    mutating func choose(head: ResponseHead, body: ResponseBody) -> HTTP1BodyFraming {
        guard head.allowsBody else { return .none }
        // An answer to HEAD may tell the length of a body that is not here; else what is sent is what is told.
        if isHead && head.fields.contains("content-length") { return .asGiven }
        if let length = body.length {
            sendsBody = !isHead && length > 0
            return .length(length)
        }
        sendsBody = !isHead
        if isHTTP10 {
            keepsAlive = false
            return .untilClose
        }
        isChunked = !isHead
        return .chunked
    }
}
