import HTTP

/// An answer from upstream as the cache keeps it.
package final class StoredResponse {
    /// Without the fields that speak of one connection.
    package let head: ResponseHead
    package let body: SharedBody
    package let freshness: Freshness
    private let storedAt: ContinuousClock.Instant

    package init(head: ResponseHead, body: SharedBody, freshness: Freshness, at now: ContinuousClock.Instant) {
        var kept = head
        kept.fields.removeAll { name, _ in Self.isHopByHop(name, in: head.fields) }
        self.head = kept
        self.body = body
        self.freshness = freshness
        storedAt = now
    }

    /// Seconds since it left its origin (RFC 9111, 4.2.3).
    package func age(at now: ContinuousClock.Instant) -> Int {
        freshness.initialAge + Int(storedAt.duration(to: now).components.seconds)
    }

    func isFresh(at now: ContinuousClock.Instant) -> Bool { seconds(at: now) < freshness.lifetime }

    /// Whether it may stand in for an upstream that fails.
    func maySubstitute(at now: ContinuousClock.Instant) -> Bool {
        !freshness.mustRevalidate && seconds(at: now) < freshness.lifetime + freshness.staleIfError
    }

    private func seconds(at now: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = storedAt.duration(to: now).components
        return Double(freshness.initialAge) + Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// RFC 9110, 7.6.1: connection fields, and those that Connection names.
    private static func isHopByHop(_ name: HTTPBytes, in fields: HTTPFields) -> Bool {
        for known: StaticString in [
            "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "trailer",
            "proxy-authenticate", "age",
        ] where name.isEqual(to: known) { return true }
        return fields.all("connection").contains { line in
            line.split(separator: UInt8(ascii: ",")).contains { $0.trimmingBlanks().elementsEqual(name) }
        }
    }
}
