import Cache
import NIOCore
import Wire

/// Reads a shared body, which may still grow, or a range of it, for one answer. The body must have a follower until it is
/// whole.
package final class SharedBodySource: BodySource {
    private let body: SharedBody
    private let bounds: Range<Int>?
    private var index = 0
    private var offset = 0

    package init(_ body: SharedBody, within bounds: Range<Int>? = nil) {
        self.body = body
        self.bounds = bounds
    }

    package func next(limit: Int) -> BodyPiece {
        while index < body.chunks.count {
            let piece = body.chunks[index]
            let start = offset
            index += 1
            offset += piece.readableBytes
            guard let bounds else { return .bytes(piece, isLast: body.isComplete && index == body.chunks.count) }
            let low = max(bounds.lowerBound, start)
            let high = min(bounds.upperBound, offset)
            if low < high, let slice = piece.getSlice(at: piece.readerIndex + low - start, length: high - low) {
                return .bytes(slice, isLast: high == bounds.upperBound)
            }
            if offset >= bounds.upperBound { return .end }
        }
        if let bounds, offset >= bounds.upperBound { return .end }
        // A whole that ends before a range that its length promised is torn.
        if body.isComplete { return bounds == nil ? .end : .failed }
        return body.isFailed ? .failed : .pending
    }
}
