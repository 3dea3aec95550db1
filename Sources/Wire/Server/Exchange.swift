import AccessLog
import HTTP
import NIOCore

/// Answers the requests of every connection on one event loop.
///
/// All calls come on that loop. A request may be answered at once or much later: keep the `Exchange` until then and drop
/// it when `cancelled` names it.
package protocol Responder: AnyObject {
    /// A whole request has arrived, its body (bounded by `ServerLimits.requestBodyBytes`) included.
    func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange)
    /// The client of an exchange that was not yet answered in full has gone. Nothing more can be sent on it.
    func cancelled(_ exchange: Exchange)
    /// Whether clients are told, by a setting of HTTP/2 that only our own understand, that pushes can be had here.
    var offersPush: Bool { get }
    /// A push has ended: all of it was sent, or the client did not want it or has gone.
    func pushEnded(_ push: Exchange, wasSent: Bool)
    /// The client has left a push unread for `ServerLimits.stallTimeout`. Its end comes next, by `pushEnded`.
    func pushStalled(_ push: Exchange)
}

extension Responder {
    package var offersPush: Bool { false }
    package func pushEnded(_ push: Exchange, wasSent: Bool) {}
    package func pushStalled(_ push: Exchange) {}
}

/// One request and its answer: a ticket that says which connection and which stream of it.
///
/// A ticket whose stream has ended is harmless: every call on it does nothing.
package struct Exchange: Hashable {
    let connection: ServerConnection
    /// HTTP/2: the stream id. HTTP/1.1: the request's number on its connection.
    let stream: Int32

    package static func == (a: Exchange, b: Exchange) -> Bool {
        a.stream == b.stream && a.connection === b.connection
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(connection))
        hasher.combine(stream)
    }

    /// Sends the answer. HEAD requests and statuses without a body get the head alone. `cache` is for the access log and the
    /// metrics.
    package func respond(_ head: ResponseHead, body: ResponseBody = .none, cache: CacheResult = .none) {
        connection.respond(stream: stream, head: head, body: body, cache: cache)
    }

    /// The same with a head that is laid out, whose `length` is the body's.
    package func respond(_ prepared: PreparedHead, body: ResponseBody, cache: CacheResult = .none) {
        connection.respond(stream: stream, prepared: prepared, body: body, cache: cache)
    }

    /// Whether it came in HTTP/1.1 over a connection in the clear, where HTTP/2 can be had too.
    package var offersClearHTTP2: Bool { connection.offersClearHTTP2 }

    /// It waits from now on for something to come to be, which the access log and the metrics tell.
    package func parked() { connection.note(stream: stream) { $0.park(at: $1) } }

    /// It waits no longer.
    package func released() { connection.note(stream: stream) { $0.release(at: $1) } }

    /// The upstream that was asked for it began its answer after so much time.
    package func fetched(in time: TimeAmount) {
        connection.note(stream: stream) { trail, _ in trail.fetched(in: time) }
    }

    /// Sends a 1xx answer before the final one. Clients of HTTP/1.0 get none (RFC 9110, 15.2).
    package func inform(_ head: ResponseHead) {
        connection.inform(stream: stream, head: head)
    }

    /// Says that a `BodySource` which was `pending` has more.
    package func resume() {
        connection.resume(stream: stream)
    }

    /// Cuts the answer off: RST_STREAM, or a closed connection, so that no client takes a torn body for a whole one.
    package func abort() {
        connection.abort(stream: stream)
    }

    /// Whether pushes can be promised on this request's stream: HTTP/2, and the client has not switched them off.
    package var takesPush: Bool { connection.takesPush }

    /// Whether its connection may have one more push open. When it may not, wait until one of them has ended.
    package var hasRoomForPush: Bool { connection.hasRoomForPush }

    /// Promises `request` on this request's stream (RFC 9113, 8.4), and sends `head` and `body` as the answer to it.
    ///
    /// - Returns: the push, whose end `Responder.pushEnded` tells; nil when the stream or the connection is over,
    ///   or may push no more in this second.
    package func push(_ request: RequestHead, head: ResponseHead, body: ResponseBody) -> Exchange? {
        connection.push(on: stream, request, head: head, body: body)
            .map { Exchange(connection: connection, stream: $0) }
    }

    /// The same for all exchanges of one connection, and for no other.
    package var connectionIdentity: ObjectIdentifier { ObjectIdentifier(connection) }

    /// The peer's address, as accepted.
    package var remoteAddress: SocketAddress? { connection.remoteAddress }

    /// What its client's address uses; nil where there is no IP address.
    package var address: AddressUse? { connection.address }

    /// Whether another event loop of this process asks, on behalf of its own clients.
    package var isLoop: Bool { connection.isLoop }

    /// Words for the access log and metrics: `h2` or `http/1.1`.
    package var protocolName: StaticString { connection.protocolName }

    /// True when the connection is encrypted.
    package var isSecure: Bool { connection.isTLS }
}

/// The body of an answer. Bytes are shared with whoever holds them, never copied to be kept.
package enum ResponseBody {
    case none
    case bytes(ByteBuffer)
    /// One body in pieces, such as a segment that is its parts by reference.
    case slices([ByteBuffer])
    /// A body that may still grow; `length` in bytes where it is known.
    case stream(any BodySource, length: Int?)

    /// True when it is known that there are no bytes.
    var isEmpty: Bool {
        switch self {
        case .none: true
        case .bytes(let bytes): bytes.readableBytes == 0
        case .slices(let slices): slices.allSatisfy { $0.readableBytes == 0 }
        case .stream(_, let length): length == 0
        }
    }

    /// Bytes in the whole body, where that is known.
    package var length: Int? {
        switch self {
        case .none: 0
        case .bytes(let bytes): bytes.readableBytes
        case .slices(let slices): slices.reduce(0) { $0 + $1.readableBytes }
        case .stream(_, let length): length
        }
    }
}

/// A body that is read as the connection can take it. One source serves one answer.
package protocol BodySource: AnyObject {
    /// The next piece, at most `limit` bytes and never empty. After `pending`, `Exchange.resume` asks for more.
    func next(limit: Int) -> BodyPiece
}

/// What a `BodySource` has to say.
package enum BodyPiece {
    case bytes(ByteBuffer, isLast: Bool)
    case pending
    case end
    /// The body will never be whole.
    case failed
}
