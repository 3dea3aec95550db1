import Cache
import Wire

/// Reads a shared body, which may still grow, for one answer. The body must have a follower until it is whole.
package final class SharedBodySource: BodySource {
    private let body: SharedBody
    private var index = 0

    package init(_ body: SharedBody) { self.body = body }

    package func next(limit: Int) -> BodyPiece {
        if index < body.chunks.count {
            let piece = body.chunks[index]
            index += 1
            return .bytes(piece, isLast: body.isComplete && index == body.chunks.count)
        }
        if body.isComplete { return .end }
        return body.isFailed ? .failed : .pending
    }
}
