import Synchronization

/// Counts of publishers' connections over all ingest loops, and the bound on how many there may be.
package final class PublisherRegistry: Sendable {
    private let limit: Int
    private let halfOpenLimit: Int
    private let open = Atomic<Int>(0)
    private let publishing = Atomic<Int>(0)
    private let refusals = Atomic<UInt64>(0)
    private let violations = Atomic<UInt64>(0)
    private let turnedAway = Atomic<UInt64>(0)
    private let warnings = Mutex<[String: UInt64]>([:])

    /// `halfOpenLimit` bounds the connections that do not publish yet.
    package init(limit: Int, halfOpenLimit: Int) {
        self.limit = limit
        self.halfOpenLimit = halfOpenLimit
    }

    /// Whether one more connection may open.
    var admits: Bool {
        let count = open.load(ordering: .relaxed)
        if count < limit && count - publishing.load(ordering: .relaxed) < halfOpenLimit { return true }
        turnedAway.wrappingAdd(1, ordering: .relaxed)
        return false
    }

    func opened() { open.wrappingAdd(1, ordering: .relaxed) }
    func closed() { open.wrappingSubtract(1, ordering: .relaxed) }
    func publishStarted() { publishing.wrappingAdd(1, ordering: .relaxed) }
    func publishEnded() { publishing.wrappingSubtract(1, ordering: .relaxed) }
    func refused() { refusals.wrappingAdd(1, ordering: .relaxed) }
    /// `cause` is of a fixed set of words.
    func warned(of cause: String) { warnings.withLock { $0[cause, default: 0] += 1 } }
    func violated() { violations.wrappingAdd(1, ordering: .relaxed) }

    package var openCount: Int { open.load(ordering: .relaxed) }
    package var refusedCount: UInt64 { refusals.load(ordering: .relaxed) }
    package var violationCount: UInt64 { violations.load(ordering: .relaxed) }
    package var turnedAwayCount: UInt64 { turnedAway.load(ordering: .relaxed) }
    /// By cause, in order.
    package var warningCounts: [(cause: String, count: UInt64)] {
        warnings.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    }
}
