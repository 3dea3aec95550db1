import NIOCore
import Wire

/// Every request that an origin holds: where it waits, and what the holds of an address, a channel and the node are.
final class ParkingIndex {
    /// Requests held at once, at most.
    struct Limits {
        var node = Int.max
        var perAddress = Int.max
    }

    /// Which limit a request would have exceeded.
    enum Excess: String, CaseIterable { case node, channel, address }

    private struct Place {
        let group: HoldGroup
        let ticket: UInt64
        let channel: ChannelHolds
    }

    /// Lower ones send nobody away who waits already.
    var limits: Limits
    private var places: [Exchange: Place] = [:]
    private var lastTicket: UInt64 = 0
    private(set) var counters = HoldCounters()
    let releases: ReleaseQueue
    /// The data plane's.
    let eventLoop: any EventLoop

    init(limits: Limits, eventLoop: any EventLoop) {
        self.limits = limits
        self.eventLoop = eventLoop
        releases = ReleaseQueue(eventLoop: eventLoop)
        releases.index = self
    }

    /// Requests parked on the whole origin.
    var count: Int { places.count }

    /// The limit that one more request would exceed, which it is then refused for.
    func excess(_ exchange: Exchange, on channel: ChannelHolds) -> Excess? {
        let excess: Excess
        if places.count >= limits.node {
            excess = .node
        } else if channel.count >= channel.limit {
            excess = .channel
        } else if let address = exchange.address, address.parked >= limits.perAddress {
            excess = .address
        } else {
            return nil
        }
        counters.refused[excess, default: 0] += 1
        return excess
    }

    func park(_ exchange: Exchange, in group: HoldGroup, of channel: ChannelHolds, deadline: NIODeadline) {
        lastTicket += 1
        group.add(exchange, ticket: lastTicket, deadline: deadline)
        places[exchange] = Place(group: group, ticket: lastTicket, channel: channel)
        channel.count += 1
        exchange.address?.parked += 1
        exchange.parked()
        counters.parked += 1
    }

    /// The client has gone.
    func cancel(_ exchange: Exchange) {
        guard let place = forget(exchange) else { return }
        place.group.cancel(ticket: place.ticket)
        counters.abandoned += 1
    }

    /// The request has been taken out of its group to be answered.
    func answered(_ exchange: Exchange) {
        forget(exchange)
        exchange.released()
    }

    func noteExpired() { counters.expired += 1 }

    @discardableResult
    private func forget(_ exchange: Exchange) -> Place? {
        guard let place = places.removeValue(forKey: exchange) else { return nil }
        place.channel.count -= 1
        exchange.address?.parked -= 1
        return place
    }
}

/// The holds of one channel, over all of its presentations.
final class ChannelHolds {
    let limit: Int
    fileprivate(set) var count = 0

    init(limit: Int) { self.limit = limit }
}

/// Counts of holds since the origin's start.
struct HoldCounters {
    var parked: UInt64 = 0
    /// Answered 503, because nothing came in time.
    var expired: UInt64 = 0
    /// Left by their clients.
    var abandoned: UInt64 = 0
    var refused: [ParkingIndex.Excess: UInt64] = [:]
}
