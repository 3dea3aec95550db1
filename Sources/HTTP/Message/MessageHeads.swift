/// The versions that a head can have come in.
package enum HTTPVersion: Sendable, Hashable { case http10, http11, http2 }

/// The schemes that are served and fetched.
package enum Scheme: Sendable, Hashable {
    case http, https

    /// The scheme of `http` or `https` in letters of either case, or nil.
    package init?(_ bytes: HTTPBytes) {
        guard let scheme = bytes.withUnsafeBytes({ Scheme($0) }) else { return nil }
        self = scheme
    }

    /// The same of bytes that are not kept.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        if bytes.isEqualIgnoringCase(to: "http") {
            self = .http
        } else if bytes.isEqualIgnoringCase(to: "https") {
            self = .https
        } else {
            return nil
        }
    }

    /// `http` or `https`.
    package var name: String { self == .http ? "http" : "https" }
    /// `http` or `https`.
    package var bytes: String.UTF8View { name.utf8 }
}

/// A request without its body.
package struct RequestHead: Sendable, Equatable {
    package var method: Method
    /// Path and query as they came, `/` first, or `*` for OPTIONS of the server as a whole. Never decoded.
    package var target: HTTPBytes
    /// Host and port in lower case, empty when an HTTP/1.0 request names none.
    package var authority: HTTPBytes
    package var scheme: Scheme
    package var fields: HTTPFields
    package var version: HTTPVersion

    package init(
        method: Method = .get, target: HTTPBytes = RequestHead.root, authority: HTTPBytes = [],
        scheme: Scheme = .http, fields: HTTPFields = HTTPFields(), version: HTTPVersion = .http11
    ) {
        self.method = method
        self.target = target
        self.authority = authority
        self.scheme = scheme
        self.fields = fields
        self.version = version
    }

    /// The target `/`.
    package static let root: HTTPBytes = [UInt8(ascii: "/")]
}

/// A response without its body.
package struct ResponseHead: Sendable, Equatable {
    /// Three digits, 100 to 599.
    package var status: UInt16
    package var fields: HTTPFields

    package init(status: UInt16, fields: HTTPFields = HTTPFields()) {
        self.status = status
        self.fields = fields
    }

    /// False for the statuses that never have a body: 1xx, 204 and 304 (RFC 9110, 6.4.1).
    package var allowsBody: Bool { status >= 200 && status != 204 && status != 304 }
}
