/// HTTP/2 as bytes: frames that no honest client sends, and what the server has to say to them.
package struct HTTP2Frame: Equatable, CustomStringConvertible {
    package enum Kind: UInt8 {
        case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    package var type: UInt8
    package var flags: UInt8
    package var stream: UInt32
    package var payload: [UInt8]

    package init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.init(type: kind.rawValue, flags: flags, stream: stream, payload)
    }

    package init(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    package static let endStream: UInt8 = 1
    package static let ack: UInt8 = 1
    package static let endHeaders: UInt8 = 4
    package static let padded: UInt8 = 8

    package var bytes: [UInt8] {
        let count = payload.count
        return [
            UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
            UInt8(truncatingIfNeeded: count),
        ]
            + [type, flags] + HTTP2Frame.word(stream) + payload
    }

    package static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    package static func setting(_ identifier: UInt16, _ value: UInt32) -> [UInt8] {
        [UInt8(identifier >> 8), UInt8(truncatingIfNeeded: identifier)] + word(value)
    }

    /// The error code of GOAWAY or RST_STREAM.
    package var code: UInt32? {
        let start = type == Kind.goAway.rawValue ? 4 : type == Kind.reset.rawValue ? 0 : nil
        guard let start, payload.count >= start + 4 else { return nil }
        return payload[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    package var description: String {
        "\(type)/\(flags)/\(stream)\(code.map { " code \($0)" } ?? " \(payload.count) bytes")"
    }

    /// The whole frames at the front of `bytes`.
    package static func all(in bytes: [UInt8]) -> [HTTP2Frame] {
        var frames: [HTTP2Frame] = []
        var start = 0
        while bytes.count - start >= 9 {
            let count = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            guard bytes.count - start >= 9 + count else { break }
            let stream = bytes[start + 5..<start + 9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            frames.append(
                HTTP2Frame(
                    type: bytes[start + 3], flags: bytes[start + 4], stream: stream,
                    Array(bytes[start + 9..<start + 9 + count])))
            start += 9 + count
        }
        return frames
    }
}

/// A field block by hand (RFC 7541), everything as literals that no table keeps.
package enum HTTP2Block {
    package static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + text(name) + text(value) }

    /// A string without Huffman coding, of up to 16,000 bytes.
    package static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        let rest = bytes.count - 127
        return [127, UInt8(rest & 0x7f | 0x80), UInt8(rest >> 7)] + bytes
    }

    package static func request(
        _ path: String = "/", method: String = "GET", _ fields: [(String, String)] = [], scheme: String = "http"
    ) -> [UInt8] {
        literal(":method", method) + literal(":scheme", scheme) + literal(":path", path) + literal(":authority", "a")
            + fields.flatMap { literal($0.0, $0.1) }
    }
}
