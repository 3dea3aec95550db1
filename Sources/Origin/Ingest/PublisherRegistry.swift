import Synchronization

/// Counts of publishers' connections over all ingest loops, and the bound on how many there may be.
package final class PublisherRegistry: Sendable {
    private let limit: Int
    private let open = Atomic<Int>(0)
    private let refusals = Atomic<UInt64>(0)
    private let violations = Atomic<UInt64>(0)
    private let turnedAway = Atomic<UInt64>(0)

    package init(limit: Int) { self.limit = limit }

    /// Whether one more connection may open.
    var admits: Bool {
        if open.load(ordering: .relaxed) < limit { return true }
        turnedAway.wrappingAdd(1, ordering: .relaxed)
        return false
    }

    func opened() { open.wrappingAdd(1, ordering: .relaxed) }
    func closed() { open.wrappingSubtract(1, ordering: .relaxed) }
    func refused() { refusals.wrappingAdd(1, ordering: .relaxed) }
    func violated() { violations.wrappingAdd(1, ordering: .relaxed) }

    package var openCount: Int { open.load(ordering: .relaxed) }
    package var refusedCount: UInt64 { refusals.load(ordering: .relaxed) }
    package var violationCount: UInt64 { violations.load(ordering: .relaxed) }
    package var turnedAwayCount: UInt64 { turnedAway.load(ordering: .relaxed) }
}
