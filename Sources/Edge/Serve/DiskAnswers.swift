import Cache
import HTTP
import NIOCore
import Node
import Wire

/// How the edge's responder answers from files.
extension EdgeResponder {
    /// Reads a file for all who wait for it.
    func load(_ fill: FillID, _ object: DiskTier.Object) {
        guard let disk else { return perform(store.loaded(fill, nil, at: .now)) }
        disk.load(object) { [weak self] body in
            guard let self else { return }
            perform(store.loaded(fill, body, at: .now))
        }
    }

    /// Sends one range, or a large whole, from its file. The first piece is read before the head is sent: a disk that
    /// fails until then sends the request upstream.
    func serve(_ object: DiskTier.Object, to request: RequestHead, on exchange: Exchange) {
        guard let disk else { return store.released(object, wasServed: false) }
        let file = disk.lease(object)
        var (head, cache) = head(of: object.response, .disk, at: .now, toLoop: exchange.isLoop)
        let length = object.bodyBytes
        if ConditionalRequest.isUnchanged(request, head, now: WallClock.now() / 1_000_000) {
            file.serves()
            head.status = 304
            return exchange.respond(head, cache: cache)
        }
        head.fields.remove("content-length")
        var bounds = 0..<length
        switch ByteRange(request, head: head, length: length) {
        case .single(let asked):
            bounds = asked
            head.becomePartial(bounds, of: length)
        case .unsatisfiable:
            file.serves()
            head.becomeUnsatisfiable(of: length)
            return exchange.respond(head, cache: cache)
        // The whole is as good an answer as several ranges (RFC 9110, 14.2).
        case .multiple, nil: break
        }
        feeds.served(request)
        let first = file.read(at: bounds.lowerBound, count: min(bounds.count, Self.firstPieceBytes), on: eventLoop)
        let bound = NIOLoopBound((self, file, exchange, head, cache, bounds), eventLoop: eventLoop)
        first.whenComplete { result in
            let (edge, file, exchange, head, cache, bounds) = bound.value
            guard case .success(let bytes) = result else {
                return edge.pull(request, waiter: edge.nextWaiter(), on: exchange)
            }
            file.serves()
            if bytes.readableBytes == bounds.count { return exchange.respond(head, body: .bytes(bytes), cache: cache) }
            let body = FileBody(file, range: bounds, first: bytes, for: exchange, on: edge.eventLoop)
            exchange.respond(head, body: .stream(body, length: bounds.count), cache: cache)
        }
    }

    /// Bytes that are read before the head is sent: most ranges are no longer.
    private static var firstPieceBytes: Int { 1 << 20 }
}
