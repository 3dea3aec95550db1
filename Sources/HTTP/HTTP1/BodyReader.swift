import struct NIOCore.ByteBuffer

/// What a body's bytes hold next.
enum BodyStep {
    /// Never empty; shares the memory that was fed.
    case piece(ByteBuffer)
    case end(trailers: HTTPFields)
}

/// Reads one body of either direction to its end.
enum BodyReader {
    case counted(remaining: Int)
    case chunked(ChunkedBody)
    case untilClose
    /// The end was handed on.
    case ended

    init(_ kind: HTTP1BodyKind) {
        switch kind {
        case .none: self = .counted(remaining: 0)
        case .length(let length): self = .counted(remaining: length)
        case .chunked: self = .chunked(ChunkedBody())
        case .untilClose: self = .untilClose
        }
    }

    /// The next piece or the end, or nil when more bytes are needed.
    mutating func next(
        _ bytes: inout ByteBuffer, limits: HTTP1Limits
    ) throws(HTTP1Violation) -> BodyStep? {
        switch self {
        case .counted(let remaining):
            if remaining == 0 {
                self = .ended
                return .end(trailers: HTTPFields())
            }
            guard let piece = Self.piece(&bytes, limit: remaining) else { return nil }
            self = .counted(remaining: remaining - piece.readableBytes)
            return .piece(piece)
        case .chunked(var body):
            // Put back below; meanwhile `body` is the only owner of its trailers.
            self = .ended
            let step = try body.next(&bytes, limits: limits)
            if case .end? = step { return step }
            self = .chunked(body)
            return step
        case .untilClose:
            return Self.piece(&bytes, limit: .max).map { .piece($0) }
        case .ended:
            return nil
        }
    }

    private static func piece(_ bytes: inout ByteBuffer, limit: Int) -> ByteBuffer? {
        let count = min(limit, bytes.readableBytes)
        return count > 0 ? bytes.readSlice(length: count) : nil
    }
}
