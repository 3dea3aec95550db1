import Cache
import HLS
import HTTP

/// What a held request will be answered with, and when.
enum HoldWant: Hashable, Sendable {
    case playlist(PlaylistForm, HoldTarget)
    case media(HTTPBytes)
}

/// Requests of one rendition that are held, grouped by what they want: each group is decided once, however large.
struct HoldGroups {
    private struct Group {
        /// In the order of their coming. One that has left is not in `since` any more.
        var order: ArraySlice<WaiterID> = []
        var since: [WaiterID: ContinuousClock.Instant] = [:]
    }

    private var groups: [HoldWant: Group] = [:]
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    var wants: some Sequence<HoldWant> { groups.keys }

    mutating func add(_ waiter: WaiterID, for want: HoldWant, at now: ContinuousClock.Instant) {
        groups[want, default: Group()].order.append(waiter)
        groups[want]?.since[waiter] = now
        count += 1
    }

    mutating func leave(_ waiter: WaiterID, from want: HoldWant) {
        guard groups[want]?.since.removeValue(forKey: waiter) != nil else { return }
        count -= 1
        if groups[want]?.since.isEmpty == true { return groups[want] = nil }
        // Clients that come and go must not make the list grow.
        if let group = groups[want], group.order.count > 64, group.order.count > 2 * group.since.count {
            groups[want]?.order = group.order.filter { group.since[$0] != nil }[...]
        }
    }

    /// Takes out all who want the same, in their order.
    mutating func release(_ want: HoldWant) -> [WaiterID] {
        guard let group = groups.removeValue(forKey: want) else { return [] }
        count -= group.since.count
        return group.order.filter { group.since[$0] != nil }
    }

    /// Takes out those who have waited for `limit`. They are at the head of their groups.
    mutating func expire(after limit: Duration, at now: ContinuousClock.Instant) -> [(WaiterID, HoldWant)] {
        var expired: [(WaiterID, HoldWant)] = []
        for want in Array(groups.keys) {
            while let waiter = groups[want]?.order.first {
                guard let since = groups[want]?.since[waiter] else {
                    groups[want]?.order.removeFirst()
                    continue
                }
                guard since.duration(to: now) >= limit else { break }
                groups[want]?.order.removeFirst()
                groups[want]?.since[waiter] = nil
                count -= 1
                expired.append((waiter, want))
            }
            if groups[want]?.since.isEmpty == true { groups[want] = nil }
        }
        return expired.sorted { $0.0 < $1.0 }
    }
}
