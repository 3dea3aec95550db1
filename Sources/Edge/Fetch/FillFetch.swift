import Cache
import HTTP
import NIOCore
import Wire

/// Carries out one fill: asks an upstream, and the next one where the first brought nothing.
final class FillFetch: FetchReceiver {
    private let id: FillID
    private let request: RequestHead
    private weak var edge: EdgeResponder?
    private var tried: Set<Int> = []
    private var current: Int?
    private var hasHead = false
    private var attempts = 0

    init(id: FillID, request: RequestHead, edge: EdgeResponder) {
        self.id = id
        self.request = request
        self.edge = edge
    }

    func start() {
        // One retry: on another upstream where there is one, else on the same.
        guard let edge else { return }
        if tried.count >= edge.upstreams.clients.count { tried = [] }
        guard let (_, upstream) = edge.upstreams.fetch(request, tried: tried, receiver: self) else {
            return edge.fillFailed(id)
        }
        current = upstream
        tried.insert(upstream)
    }

    func fetch(_ fetch: Fetch, received head: ResponseHead) {
        hasHead = true
        edge?.fillReceived(id, head)
    }

    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { edge?.fillReceived(id, bytes) }

    func fetchEnded(_ fetch: Fetch) { edge?.fillEnded(id) }

    func fetch(_ fetch: Fetch, failed failure: FetchFailure) {
        guard let edge else { return }
        if let current { edge.upstreams.failed(upstream: current) }
        attempts += 1
        if !hasHead, attempts <= max(1, edge.upstreams.clients.count - 1), edge.mayRetry(id) { return start() }
        edge.fillFailed(id)
    }
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

/// Reads a cached body, which may still grow, for one answer.
final class SharedBodySource: BodySource {
    private let body: SharedBody
    private var index = 0

    init(_ body: SharedBody) { self.body = body }

    func next(limit: Int) -> BodyPiece {
        if index < body.chunks.count {
            let piece = body.chunks[index]
            index += 1
            return .bytes(piece, isLast: body.isComplete && index == body.chunks.count)
        }
        if body.isComplete { return .end }
        return body.isFailed ? .failed : .pending
    }
}
