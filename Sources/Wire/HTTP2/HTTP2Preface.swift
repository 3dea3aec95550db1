import NIOCore

/// The 24 bytes with which an HTTP/2 client begins (RFC 9113, 3.4).
enum HTTP2Preface {
    enum Match { case yes, no, partial }
    static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func match(_ seen: ByteBufferView) -> Match {
        guard zip(seen, bytes).allSatisfy({ $0 == $1 }) else { return .no }
        return seen.count >= bytes.count ? .yes : .partial
    }

    /// Whether a connection begins with a line that is neither a request's nor the preface: it names PRI, or neither a
    /// target nor a version of HTTP (RFC 9112, 2.2: it does not appear to be a request).
    static func isBroken(_ seen: ByteBufferView) -> Bool {
        let line = seen.prefix { $0 != 0x0a && $0 != 0x0d }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, line.allSatisfy({ 0x20..<0x7f ~= $0 }), let target = words[1].first else {
            return false
        }
        if line.starts(with: "PRI * HTTP/2".utf8) { return true }
        let isTarget =
            target == UInt8(ascii: "/") || target == UInt8(ascii: "*") || words[1].contains(UInt8(ascii: ":"))
        return !isTarget && !words[2].starts(with: "HTTP/".utf8)
    }

    /// An invalid preface is a connection error (3.4): SETTINGS, and GOAWAY with PROTOCOL_ERROR.
    static let refusal: [UInt8] =
        [0, 0, 0, 4, 0, 0, 0, 0, 0] + [0, 0, 8, 7, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 1]
}
