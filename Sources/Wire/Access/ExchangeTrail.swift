import AccessLog
import NIOCore

/// What is noted of an exchange on its way, for the access log and the metrics: numbers alone.
struct ExchangeTrail {
    /// When its head came.
    private(set) var startedAt = NIODeadline.uptimeNanoseconds(0)
    /// 0 until it is answered.
    var status: UInt16 = 0
    var cache = CacheResult.none
    /// Of the body, handed to the connection.
    var bodyBytes = 0
    /// In nanoseconds, where it was parked.
    private(set) var held: Int64?
    private(set) var upstream: Int64?
    private var parkedAt: NIODeadline?

    init() {}

    init(startedAt: NIODeadline) { self.startedAt = startedAt }

    mutating func park(at now: NIODeadline) {
        if parkedAt == nil { parkedAt = now }
    }

    mutating func release(at now: NIODeadline) {
        guard let since = parkedAt.take() else { return }
        held = (held ?? 0) + max(0, (now - since).nanoseconds)
    }

    /// The upstream's answer began so long after it was asked.
    mutating func fetched(in time: TimeAmount) { upstream = max(0, time.nanoseconds) }
}
