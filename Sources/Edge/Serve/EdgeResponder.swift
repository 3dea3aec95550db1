import AccessLog
import Cache
import HTTP
import Logging
import NIOCore
import Node
import Relay
import Wire

/// Answers viewers: from the cache, from the fetch that is already under way, or by asking upstream.
final class EdgeResponder: Responder {
    struct Waiting {
        let exchange: Exchange
        let request: RequestHead
        /// The channel whose pushes it waits for; nil when it waits for a fetch.
        let channel: String?
        /// For what it is counted; nil when it is not.
        let counted: Counted?

        struct Counted {
            let channel: String?
            let address: String?
        }
    }

    let name: String
    /// What the edge writes into Via; nil where another plane of it writes that.
    let viaName: String?
    let store: CacheStore
    let upstreams: UpstreamSet
    let feeds: ChannelFeeds
    let eventLoop: any EventLoop
    /// Makes what is held of these targets void, in every plane's cache.
    var invalidate: ([HTTPBytes]) -> Void = { _ in }
    private let status: NodeStatus
    var watchPage: WatchPage
    private let parked: ParkedLedger
    private let offersPushes: Bool
    private(set) var waiting: [WaiterID: Waiting] = [:]
    private var waiterOf: [Exchange: WaiterID] = [:]
    /// Answers whose body still grows, and which exchange is which of them.
    private var following: [WaiterID: (exchange: Exchange, body: SharedBody)] = [:]
    private var followerOf: [Exchange: WaiterID] = [:]
    private var passing: [Exchange: PassFetch] = [:]
    private var lastWaiter: WaiterID = 0
    /// Fetches of what a pushed playlist lists and nobody pushed.
    var listedFills: [WaiterID: (target: HTTPBytes, channel: String)] = [:]
    private var fillFetches: [FillID: FillFetch] = [:]
    /// What pulled renditions bring, and how often.
    var cadence = PullCadence()
    /// The files of what memory does not hold; nil where there are none.
    var disk: DiskCache?
    /// Requests answered from what was pushed.
    var pushAnswers: UInt64 = 0

    init(
        settings: EdgeSettings, store: CacheStore, upstreams: UpstreamSet, feeds: ChannelFeeds, status: NodeStatus,
        parked: ParkedLedger, watchPage: WatchPage, isLead: Bool, eventLoop: any EventLoop
    ) {
        self.eventLoop = eventLoop
        self.feeds = feeds
        name = settings.name
        viaName = isLead ? settings.name : nil
        self.parked = parked
        offersPushes = settings.offersPush
        self.store = store
        self.upstreams = upstreams
        self.status = status
        self.watchPage = watchPage
        feeds.edge = self
    }

    // MARK: Requests

