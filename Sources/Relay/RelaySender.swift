import HLS

/// What one subscriber of a channel is pushed, and in which order.
///
/// It knows no connection: `next` says what to push when there is room, `ended` makes room. Parts are never skipped
/// while they are in the window; of the playlist's states a slow subscriber gets the newest alone.
package struct RelaySender {
    package private(set) var wants: Set<String>
    private var queue: [RelayObject] = []
    private(set) var open = 0
    private let openLimit: Int
    private let queueLimit: Int
    /// Objects that a subscriber was too slow for.
    package private(set) var droppedCount = 0

    /// - Parameters:
    ///   - openLimit: pushes under way at once.
    ///   - queueLimit: objects that may wait behind them.
    package init(wants: Set<String>, openLimit: Int = 128, queueLimit: Int = 2_048) {
        self.wants = wants
        self.openLimit = openLimit
        self.queueLimit = queueLimit
    }

    package var queuedCount: Int { queue.count }

    /// Something has come to be, or has begun to.
    package mutating func offer(_ object: RelayObject) {
        if let rendition = object.rendition, !wants.contains(rendition) { return }
        switch object.kind {
        case .state(let revision, _):
            // A state says all that an earlier one said: "that part, or anything later" (6.2.5.2).
            queue.removeAll { queued in
                guard case .state(let older, _) = queued.kind else { return false }
                return queued.rendition == object.rendition && older < revision
            }
        case .multivariant:
            queue.removeAll { $0.kind == object.kind }
        case .initSection, .part: break
        }
        queue.append(object)
        guard queue.count > queueLimit else { return }
        queue.removeFirst()
        droppedCount += 1
    }

    /// The next object to promise, when there is one and room for it. Count on `ended` for each.
    package mutating func next() -> RelayObject? {
        while open < openLimit, !queue.isEmpty {
            let object = queue.removeFirst()
            // What failed while it waited comes again as another object, or not at all.
            if object.body.isFailed { continue }
            open += 1
            return object
        }
        return nil
    }

    /// A push has ended, whole or not.
    package mutating func ended() { open = max(0, open - 1) }
}
