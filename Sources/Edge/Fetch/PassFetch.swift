import AccessLog
import Cache
import HTTP
import NIOCore
import Wire

/// A request that nobody shares: its answer goes to one client as it comes.
final class PassFetch: FetchReceiver, BodySource {
    private let exchange: Exchange
    private weak var edge: EdgeResponder?
    private let request: RequestHead
    private let reason: CacheStore.PassReason
    /// What has come of an answer that may be kept.
    private var kept: (head: ResponseHead, pieces: [ByteBuffer], bytes: Int)?
    private var pieces: [ByteBuffer] = []
    private var queuedBytes = 0
    private var hasHead = false
    private var isEnded = false
    private var isFailed = false
    private var fetch: Fetch?
    private let startedAt = NIODeadline.now()

    /// Bytes that may wait for a slow client before the upstream is made to wait too.
    private static let highWater = 1 << 20
    /// Answers to POST up to this size are kept.
    private static let keptBytes = 1 << 20

    init(exchange: Exchange, request: RequestHead, reason: CacheStore.PassReason, edge: EdgeResponder) {
        self.exchange = exchange
        self.request = request
        self.reason = reason
        self.edge = edge
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
        edge.passReceived(head, to: request)
        if request.method == .post, Forwarding.isContent(of: request, head) { kept = (head, [], 0) }
        var answer = edge.forwarded(Forwarding.toClient(head))
        let leads = CacheStatus.takeNote(from: &answer)
        answer.fields.append(
            exchange.isLoop ? CacheStatus.note : "cache-status", leads ?? edge.passStatus(reason, head))
        let length = head.fields.first("content-length")?.decimalValue
        let cache = leads.flatMap { CacheResult(note: $0) } ?? reason.result
        if cache.asksUpstream { exchange.fetched(in: .now() - startedAt) }
        exchange.respond(answer, body: .stream(self, length: length), cache: cache)
    }

    func fetch(_ fetch: Fetch, interim head: ResponseHead) { exchange.inform(Forwarding.toClient(head)) }

    private func keep(_ bytes: ByteBuffer) {
        guard let sum = kept.map({ $0.bytes + bytes.readableBytes }) else { return }
        guard sum <= Self.keptBytes else { return kept = nil }
        kept?.pieces.append(bytes)
        kept?.bytes = sum
    }

    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {
        keep(bytes)
        pieces.append(bytes)
        queuedBytes += bytes.readableBytes
        if queuedBytes > Self.highWater { fetch.setPaused(true) }
        exchange.resume()
    }

    func fetchEnded(_ fetch: Fetch) {
        isEnded = true
        self.fetch = nil
        if let kept { edge?.passBrought(kept.head, kept.pieces, to: request) }
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
