import HLS
import NIOCore
import Wire

/// Requests of one rendition that wait for something to exist, in groups that wait for the same and get the same answer.
struct ParkedRequests {
    /// How a waiting request will be answered.
    enum Want: Hashable {
        case playlist(PlaylistForm)
        /// A hinted part, by its sequence number and index.
        case part(sequence: Int64, index: Int)
    }

    private struct Key: Hashable {
        let want: Want
        let target: HoldTarget
    }

    private var groups: [Key: HoldGroup] = [:]

    /// Requests that wait.
    var count: Int { groups.values.reduce(0) { $0 + $1.count } }

    /// Those who wait for `target` to be answered with `want`.
    mutating func group(_ want: Want, until target: HoldTarget) -> HoldGroup {
        let key = Key(want: want, target: target)
        if let group = groups[key] { return group }
        let group = HoldGroup(want: want, target: target)
        groups[key] = group
        return group
    }

    /// Takes out the groups whose target is reached: one question for each, however many wait.
    mutating func release(where isReached: (HoldTarget) -> Bool) -> [HoldGroup] {
        var released: [HoldGroup] = []
        for (key, group) in groups where group.isEmpty || isReached(group.target) {
            groups[key] = nil
            if !group.isEmpty { released.append(group) }
        }
        return released.sorted { $0.firstTicket < $1.firstTicket }
    }

    /// The groups in which somebody has waited past the deadline.
    func expired(at now: NIODeadline) -> [HoldGroup] {
        groups.values.filter { $0.hasExpired(at: now) }.sorted { $0.firstTicket < $1.firstTicket }
    }
}

/// Requests that wait for the same and get the same answer, in the order in which they came.
final class HoldGroup {
    private struct Waiter {
        /// Nil once the client has gone.
        var exchange: Exchange?
        let ticket: UInt64
        let deadline: NIODeadline
    }

    let want: ParkedRequests.Want
    let target: HoldTarget
    /// Tickets rise, and deadlines never fall.
    private var waiters: ArraySlice<Waiter> = []
    /// Those among the waiters who are still there.
    private(set) var count = 0

    init(want: ParkedRequests.Want, target: HoldTarget) {
        self.want = want
        self.target = target
    }

    var isEmpty: Bool { count == 0 }
    var firstTicket: UInt64 { waiters.first?.ticket ?? .max }

    /// - Parameter ticket: higher than any before.
    func add(_ exchange: Exchange, ticket: UInt64, deadline: NIODeadline) {
        let deadline = max(deadline, waiters.last?.deadline ?? deadline)
        waiters.append(Waiter(exchange: exchange, ticket: ticket, deadline: deadline))
        count += 1
    }

    /// Forgets a client that has gone.
    func cancel(ticket: UInt64) {
        var low = waiters.startIndex
        var high = waiters.endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if waiters[middle].ticket < ticket { low = middle + 1 } else { high = middle }
        }
        guard low < waiters.endIndex, waiters[low].ticket == ticket, waiters[low].exchange != nil else { return }
        waiters[low].exchange = nil
        count -= 1
        // Clients that come and go must not make the list grow.
        if waiters.count > 64, waiters.count > 2 * count { waiters = waiters.filter { $0.exchange != nil }[...] }
    }

    /// The one that has waited longest, taken out.
    func next() -> Exchange? {
        while let waiter = waiters.popFirst() {
            guard let exchange = waiter.exchange else { continue }
            count -= 1
            return exchange
        }
        return nil
    }

    /// The one that has waited longest, taken out if its deadline has passed.
    func nextExpired(at now: NIODeadline) -> Exchange? { hasExpired(at: now) ? next() : nil }

    func hasExpired(at now: NIODeadline) -> Bool {
        waiters.first { $0.exchange != nil }.map { $0.deadline <= now } ?? false
    }
}
