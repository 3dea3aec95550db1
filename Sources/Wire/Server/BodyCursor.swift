import NIOCore

/// Where a connection stands in the body that it is sending.
struct BodyCursor {
    private enum Rest {
        case none
        case slices(first: ByteBuffer, others: ArraySlice<ByteBuffer>)
        case stream(any BodySource, held: ByteBuffer?, isLast: Bool)
    }
    private var rest: Rest

    init(_ body: ResponseBody) {
        switch body {
        case .none: rest = .none
        case .bytes(let bytes): rest = bytes.readableBytes > 0 ? .slices(first: bytes, others: []) : .none
        case .slices(let slices):
            let full = slices.contains { $0.readableBytes == 0 } ? slices.filter { $0.readableBytes > 0 } : slices
            if let first = full.first { rest = .slices(first: first, others: full.dropFirst()) } else { rest = .none }
        case .stream(let source, _): rest = .stream(source, held: nil, isLast: false)
        }
    }

    /// The next piece of at most `limit` bytes.
    mutating func next(limit: Int) -> BodyPiece {
        switch rest {
        case .none:
            return .end
        case .slices(let only, let others) where others.isEmpty && only.readableBytes <= limit:
            rest = .none
            return .bytes(only, isLast: true)
        case .slices(var first, let others):
            guard let piece = first.readSlice(length: min(limit, first.readableBytes)) else { return .end }
            if first.readableBytes > 0 {
                rest = .slices(first: first, others: others)
                return .bytes(piece, isLast: false)
            }
            if let next = others.first {
                rest = .slices(first: next, others: others.dropFirst())
                return .bytes(piece, isLast: false)
            }
            rest = .none
            return .bytes(piece, isLast: true)
        case .stream(let source, let held, let heldIsLast):
            var bytes: ByteBuffer
            var isLast: Bool
            if let held {
                (bytes, isLast) = (held, heldIsLast)
            } else {
                switch source.next(limit: limit) {
                case .bytes(let fresh, let last): (bytes, isLast) = (fresh, last)
                case let other: return other
                }
            }
            guard let piece = bytes.readSlice(length: min(limit, bytes.readableBytes)) else { return .failed }
            let leftOver = bytes.readableBytes > 0
            rest = leftOver || !isLast ? .stream(source, held: leftOver ? bytes : nil, isLast: isLast) : .none
            return .bytes(piece, isLast: isLast && !leftOver)
        }
    }
}
