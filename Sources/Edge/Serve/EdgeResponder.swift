import Cache
import HTTP
import Logging
import NIOCore
import Node
import Wire

/// Answers viewers: from the cache, from the fetch that is already under way, or by asking upstream.
final class EdgeResponder: Responder {
    private struct Waiting {
        let exchange: Exchange
        let request: RequestHead
    }

    private let name: String
    private let store: CacheStore
    let upstreams: UpstreamSet
    private let status: NodeStatus
    private let watchPage: WatchPage
    private let parkedLimit: Int
    private var waiting: [WaiterID: Waiting] = [:]
    private var waiterOf: [Exchange: WaiterID] = [:]
    /// Answers whose body still grows, and which exchange is which of them.
    private var following: [WaiterID: (exchange: Exchange, body: SharedBody)] = [:]
    private var followerOf: [Exchange: WaiterID] = [:]
    private var passing: [Exchange: PassFetch] = [:]
    private var lastWaiter: WaiterID = 0

    init(
        settings: EdgeSettings, store: CacheStore, upstreams: UpstreamSet, status: NodeStatus, watchPage: WatchPage
    ) {
        name = settings.name
        parkedLimit = settings.parkedRequests
        self.store = store
        self.upstreams = upstreams
        self.status = status
        self.watchPage = watchPage
    }

    /// Requests that wait for something to come.
    var parkedCount: Int { waiting.count }

    // MARK: Requests

