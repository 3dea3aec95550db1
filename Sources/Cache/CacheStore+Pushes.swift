import HTTP

/// What those who push objects want to know of the cache, and what they take from it.
extension CacheStore {
    /// What there is of a target, whoever asked for it: something whole and fresh, or fetches under way.
    package struct Holding {
        package var held: StoredResponse?
        /// A fetch of it has begun to bring bytes.
        package var isFilling = false
        /// Fetches that have brought nothing yet.
        package var led: [FillID] = []
    }

    /// Looks at a target in every class of clients. Counts as no request.
    package func holding(of target: HTTPBytes, at now: ContinuousClock.Instant) -> Holding {
        var holding = Holding()
        for key in CacheKey.all(of: target) {
            if let newest = table.newest(key), newest.isFresh(at: now) { holding.held = newest }
            for id in fillsOfKey[key] ?? [] {
                if fills[id]?.response == nil { holding.led.append(id) } else { holding.isFilling = true }
            }
        }
        return holding
    }

    /// Someone else brings what this fetch was to bring: it is forgotten, and its waiters are the caller's, in order.
    package func handOver(_ id: FillID) -> [WaiterID] {
        guard let fill = removeFill(id) else { return [] }
        return fill.order.filter { fill.waiters[$0] != nil }
    }
}
