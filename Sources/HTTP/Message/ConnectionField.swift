/// A field that speaks of one connection or of the framing of one body (RFC 9110, 7.6.1; RFC 9112, 6): only the
/// serialiser of that connection may write it, whatever a head brings along.
enum ConnectionField {
    case connection, contentLength, host, keepAlive, proxyConnection, te, trailer, transferEncoding, upgrade

    /// False for lengths that none of these names has: a look at a number instead of at bytes.
    static func hasLength(_ count: Int) -> Bool {
        switch count {
        case 2, 4, 7, 10, 14, 16, 17: true
        default: false
        }
    }

    /// `name` in lower case.
    init?(name: HTTPBytes) {
        switch name.count {
        case 2 where name.isEqual(to: "te"): self = .te
        case 4 where name.isEqual(to: "host"): self = .host
        case 7 where name.isEqual(to: "upgrade"): self = .upgrade
        case 7 where name.isEqual(to: "trailer"): self = .trailer
        case 10 where name.isEqual(to: "connection"): self = .connection
        case 10 where name.isEqual(to: "keep-alive"): self = .keepAlive
        case 14 where name.isEqual(to: "content-length"): self = .contentLength
        case 16 where name.isEqual(to: "proxy-connection"): self = .proxyConnection
        case 17 where name.isEqual(to: "transfer-encoding"): self = .transferEncoding
        default: return nil
        }
    }
}