    func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
        if status.respond(to: request, on: exchange) || FrontPage.respond(to: request, on: exchange)
            || watchPage.respond(to: request, on: exchange) || feeds.desk.respond(to: request, on: exchange)
        {
            return
        }
        switch request.method {
        case .get where body.readableBytes == 0, .head where body.readableBytes == 0:
            if let refusal = Forwarding.refusal(request) { return exchange.refuse(refusal) }
            look(up: request, on: exchange)
        case .options where CacheKey.isLive(request):
            exchange.respond(CORS.preflight)
        default:
            if let refusal = Forwarding.refusal(request) { return exchange.refuse(refusal) }
            pass(request, body: body, for: .method, on: exchange)
        }
    }

    private func look(up request: RequestHead, on exchange: Exchange) {
        lastWaiter += 1
        switch feeds.ask(request, waiter: lastWaiter) {
        case .answer(let answer): serve(answer, to: request, on: exchange)
        case .held: park(lastWaiter, request, exchange, channel: LiveTarget.read(path: request.path)?.channel)
        case .refuse(let refusal): exchange.refuse(refusal)
        case .pull: pull(request, waiter: lastWaiter, on: exchange)
        }
    }

    func nextWaiter() -> WaiterID {
        lastWaiter += 1
        return lastWaiter
    }

    /// What waited for a fetch waits for pushes.
    func move(_ waiter: WaiterID, to channel: String) {
        guard let place = waiting[waiter] else { return }
        waiting[waiter] = Waiting(
            exchange: place.exchange, request: place.request, channel: channel, counted: place.counted)
    }

    func pull(_ request: RequestHead, waiter: WaiterID, on exchange: Exchange) {
        switch store.look(up: request, waiter: waiter, at: .now) {
        case .serve(let response, let role): serve(response, role, to: request, on: exchange)
        case .refresh(let response, let fill, let upstream):
            serve(response, .stale, to: request, on: exchange)
            startFill(fill, Forwarding.toUpstream(upstream, from: request, via: viaName))
        case .joined:
            park(waiter, request, exchange)
        case .lead(let fill, let upstream):
            park(waiter, request, exchange)
            startFill(fill, Forwarding.toUpstream(upstream, from: request, via: viaName))
        case .load(let fill, let object):
            park(waiter, request, exchange)
            load(fill, object)
        case .file(let object): serve(object, to: request, on: exchange)
        case .pass(let reason): pass(request, body: ByteBuffer(), for: reason, on: exchange)
        case .notCached:
            exchange.refuse(
                Problem(
                    name: "not-cached", title: "Not in the cache", status: 504,
                    detail: "only-if-cached was asked and nothing is held."))
        }
    }

    private func park(_ waiter: WaiterID, _ request: RequestHead, _ exchange: Exchange, channel: String? = nil) {
        // Another plane has counted those for whom it asks.
        let counted: Waiting.Counted? =
            exchange.isLoop
            ? nil
            : Waiting.Counted(
                channel: LiveTarget.read(path: request.path)?.channel, address: exchange.remoteAddress?.ipAddress)
        if let counted, let excess = parked.add(channel: counted.channel, address: counted.address) {
            if let channel { feeds.leave(waiter, channel: channel) } else { store.leave(waiter) }
            return exchange.refuse(
                Problem(
                    name: "too-many-parked", title: "Too many requests wait", status: 429,
                    detail: "As many requests wait \(excess.place) as its configuration allows. Ask again."))
        }
        waiting[waiter] = Waiting(exchange: exchange, request: request, channel: channel, counted: counted)
        exchange.parked()
        waiterOf[exchange] = waiter
    }

    private func pass(
        _ request: RequestHead, body: ByteBuffer, for reason: CacheStore.PassReason, on exchange: Exchange
    ) {
        let fetch = PassFetch(exchange: exchange, request: request, reason: reason, edge: self)
        passing[exchange] = fetch
        fetch.start(
            Forwarding.toUpstream(UpstreamRequest.alone(request), from: request, via: viaName), body: body)
    }

    func cancelled(_ exchange: Exchange) {
        if let waiter = waiterOf.removeValue(forKey: exchange) {
            let place = waiting.removeValue(forKey: waiter)
            if let counted = place?.counted { parked.remove(channel: counted.channel, address: counted.address) }
            if let channel = place?.channel { feeds.leave(waiter, channel: channel) } else { store.leave(waiter) }
        }
        feeds.desk.cancelled(exchange)
        if let follower = followerOf.removeValue(forKey: exchange) {
            following.removeValue(forKey: follower)?.body.leave(follower)
        }
        passing.removeValue(forKey: exchange)?.cancel()
    }

    var offersPush: Bool { offersPushes }

    func pushEnded(_ push: Exchange, wasSent: Bool) { feeds.desk.pushEnded(push, wasSent: wasSent) }

    func pushStalled(_ push: Exchange) { feeds.desk.pushStalled(push) }

    // MARK: Fills

    /// In what time another upstream is asked as well if a fetch has brought nothing by then.
    func hedgeDelay(of request: RequestHead, askedAt start: ContinuousClock.Instant) -> Duration {
        ContinuousClock.now.duration(to: cadence.due(request, since: start) ?? start + feeds.patience(for: request))
    }

    func startFill(_ id: FillID, _ request: RequestHead) {
        let fetch = FillFetch(id: id, request: request, edge: self)
        fillFetches[id] = fetch
        fetch.start()
    }

    /// What it was to bring comes another way.
    func giveUp(_ id: FillID) { fillFetches.removeValue(forKey: id)?.cancel() }

    func mayRetry(_ fill: FillID) -> Bool { store.mayRetry(fill) }

    func fillReceived(_ fill: FillID, _ head: ResponseHead) {
        perform(
            store.head(fill, head, at: .now, unixSeconds: WallClock.now() / 1_000_000),
            upstream: fillFetches[fill]?.timeToHead)
    }

    func fillReceived(_ fill: FillID, _ bytes: ByteBuffer) { perform(store.body(fill, bytes)) }
    func fillEnded(_ fill: FillID) {
        let time = fillFetches.removeValue(forKey: fill)?.timeToHead
        perform(store.finish(fill, at: .now), upstream: time)
    }

    func fillFailed(_ fill: FillID) {
        fillFetches[fill] = nil
        perform(store.fail(fill, at: .now))
    }

    func passEnded(_ exchange: Exchange) { passing[exchange] = nil }
    func isWanted(_ fill: FillID) -> Bool { store.isWanted(fill) }

    /// An interim answer goes to everyone who waits for the final one.
    func fillReceived(_ fill: FillID, interim head: ResponseHead) {
        for waiter in store.waiters(of: fill) { waiting[waiter]?.exchange.inform(Forwarding.toClient(head)) }
    }

    /// What the cache learns from an answer that goes past it.
    func passReceived(_ head: ResponseHead, to request: RequestHead) {
        if request.method == .head {
            store.headed(request, head, at: .now, unixSeconds: WallClock.now() / 1_000_000)
        } else if !request.method.isSafe && head.status < 400 {
            invalidate(Forwarding.invalidated(by: head, to: request))
        }
    }

    /// The whole answer to a POST that says that it is what a GET would bring.
    func passBrought(_ head: ResponseHead, _ body: [ByteBuffer], to request: RequestHead) {
        store.adopt(request, head, body: body, at: .now, unixSeconds: WallClock.now() / 1_000_000)
    }

    func passStatus(_ reason: CacheStore.PassReason, _ head: ResponseHead) -> String {
        CacheStatus.text(name, passed: reason, status: head.status)
    }

    /// `upstream` is how long the answer took to begin that has these effects.
    func perform(_ effects: [CacheStore.Effect], upstream: TimeAmount? = nil) {
        for effect in effects {
            switch effect {
            case .deliver(let waiter, let response, let role):
                if let fill = listedFills.removeValue(forKey: waiter) {
                    adopt(response, fill.target, fill.channel)
                    continue
                }
                guard let place = take(waiter) else { continue }
                serve(response, role, to: place.request, on: place.exchange, upstream: upstream)
            case .pass(let waiter):
                if let fill = listedFills.removeValue(forKey: waiter) {
                    feeds.fillFailed(fill.target, channel: fill.channel)
                    continue
                }
                guard let place = take(waiter) else { continue }
                pass(place.request, body: ByteBuffer(), for: .bypass, on: place.exchange)
            case .again(let waiter):
                if let fill = listedFills.removeValue(forKey: waiter) {
                    self.fill(fill.target, channel: fill.channel)
                    continue
                }
                guard let place = take(waiter) else { continue }
                look(up: place.request, on: place.exchange)
            case .grew(let followers):
                for follower in followers { tell(follower) }
            case .fail(let waiter):
                if let fill = listedFills.removeValue(forKey: waiter) {
                    feeds.fillFailed(fill.target, channel: fill.channel)
                    continue
                }
                guard let place = take(waiter) else { continue }
                refuseUnavailable(place.exchange)
            }
        }
    }

    /// Wakes the exchange whenever the body that it is sent grows or ends.
    func follow(_ body: SharedBody, on exchange: Exchange) {
        lastWaiter += 1
        body.follow(lastWaiter)
        following[lastWaiter] = (exchange, body)
        followerOf[exchange] = lastWaiter
    }

    /// The body that a follower reads has grown or ended. After its end the connection needs nobody to wake it.
    private func tell(_ follower: WaiterID) {
        guard let (exchange, body) = following[follower] else { return }
        if body.isComplete || body.isFailed {
            following[follower] = nil
            followerOf[exchange] = nil
        }
        exchange.resume()
    }

    func take(_ waiter: WaiterID) -> Waiting? {
        guard let place = waiting.removeValue(forKey: waiter) else { return nil }
        place.exchange.released()
        waiterOf[place.exchange] = nil
        if let counted = place.counted { parked.remove(channel: counted.channel, address: counted.address) }
        return place
    }

    func refuseUnavailable(_ exchange: Exchange) {
        exchange.refuse(
            Problem(
                name: "upstream-unavailable", title: "No upstream answers", status: 503,
                detail: "This edge holds nothing for the request and none of its upstreams answers. Try again."),
            cache: .miss)
    }
}

extension Exchange {
    /// Answers with a problem document that caches keep for so many seconds.
    func refuse(_ problem: Problem, keptFor seconds: Int = 0, cache: CacheResult = .none) {
        var head = problem.head
        if seconds > 0 { head.fields.set("cache-control", "max-age=\(seconds)") }
        CORS.append(to: &head.fields)
        if problem.status == 503 || problem.status == 429 { head.fields.append("retry-after", "1") }
        respond(head, body: .bytes(problem.body), cache: cache)
    }
}

extension ParkedCounts.Excess {
    fileprivate var place: String {
        switch self {
        case .node: "at this edge"
        case .channel: "for this channel"
        case .address: "for this address"
        }
    }
}
