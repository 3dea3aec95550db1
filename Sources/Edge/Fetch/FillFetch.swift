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
    private let startedAt = ContinuousClock.now
    /// How long the answer took to begin; nil while it has not.
    private(set) var timeToHead: TimeAmount?

    init(id: FillID, request: RequestHead, edge: EdgeResponder) {
        self.id = id
        self.request = request
        self.edge = edge
    }

    func start() {
        guard let edge else { return }
        guard attempt() else { return edge.fillFailed(id) }
        scheduleHedge(in: edge.hedgeDelay(of: request, askedAt: startedAt), by: edge)
    }

    private func scheduleHedge(in delay: Duration, by edge: EdgeResponder) {
        let bound = NIOLoopBound(self, eventLoop: edge.eventLoop)
        hedge = edge.eventLoop.scheduleTask(in: TimeAmount(delay)) { bound.value.hedgeNow() }
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
        // Meanwhile the rendition went on: this part is not the next one yet.
        let delay = edge.hedgeDelay(of: request, askedAt: startedAt)
        if delay > .milliseconds(1) { return scheduleHedge(in: delay, by: edge) }
        edge.upstreams.hedged(from: slow.upstream)
        _ = attempt()
    }

    fileprivate func received(_ head: ResponseHead, by attempt: FillAttempt) {
        guard winner == nil || winner === attempt else { return }
        winner = attempt
        if timeToHead == nil { timeToHead = TimeAmount(startedAt.duration(to: .now)) }
        hedge?.cancel()
        edge?.upstreams.succeeded(upstream: attempt.upstream)
        edge?.cadence.heard(request, at: .now)
        for slow in attempts where slow !== attempt {
            slow.fetch?.cancel()
            // It had its time before the other was asked.
            if slow.startedAt < attempt.startedAt { edge?.upstreams.wasLeft(slow.upstream) }
        }
        attempts = [attempt]
        edge?.fillReceived(id, head)
        dropUnlessWanted()
    }

    /// A 1xx answer goes through while one upstream alone is asked: of two, nobody knows yet whose answer counts.
    fileprivate func received(interim head: ResponseHead, by attempt: FillAttempt) {
        if winner == nil, attempts.count == 1 { edge?.fillReceived(id, interim: head) }
    }

    fileprivate func received(_ bytes: ByteBuffer, by attempt: FillAttempt) {
        guard attempt === winner else { return }
        edge?.fillReceived(id, bytes)
        dropUnlessWanted()
    }

    /// An object that nobody wants and that will not be kept is not fetched to its end.
    private func dropUnlessWanted() {
        guard let edge, !edge.isWanted(id) else { return }
        cancel()
        edge.fillFailed(id)
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

    func fetch(_ fetch: Fetch, interim head: ResponseHead) { fill.received(interim: head, by: self) }
    func fetch(_ fetch: Fetch, received head: ResponseHead) { fill.received(head, by: self) }
    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { fill.received(bytes, by: self) }
    func fetchEnded(_ fetch: Fetch) { fill.ended(self) }
    func fetch(_ fetch: Fetch, failed failure: FetchFailure) { fill.failed(self) }
}
