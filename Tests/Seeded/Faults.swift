/// The rules that simulations of the edge are held to.
package enum Invariant: Sendable, Equatable {
    /// One fill per object at a time, and none of what is held or on its way.
    case oneFill
    /// Every waiter is answered exactly once.
    case answeredOnce
    /// Nobody waits for longer than can be told beforehand.
    case boundedWait
    /// No byte from a wrong object, and no torn one that passes for whole.
    case ownBytes
    /// No part is listed that is not held.
    case listedIsHeld
    /// What is counted is what there is, and stays within its limits.
    case bookkeeping
}

/// A rule that did not hold.
package struct Fault: Sendable, CustomStringConvertible {
    package let invariant: Invariant
    package let text: String

    package init(_ invariant: Invariant, _ text: String) {
        self.invariant = invariant
        self.text = text
    }

    package var description: String { "\(invariant): \(text)" }
}

/// What came to pass over the seeds of a simulation: one that has ceased to exercise something says so.
package struct Tally<Event: Hashable & CaseIterable & Sendable>: Sendable {
    package private(set) var counts: [Event: Int] = [:]

    package init() {}

    package mutating func note(_ event: Event) { counts[event, default: 0] += 1 }
    package mutating func add(_ other: Tally) { counts.merge(other.counts, uniquingKeysWith: +) }

    /// What never happened.
    package var missing: [Event] { Event.allCases.filter { counts[$0] == nil } }
}
