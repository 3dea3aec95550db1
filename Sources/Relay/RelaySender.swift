import HLS

/// What one subscriber of a channel is pushed, and in which order.
///
/// It knows no connection: `next` says what to push when there is room, `ended` makes room. Parts are never skipped; of
/// the playlist's states a slow subscriber gets the newest alone. One that is too slow for the parts is overrun: end its
/// subscription.
package struct RelaySender {
    package private(set) var wants: Set<String>
    private var queue: [RelayObject] = []
    private(set) var open = 0
    private let openLimit: Int
    private let queueLimit: Int
    private let queueBytes: Int

    /// - Parameters:
    ///   - openLimit: pushes under way at once.
    ///   - queueLimit: objects that may wait behind them.
    ///   - queueBytes: bytes of bodies that may wait. More than a channel's window, which the first objects are all of.
    package init(wants: Set<String>, openLimit: Int = 128, queueLimit: Int = 2_048, queueBytes: Int = 256 << 20) {
        self.wants = wants
        self.openLimit = openLimit
        self.queueLimit = queueLimit
        self.queueBytes = queueBytes
    }

    package var queuedCount: Int { queue.count }

    /// Whether more waits than a subscriber may leave waiting: what waits for it alone has left the window.
    package var isOverrun: Bool {
        queue.count > queueLimit || queue.reduce(0) { $0 + $1.body.byteCount } > queueBytes
    }

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
