import Cache
import HLS
import HTTP
import NIOCore
import Node
import Relay
import Wire

/// What the edge's responder does with what was pushed.
extension EdgeResponder {
    // MARK: Waiters

    func answer(_ waiter: WaiterID, _ answer: RelayAnswer) {
        guard let place = take(waiter) else { return }
        serve(answer, to: place.request, on: place.exchange)
    }

    func refuse(_ waiter: WaiterID, _ refusal: RelayRefusal) {
        take(waiter)?.exchange.refuse(refusal)
    }

    /// Nobody pushes what it waits for any more.
    func pull(_ waiter: WaiterID) {
        guard let place = take(waiter) else { return }
        pull(place.request, waiter: waiter, on: place.exchange)
    }

    /// Requests that wait for a fetch of this playlist are answered by pushes from now on.
    func warmed(_ rendition: String, of channel: String) {
        for waiter in waiting.keys.sorted() {
            guard let place = waiting[waiter], place.channel == nil,
                let (asked, target) = LiveTarget.read(path: place.request.path), asked == channel,
                target == .playlist(rendition: rendition)
            else { continue }
            let decision = feeds.ask(place.request, waiter: waiter)
            if case .pull = decision { continue }
            store.leave(waiter)
            settle(waiter, place, decision, channel)
        }
    }

    /// A push brings what fetches were to bring: who waits for them waits for it, and they are given up.
    func pushBegan(_ target: HTTPBytes, of channel: String) {
        for fill in store.holding(of: target, at: .now).led {
            giveUp(fill)
            for waiter in store.handOver(fill) {
                guard let place = waiting[waiter] else {
                    listedFills[waiter] = nil
                    continue
                }
                settle(waiter, place, feeds.ask(place.request, waiter: waiter), channel)
            }
        }
    }

    private func settle(_ waiter: WaiterID, _ place: Waiting, _ decision: RelayDecision, _ channel: String) {
        switch decision {
        case .answer(let answer): self.answer(waiter, answer)
        case .refuse(let refusal): refuse(waiter, refusal)
        case .held: move(waiter, to: channel)
        case .pull: pull(waiter)
        }
    }

    // MARK: What the cache has

    /// Whether a promise is of something that the cache holds, or is being brought already.
    func holds(_ promise: RequestHead, for channel: String) -> Bool {
        guard case .media? = LiveTarget.read(path: promise.path)?.target else { return false }
        let holding = store.holding(of: promise.target, at: .now)
        guard let held = holding.held, held.head.status == 200, held.body.isComplete else { return holding.isFilling }
        feeds.adopt(promise.target, held, channel: channel)
        return true
    }

    /// Fetches what a pushed playlist lists and nobody pushed: from the cache, or upstream.
    func fill(_ target: HTTPBytes, channel: String) {
        let waiter = nextWaiter()
        switch store.look(up: RequestHead(target: target), waiter: waiter, at: .now) {
        case .serve(let response, _): adopt(response, target, channel)
        case .refresh(let response, let fill, let upstream):
            adopt(response, target, channel)
            startFill(fill, upstream)
        case .joined: listedFills[waiter] = (target, channel)
        case .lead(let fill, let upstream):
            listedFills[waiter] = (target, channel)
            startFill(fill, upstream)
        case .load(let fill, let object):
            listedFills[waiter] = (target, channel)
            load(fill, object)
        case .file(let object):
            store.released(object, wasServed: false)
            feeds.fillFailed(target, channel: channel)
        case .pass, .notCached: feeds.fillFailed(target, channel: channel)
        }
    }

    func adopt(_ response: StoredResponse, _ target: HTTPBytes, _ channel: String) {
        guard response.head.status == 200, response.body.isComplete else {
            return feeds.fillFailed(target, channel: channel)
        }
        feeds.adopt(target, response, channel: channel)
    }

    // MARK: Answers

    func serve(_ answer: RelayAnswer, to request: RequestHead, on exchange: Exchange) {
        switch answer {
        case .object(let object):
            serve(stored(object), .pushed, to: request, on: exchange)
        case .segment(let parts):
            guard let first = parts.first else { return refuseUnavailable(exchange) }
            let body = SharedBody(whole: parts.flatMap(\.body.chunks))
            serve(respond(first.head, body, at: first.arrivedAt), .pushed, to: request, on: exchange)
        case .playlist(let object, let isBlocking, let targetDuration, let isStale):
            let response = isBlocking ? stored(object) : plain(object, targetDuration)
            serve(response, isStale ? .stale : .pushed, to: request, on: exchange)
        }
    }

    private func stored(_ object: RelayObject) -> StoredResponse {
        if let ready = object.served { return ready }
        let response = respond(object.head, object.body, at: object.arrivedAt)
        object.served = response
        return response
    }

    /// A playlist that was asked for without directives lives for half a target duration (RFC 8216bis, B.1).
    private func plain(_ object: RelayObject, _ targetDuration: Int) -> StoredResponse {
        if let ready = object.servedPlain { return ready }
        var head = object.head
        head.fields.set("cache-control", CacheLifetime.playlist.value(targetDuration: targetDuration))
        let response = respond(head, object.body, at: object.arrivedAt)
        object.servedPlain = response
        return response
    }

    private func respond(
        _ head: ResponseHead, _ body: SharedBody, at instant: ContinuousClock.Instant
    ) -> StoredResponse {
        var head = head
        head.fields.remove("content-length")
        let freshness = Freshness(
            request: RequestHead(), response: head, unixSeconds: WallClock.now() / 1_000_000,
            policy: FreshnessPolicy())
        return StoredResponse(head: head, body: body, freshness: freshness, at: instant)
    }
}

extension Exchange {
    /// Refuses what cannot be answered from what was pushed.
    func refuse(_ refusal: RelayRefusal) {
        switch refusal {
        case .malformedDirective(let reason, let targetDuration):
            refuse(Self.badDirective(reason), keptFor: targetDuration)
        case .tooFarAhead(let reason):
            // It may be a good request soon: nobody keeps the refusal.
            refuse(Self.badDirective(reason))
        case .holdExpired(let limit):
            refuse(
                Problem(
                    name: "hold-expired", title: "Nothing new came in time", status: 503,
                    detail: "The stream did not advance for \(limit.components.seconds) s. Ask again."))
        case .hintFailed:
            refuse(
                Problem(
                    name: "not-found", title: "Not found", status: 404,
                    detail: "The hinted part did not come to be."))
        }
    }

    private static func badDirective(_ reason: String) -> Problem {
        Problem(name: "bad-directive", title: "Malformed delivery directive", status: 400, detail: reason)
    }
}
