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
    /// Those that another was faster than.
    private var suspects: [FillAttempt] = []
    private var failures = 0
    private var hedge: Scheduled<Void>?
    private let startedAt = ContinuousClock.now
    /// How long the answer took to begin; nil while it has not.
    private(set) var timeToHead: TimeAmount?

    /// When it is looked again whether another upstream can be asked.
    private static let hedgeAgain = Duration.milliseconds(100)
    /// How much later than another's an upstream's answer may begin before it counts as silent.
    private static let benefit = Duration.milliseconds(50)

    init(id: FillID, request: RequestHead, edge: EdgeResponder) {
        self.id = id
        self.request = request
        self.edge = edge
    }

    func start() {
        guard let edge else { return }
        guard attempt() else { return edge.fillFailed(id) }
        guard edge.upstreams.areSeveral else { return }
        scheduleHedge(in: edge.hedgeDelay(of: request, askedAt: startedAt), by: edge)
    }

    private func scheduleHedge(in delay: Duration, by edge: EdgeResponder) {
        let bound = NIOLoopBound(self, eventLoop: edge.eventLoop)
        hedge = edge.eventLoop.scheduleTask(in: TimeAmount(delay)) { bound.value.hedgeNow() }
    }

    func cancel() {
        hedge?.cancel()
        for attempt in attempts + suspects { attempt.fetch?.cancel() }
        (attempts, suspects) = ([], [])
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
        guard let edge, winner == nil, let slow = attempts.first, attempts.count == 1 else { return }
        // Meanwhile the rendition went on: this part is not the next one yet.
        let delay = edge.hedgeDelay(of: request, askedAt: startedAt)
        if delay > .milliseconds(1) { return scheduleHedge(in: delay, by: edge) }
        guard edge.mayRetry(id), edge.upstreams.hasAlternative(to: tried) else {
            return scheduleHedge(in: Self.hedgeAgain, by: edge)
        }
        edge.upstreams.hedged(from: slow.upstream)
        _ = attempt()
    }

    fileprivate func received(_ head: ResponseHead, by attempt: FillAttempt) {
        guard winner == nil || winner === attempt else { return answeredToo(attempt) }
        if head.status >= 400, attempts.first !== attempt, startedAt.duration(to: .now) < patience {
            return turnDown(attempt)
        }
        winner = attempt
        if timeToHead == nil { timeToHead = TimeAmount(startedAt.duration(to: .now)) }
        hedge?.cancel()
        edge?.upstreams.succeeded(upstream: attempt.upstream)
        if let edge, edge.upstreams.areSeveral { edge.cadence.heard(request, status: head.status, at: .now) }
        for slow in attempts where slow !== attempt {
            // It had its time before the other was asked. Unless both waited for the same, it is silent.
            if slow.startedAt < attempt.startedAt { suspect(slow) } else { slow.fetch?.cancel() }
        }
        attempts = [attempt]
        edge?.fillReceived(id, head)
        dropUnlessWanted()
    }

    private var patience: Duration { edge?.feeds.patience(for: request) ?? .zero }

    /// The one that was asked later has not got it, or not yet. The first may still be about to bring it, and has its time
    /// before a refusal of the other counts.
    private func turnDown(_ attempt: FillAttempt) {
        attempt.fetch?.cancel()
        attempts.removeAll { $0 === attempt }
        tried.remove(attempt.upstream)
        if let edge { scheduleHedge(in: Self.hedgeAgain, by: edge) }
    }

    /// Nobody is to ask it, until it is known whether it would have answered now as well.
    private func suspect(_ slow: FillAttempt) {
        guard let edge else { return }
        edge.upstreams.suspect(slow.upstream, for: Self.benefit)
        suspects.append(slow)
        let bound = NIOLoopBound((self, slow), eventLoop: edge.eventLoop)
        edge.eventLoop.scheduleTask(in: TimeAmount(Self.benefit)) {
            let (fill, slow) = bound.value
            fill.judge(slow)
        }
    }

    private func judge(_ slow: FillAttempt) {
        guard suspects.contains(where: { $0 === slow }) else { return }
        suspects.removeAll { $0 === slow }
        slow.fetch?.cancel()
        edge?.upstreams.wasLeft(slow.upstream)
    }

    /// What was waited for came to both at the same time: it was late, and neither of them.
    private func answeredToo(_ attempt: FillAttempt) {
        guard suspects.contains(where: { $0 === attempt }) else { return }
        suspects.removeAll { $0 === attempt }
        attempt.fetch?.cancel()
        edge?.upstreams.suspect(attempt.upstream, for: .zero)
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
    let startedAt = ContinuousClock.now

    init(fill: FillFetch) { self.fill = fill }

    func fetch(_ fetch: Fetch, interim head: ResponseHead) { fill.received(interim: head, by: self) }
    func fetch(_ fetch: Fetch, received head: ResponseHead) { fill.received(head, by: self) }
    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { fill.received(bytes, by: self) }
    func fetchEnded(_ fetch: Fetch) { fill.ended(self) }
    func fetch(_ fetch: Fetch, failed failure: FetchFailure) { fill.failed(self) }
}
