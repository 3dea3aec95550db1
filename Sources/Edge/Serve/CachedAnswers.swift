import AccessLog
import Cache
import HTTP
import NIOCore
import Node
import Wire

/// How the edge's responder answers with what is held.
extension EdgeResponder {
    func serve(
        _ response: StoredResponse, _ role: CacheStore.ServedAs, to request: RequestHead, on exchange: Exchange,
        upstream: TimeAmount? = nil
    ) {
        if role == .pushed { pushAnswers += 1 } else if response.head.status == 200 { feeds.served(request) }
        let now = ContinuousClock.now
        if request.method == .get, !request.fields.steersCaches, response.body.isComplete, !exchange.isLoop {
            let served = served(response, role, at: now)
            if let upstream, served.cache.asksUpstream { exchange.fetched(in: upstream) }
            return exchange.respond(
                served.prepared, body: ResponseBody(response.body.chunks), cache: served.cache)
        }
        var (head, cache) = head(of: response, role, at: now, toLoop: exchange.isLoop)
        if let upstream, cache.asksUpstream { exchange.fetched(in: upstream) }
        if ConditionalRequest.isUnchanged(request, head, now: WallClock.now() / 1_000_000) {
            head.status = 304
            return exchange.respond(head, cache: cache)
        }
        let isComplete = response.body.isComplete
        let length = isComplete ? response.body.byteCount : head.fields.first("content-length")?.decimalValue
        guard head.status == 200, let length, let range = ByteRange(request, head: head, length: length) else {
            guard !isComplete else {
                return exchange.respond(head, body: ResponseBody(response.body.chunks), cache: cache)
            }
            follow(response.body, on: exchange)
            let body = ResponseBody.stream(SharedBodySource(response.body), length: length)
            return exchange.respond(head, body: body, cache: cache)
        }
        answer(range, of: response.body, length: length, head: head, as: cache, on: exchange)
    }

    /// The head of an answer as it is sent now: with its age, and with how it was come by. Another
    /// event loop of this edge gets that as a note.
    func head(
        of response: StoredResponse, _ role: CacheStore.ServedAs, at now: ContinuousClock.Instant, toLoop: Bool = false
    ) -> (ResponseHead, CacheResult) {
        let isReused = role == .hit || role == .stale || role == .disk
        var head = forwarded(isReused ? response.reusedHead : response.head)
        head.fields.append("age", decimal: response.age(at: now))
        let leads = CacheStatus.takeNote(from: &head)
        let status = CacheStatus.text(name, role, response, at: now)
        if toLoop {
            head.fields.append(CacheStatus.note, status)
        } else {
            head.fields.append("cache-status", role.isForwarded ? leads ?? status : status)
        }
        let result = role.isForwarded ? leads.flatMap { CacheResult(note: $0) } ?? role.result : role.result
        return (head, result)
    }

    /// The same laid out, once for all who get it within one second.
    private func served(
        _ response: StoredResponse, _ role: CacheStore.ServedAs, at now: ContinuousClock.Instant
    ) -> ServedHead {
        if let ready = response.served as? ServedHead, ready.role == role, now < ready.until { return ready }
        let (head, cache) = head(of: response, role, at: now)
        let served = ServedHead(
            role, cache, until: response.steadyUntil(now), PreparedHead(head, length: response.body.byteCount))
        response.served = served
        return served
    }

    private func answer(
        _ range: ByteRange, of body: SharedBody, length: Int, head: ResponseHead, as cache: CacheResult,
        on exchange: Exchange
    ) {
        if body.isComplete { return exchange.respond(range, of: body.chunks, head: head, cache: cache) }
        var head = head
        switch range {
        case .unsatisfiable:
            head.becomeUnsatisfiable(of: length)
            exchange.respond(head, cache: cache)
        case .single(let bounds):
            head.becomePartial(bounds, of: length)
            if body.byteCount >= bounds.upperBound {
                return exchange.respond(head, body: .slices(ByteRange.cut(body.chunks, to: bounds)), cache: cache)
            }
            // Not yet here: it waits for its bytes, and for no more.
            follow(body, on: exchange)
            let source = SharedBodySource(body, within: bounds)
            exchange.respond(head, body: .stream(source, length: bounds.count), cache: cache)
        case .multiple:
            head.fields.remove("content-length")
            follow(body, on: exchange)
            exchange.respond(head, body: .stream(SharedBodySource(body), length: length), cache: cache)
        }
    }

    /// An upstream's head as viewers get it.
    func forwarded(_ head: ResponseHead) -> ResponseHead {
        var head = head
        if !head.fields.contains("access-control-allow-origin") { CORS.append(to: &head.fields) }
        return head
    }
}

/// What an answer from the cache was last sent with.
private final class ServedHead {
    let role: CacheStore.ServedAs
    let cache: CacheResult
    /// When its age or its remaining lifetime, in whole seconds, is another.
    let until: ContinuousClock.Instant
    let prepared: PreparedHead

    init(
        _ role: CacheStore.ServedAs, _ cache: CacheResult, until: ContinuousClock.Instant, _ prepared: PreparedHead
    ) {
        self.role = role
        self.cache = cache
        self.until = until
        self.prepared = prepared
    }
}

extension ResponseBody {
    fileprivate init(_ chunks: [ByteBuffer]) {
        if chunks.count == 1, let only = chunks.first { self = .bytes(only) } else { self = .slices(chunks) }
    }
}