    func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
        if status.respond(to: request, on: exchange) || watchPage.respond(to: request, on: exchange) { return }
        switch request.method {
        case .get, .head:
            // A range of something is cut from the whole; an odd one is the origin's to answer.
            look(up: request, on: exchange)
        case .options where CacheKey.isLive(request):
            exchange.respond(CORS.preflight)
        default:
            pass(request, body: body, on: exchange)
        }
    }

    private func look(up request: RequestHead, on exchange: Exchange) {
        lastWaiter += 1
        let waiter = lastWaiter
        switch store.look(up: request, waiter: waiter, at: .now) {
        case .serve(let response, let role): serve(response, role, to: request, on: exchange)
        case .joined:
            park(waiter, request, exchange)
        case .lead(let fill, let upstream):
            park(waiter, request, exchange)
            FillFetch(id: fill, request: upstream, edge: self).start()
        case .pass: pass(request, body: ByteBuffer(), on: exchange)
        case .notCached:
            exchange.refuse(
                Problem(
                    name: "not-cached", title: "Not in the cache", status: 504,
                    detail: "only-if-cached was asked and nothing is held."))
        }
    }

    private func park(_ waiter: WaiterID, _ request: RequestHead, _ exchange: Exchange) {
        guard waiting.count < parkedLimit else {
            store.leave(waiter)
            return exchange.refuse(
                Problem(
                    name: "too-many-parked", title: "Too many requests wait", status: 429,
                    detail: "As many requests wait at this edge as its configuration allows."))
        }
        waiting[waiter] = Waiting(exchange: exchange, request: request)
        waiterOf[exchange] = waiter
    }

    private func pass(_ request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
        var upstream = request
        upstream.fields.removeAll { name, _ in ForwardedFields.isDropped(name) }
        let fetch = PassFetch(exchange: exchange, request: request, edge: self)
        passing[exchange] = fetch
        fetch.start(upstream, body: body)
    }

    func cancelled(_ exchange: Exchange) {
        if let waiter = waiterOf.removeValue(forKey: exchange) {
            waiting[waiter] = nil
            store.leave(waiter)
        }
        if let follower = followerOf.removeValue(forKey: exchange) {
            following.removeValue(forKey: follower)?.body.leave(follower)
        }
        passing.removeValue(forKey: exchange)?.cancel()
    }

    // MARK: Fills

    func mayRetry(_ fill: FillID) -> Bool { store.mayRetry(fill) }

    func fillReceived(_ fill: FillID, _ head: ResponseHead) {
        perform(store.head(fill, head, at: .now, unixSeconds: WallClock.now() / 1_000_000))
    }

    func fillReceived(_ fill: FillID, _ bytes: ByteBuffer) { perform(store.body(fill, bytes)) }
    func fillEnded(_ fill: FillID) { perform(store.finish(fill, at: .now)) }
    func fillFailed(_ fill: FillID) { perform(store.fail(fill, at: .now)) }
    func passEnded(_ exchange: Exchange) { passing[exchange] = nil }
    func invalidate(_ target: HTTPBytes) { store.invalidate(target) }

    private func perform(_ effects: [CacheStore.Effect]) {
        for effect in effects {
            switch effect {
            case .deliver(let waiter, let response, let role):
                guard let place = take(waiter) else { continue }
                serve(response, role, to: place.request, on: place.exchange)
            case .pass(let waiter):
                guard let place = take(waiter) else { continue }
                pass(place.request, body: ByteBuffer(), on: place.exchange)
            case .grew(let followers):
                for follower in followers { tell(follower) }
            case .fail(let waiter):
                guard let place = take(waiter) else { continue }
                refuseUnavailable(place.exchange)
            }
        }
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

    private func take(_ waiter: WaiterID) -> Waiting? {
        guard let place = waiting.removeValue(forKey: waiter) else { return nil }
        waiterOf[place.exchange] = nil
        return place
    }

    func refuseUnavailable(_ exchange: Exchange) {
        exchange.refuse(
            Problem(
                name: "upstream-unavailable", title: "No upstream answers", status: 503,
                detail: "This edge holds nothing for the request and none of its upstreams answers. Try again."))
    }

    // MARK: Answers

    private func serve(
        _ response: StoredResponse, _ role: CacheStore.ServedAs, to request: RequestHead, on exchange: Exchange
    ) {
        var head = forwarded(response.head)
        head.fields.append("age", decimal: response.age(at: .now))
        head.fields.append("cache-status", "\(name); \(Self.word(for: role))")
        if ConditionalRequest.isUnchanged(request, head) {
            head.status = 304
            return exchange.respond(head)
        }
        guard response.body.isComplete else {
            lastWaiter += 1
            response.body.follow(lastWaiter)
            following[lastWaiter] = (exchange, response.body)
            followerOf[exchange] = lastWaiter
            let length = response.head.fields.first("content-length")?.decimalValue
            return exchange.respond(head, body: .stream(SharedBodySource(response.body), length: length))
        }
        let whole = response.body.byteCount
        guard head.status == 200, let range = ByteRange(request, head: head, length: whole) else {
            return exchange.respond(head, body: .slices(response.body.chunks))
        }
        switch range {
        case .unsatisfiable:
            head.status = 416
            head.fields.set("content-range", "bytes */\(whole)")
            head.fields.remove("content-length")
            exchange.respond(head)
        case .bytes(let bounds):
            head.status = 206
            head.fields.set("content-range", "bytes \(bounds.lowerBound)-\(bounds.upperBound - 1)/\(whole)")
            head.fields.remove("content-length")
            exchange.respond(head, body: .slices(range.cut(response.body.chunks)))
        }
    }

    /// An upstream's head as viewers get it.
    func forwarded(_ head: ResponseHead) -> ResponseHead {
        var head = head
        head.fields.remove("connection")
        head.fields.remove("transfer-encoding")
        if !head.fields.contains("access-control-allow-origin") { CORS.append(to: &head.fields) }
        return head
    }

    private static func word(for role: CacheStore.ServedAs) -> String {
        switch role {
        case .hit: "hit"
        case .miss: "fwd=miss; stored"
        case .collapsed: "fwd=miss; collapsed"
        case .stale: "hit; fwd=stale"
        case .revalidated: "fwd=stale; fwd-status=304"
        }
    }
}

extension Exchange {
    /// Answers with a problem document that no cache keeps.
    func refuse(_ problem: Problem) {
        var head = problem.head
        CORS.append(to: &head.fields)
        if problem.status == 503 || problem.status == 429 { head.fields.append("retry-after", "1") }
        respond(head, body: .bytes(problem.body))
    }
}
