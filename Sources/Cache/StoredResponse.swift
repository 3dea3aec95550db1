import HTTP

/// An answer from upstream as the cache keeps it.
package final class StoredResponse {
    /// Without the fields that speak of one connection.
    package let head: ResponseHead
    package let body: SharedBody
    package let freshness: Freshness
    private let storedAt: ContinuousClock.Instant
    private let freshUntil: ContinuousClock.Instant
    /// What its owner has made of its head to serve it: kept as long as the answer is.
    package var served: AnyObject?

    package init(head: ResponseHead, body: SharedBody, freshness: Freshness, at now: ContinuousClock.Instant) {
        var kept = head
        let hop = HopByHop(head.fields)
        kept.fields.removeAll { name, _ in hop.contains(name) || name.isEqual(to: "age") }
        self.head = kept
        self.body = body
        self.freshness = freshness
        storedAt = now
        freshUntil = now + .seconds(freshness.lifetime - Double(freshness.initialAge))
    }

    /// The same answer with its body elsewhere.
    init(_ other: StoredResponse, body: SharedBody) {
        head = other.head
        self.body = body
        freshness = other.freshness
        storedAt = other.storedAt
        freshUntil = other.freshUntil
    }

    /// The head as those get it who did not cause its fetch: without what `no-cache` or `private` withholds by name.
    package var reusedHead: ResponseHead {
        guard !freshness.withheld.isEmpty else { return head }
        var reused = head
        reused.fields.removeAll { name, _ in
            freshness.withheld.contains { withheld in
                withheld.count == name.count
                    && zip(withheld, name).allSatisfy { ($0 &- 0x41 < 26 ? $0 | 0x20 : $0) == $1 }
            }
        }
        return reused
    }

    /// Seconds since it left its origin (RFC 9111, 4.2.3).
    package func age(at now: ContinuousClock.Instant) -> Int {
        freshness.initialAge + Int(storedAt.duration(to: now).components.seconds)
    }

    /// Seconds for which it stays fresh; negative once it is stale.
    package func remaining(at now: ContinuousClock.Instant) -> Int {
        Int((freshness.lifetime - seconds(at: now)).rounded(.down))
    }

    /// Until when `age` and `remaining` stay what they are now.
    package func steadyUntil(_ now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let age = seconds(at: now)
        let rest = freshness.lifetime - age
        return now + .seconds(min(age.rounded(.down) + 1 - age, rest - rest.rounded(.down)))
    }

    func isFresh(at now: ContinuousClock.Instant) -> Bool { now < freshUntil }

    /// Whether it may stand in for an upstream that fails.
    func maySubstitute(at now: ContinuousClock.Instant) -> Bool {
        !freshness.mustRevalidate && seconds(at: now) < freshness.lifetime + freshness.staleIfError
    }

    /// Whether it is served while it is asked about (RFC 5861, 3).
    func mayServeWhileRevalidating(at now: ContinuousClock.Instant) -> Bool {
        !freshness.mustRevalidate && seconds(at: now) < freshness.lifetime + freshness.staleWhileRevalidate
    }

    /// Whether a request with these wishes takes it without the upstream being asked (RFC 9111, 5.2.1).
    func satisfies(_ control: CacheControl, at now: ContinuousClock.Instant) -> Bool {
        if control.noCache { return false }
        let age = seconds(at: now)
        if age >= freshness.lifetime {
            guard let maxStale = control.maxStale, !freshness.mustRevalidate, control.maxAge == nil else {
                return false
            }
            return age - freshness.lifetime <= Double(maxStale)
        }
        // RFC 8246, 2: a reload asks nothing about what never changes.
        if let maxAge = control.maxAge, age > Double(maxAge), !freshness.isImmutable { return false }
        return freshness.lifetime - age >= Double(control.minFresh ?? 0)
    }

    /// After a soft purge: from now on it is asked about before it is used, and stands in for an upstream that fails.
    func aged(at now: ContinuousClock.Instant) -> StoredResponse {
        StoredResponse(
            head: head, body: body, freshness: freshness.expired(at: age(at: now)), at: now)
    }

    private func seconds(at now: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = storedAt.duration(to: now).components
        return Double(freshness.initialAge) + Double(seconds) + Double(attoseconds) * 1e-18
    }
}
