import Synchronization

/// The requests that wait in all event loops of an edge, which its limits count together.
final class ParkedLedger: Sendable {
    private let counts: Mutex<ParkedCounts>

    init(limits: ParkedCounts.Limits) { counts = Mutex(ParkedCounts(limits: limits)) }

    var total: Int { counts.withLock { $0.total } }

    func setLimits(_ limits: ParkedCounts.Limits) { counts.withLock { $0.limits = limits } }

    /// As `ParkedCounts.add`.
    func add(channel: String?, address: String?) -> ParkedCounts.Excess? {
        counts.withLock { $0.add(channel: channel, address: address) }
    }

    /// As `ParkedCounts.remove`.
    func remove(channel: String?, address: String?) {
        counts.withLock { $0.remove(channel: channel, address: address) }
    }
}
