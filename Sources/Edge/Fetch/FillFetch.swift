import Cache
import HTTP
import NIOCore
import Wire

/// Carries out one fill: asks an upstream, a second one when the first brings nothing for too long, and the next where
/// one failed. The first to begin an answer brings the whole of it.
final class FillFetch {
    private let id: FillID
    private let request: RequestHead
    private weak var edge: EdgeResponder?
    private var tried: Set<Int> = []
    private var attempts: [FillAttempt] = []
    private var winner: FillAttempt?
    private var failures = 0
    private var hedge: Scheduled<Void>?

    init(id: FillID, request: RequestHead, edge: EdgeResponder) {
        self.id = id
        self.request = request
        self.edge = edge
    }

    func start() {
        guard let edge else { return }
        guard attempt() else { return edge.fillFailed(id) }
        let bound = NIOLoopBound(self, eventLoop: edge.eventLoop)
        hedge = edge.eventLoop.scheduleTask(in: edge.hedgeDelay(for: request)) { bound.value.hedgeNow() }
    }

    func cancel() {
        hedge?.cancel()
        for attempt in attempts { attempt.fetch?.cancel() }
        attempts = []
    }

    /// One request to an upstream that was not asked yet; once all were, to any.
    private func attempt() -> Bool {
        guard let edge else { return false }
        if tried.count >= edge.upstreams.clients.count { tried = [] }
        let attempt = FillAttempt(fill: self)
        guard let (fetch, upstream) = edge.upstreams.fetch(request, tried: tried, receiver: attempt) else {
            return false
        }
        attempt.fetch = fetch
        attempt.upstream = upstream
        tried.insert(upstream)
        attempts.append(attempt)
        return true
    }

    /// Nothing has come: another upstream is asked too, once.
    private func hedgeNow() {
        guard let edge, winner == nil, let slow = attempts.first, edge.mayRetry(id),
            edge.upstreams.hasAlternative(to: tried)
        else { return }
        edge.upstreams.hedged(from: slow.upstream)
        _ = attempt()
    }

    fileprivate func received(_ head: ResponseHead, by attempt: FillAttempt) {
        guard winner == nil || winner === attempt else { return }
        winner = attempt
        hedge?.cancel()
        edge?.upstreams.succeeded(upstream: attempt.upstream)
        for slow in attempts where slow !== attempt {
            slow.fetch?.cancel()
            // It had a second or more before the other was asked.
            if slow.startedAt < attempt.startedAt { edge?.upstreams.wasLeft(slow.upstream) }
        }
        attempts = [attempt]
        edge?.fillReceived(id, head)
    }

    fileprivate func received(_ bytes: ByteBuffer, by attempt: FillAttempt) {
        if attempt === winner { edge?.fillReceived(id, bytes) }
    }

    fileprivate func ended(_ attempt: FillAttempt) {
        if attempt === winner { edge?.fillEnded(id) }
    }

    fileprivate func failed(_ attempt: FillAttempt) {
        guard let edge else { return }
        edge.upstreams.failed(upstream: attempt.upstream)
        attempts.removeAll { $0 === attempt }
        failures += 1
        if winner === attempt { return edge.fillFailed(id) }
        // Another attempt is under way: the waiters are in its hands.
        guard attempts.isEmpty, winner == nil else { return }
        // One retry: on another upstream where there is one, else on the same.
        if failures <= max(1, edge.upstreams.clients.count - 1), edge.mayRetry(id), self.attempt() { return }
        hedge?.cancel()
        edge.fillFailed(id)
    }
}

/// One upstream's try at a fill.
private final class FillAttempt: FetchReceiver {
    private let fill: FillFetch
    weak var fetch: Fetch?
    var upstream = 0
    let startedAt = NIODeadline.now()

    init(fill: FillFetch) { self.fill = fill }

    func fetch(_ fetch: Fetch, received head: ResponseHead) { fill.received(head, by: self) }
    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { fill.received(bytes, by: self) }
    func fetchEnded(_ fetch: Fetch) { fill.ended(self) }
    func fetch(_ fetch: Fetch, failed failure: FetchFailure) { fill.failed(self) }
}

/// A request that nobody shares: its answer goes to one client as it comes.
final class PassFetch: FetchReceiver, BodySource {
    private let exchange: Exchange
    private weak var edge: EdgeResponder?
    private let method: HTTP.Method
    private let target: HTTPBytes
    private var pieces: [ByteBuffer] = []
    private var queuedBytes = 0
    private var hasHead = false
    private var isEnded = false
    private var isFailed = false
    private var fetch: Fetch?

    /// Bytes that may wait for a slow client before the upstream is made to wait too.
    private static let highWater = 1 << 20

    init(exchange: Exchange, request: RequestHead, edge: EdgeResponder) {
        self.exchange = exchange
        self.edge = edge
        method = request.method
        target = request.target
    }

    func start(_ request: RequestHead, body: ByteBuffer) {
        guard let edge else { return }
        guard let started = edge.upstreams.fetch(request, body: body, tried: [], receiver: self) else {
            return edge.refuseUnavailable(exchange)
        }
        if !isEnded && !isFailed { fetch = started.fetch }
    }

    func cancel() {
        fetch?.cancel()
        fetch = nil
    }

    func fetch(_ fetch: Fetch, received head: ResponseHead) {
        hasHead = true
        guard let edge else { return }
        if !method.isSafe && head.status < 400 { edge.invalidate(target) }
        let length = head.fields.first("content-length")?.decimalValue
        exchange.respond(edge.forwarded(head), body: .stream(self, length: length))
    }

    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {
        pieces.append(bytes)
        queuedBytes += bytes.readableBytes
        if queuedBytes > Self.highWater { fetch.setPaused(true) }
        exchange.resume()
    }

    func fetchEnded(_ fetch: Fetch) {
        isEnded = true
        self.fetch = nil
        edge?.passEnded(exchange)
        exchange.resume()
    }

    func fetch(_ fetch: Fetch, failed failure: FetchFailure) {
        isFailed = true
        self.fetch = nil
        edge?.passEnded(exchange)
        if hasHead { exchange.resume() } else { edge?.refuseUnavailable(exchange) }
    }

    func next(limit: Int) -> BodyPiece {
        if let first = pieces.first {
            pieces.removeFirst()
            queuedBytes -= first.readableBytes
            if queuedBytes < Self.highWater / 2 { fetch?.setPaused(false) }
            return .bytes(first, isLast: isEnded && pieces.isEmpty)
        }
        if isEnded { return .end }
        return isFailed ? .failed : .pending
    }
}
