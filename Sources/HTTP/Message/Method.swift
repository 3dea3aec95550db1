/// A request method (RFC 9110, 9). Methods are case-sensitive: `get` is not GET but `.other("get")`.
package enum Method: Sendable, Hashable {
    case get, head, post, put, delete, options, patch, connect, trace
    case other(String)

    /// The method of a token; the caller has checked that it is one.
    package init(token: HTTPBytes) {
        self = token.withUnsafeBytes { Method($0) }
    }

    /// The method of a token; the caller has checked that it is one.
    package init(_ token: UnsafeRawBufferPointer) {
        switch token.count {
        case 3 where token.isEqual(to: "GET"): self = .get
        case 3 where token.isEqual(to: "PUT"): self = .put
        case 4 where token.isEqual(to: "HEAD"): self = .head
        case 4 where token.isEqual(to: "POST"): self = .post
        case 5 where token.isEqual(to: "PATCH"): self = .patch
        case 5 where token.isEqual(to: "TRACE"): self = .trace
        case 6 where token.isEqual(to: "DELETE"): self = .delete
        case 7 where token.isEqual(to: "OPTIONS"): self = .options
        case 7 where token.isEqual(to: "CONNECT"): self = .connect
        default: self = .other(String(decoding: token, as: UTF8.self))
        }
    }

    /// As it is written on the wire.
    package var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other(let name): name
        }
    }

    /// As it is written on the wire.
    package var bytes: String.UTF8View { name.utf8 }

    /// True when a repeated request means the same as one (RFC 9110, 9.2.2), so that it may be retried.
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// True when the request asks for no change (RFC 9110, 9.2.1).
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .patch, .connect, .other: false
        }
    }
}
