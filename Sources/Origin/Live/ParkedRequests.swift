import HLS
import NIOCore
import Wire

/// Requests of one rendition that wait for something to exist, grouped by what they wait for.
struct ParkedRequests {
    /// How a waiting request will be answered.
    enum Want: Hashable {
        case playlist(PlaylistForm)
        /// A hinted part, by its sequence number and index.
        case part(sequence: Int64, index: Int)
    }

    struct Parked {
        let exchange: Exchange
        let want: Want
        let target: HoldTarget
        let deadline: NIODeadline
    }

    private var parked: [Exchange: Parked] = [:]

    var count: Int { parked.count }

    /// Adds a request that is to be answered when its target is reached.
    mutating func park(_ request: Parked) { parked[request.exchange] = request }

    mutating func cancel(_ exchange: Exchange) { parked[exchange] = nil }

    /// Takes out everything whose target is reached. Targets repeat, so each distinct one is asked about once.
    mutating func release(where isReached: (HoldTarget) -> Bool) -> [Parked] {
        guard !parked.isEmpty else { return [] }
        var verdicts: [HoldTarget: Bool] = [:]
        var released: [Parked] = []
        for request in parked.values {
            let reached = verdicts[request.target] ?? isReached(request.target)
            verdicts[request.target] = reached
            if reached { released.append(request) }
        }
        for request in released { parked[request.exchange] = nil }
        return released
    }

    /// Takes out everything that has waited past its deadline.
    mutating func expire(at now: NIODeadline) -> [Parked] {
        let late = parked.values.filter { $0.deadline <= now }
        for request in late { parked[request.exchange] = nil }
        return late
    }

    /// Takes out everything.
    mutating func removeAll() -> [Parked] {
        defer { parked.removeAll() }
        return Array(parked.values)
    }
}

/// Where each parked request of an origin waits, so that a client that leaves is found at once.
final class ParkingIndex {
    private var places: [Exchange: LiveRendition] = [:]

    /// Requests parked on the whole origin.
    var count: Int { places.count }

    func note(_ exchange: Exchange, on rendition: LiveRendition) { places[exchange] = rendition }

    func forget(_ requests: [ParkedRequests.Parked]) {
        for request in requests { places[request.exchange] = nil }
    }

    func cancel(_ exchange: Exchange) { places.removeValue(forKey: exchange)?.cancel(exchange) }
}

/// Which of a playlist's texts a client asked for.
struct PlaylistForm: Hashable {
    let skip: SkipRequest?
    let isGzipped: Bool
}
