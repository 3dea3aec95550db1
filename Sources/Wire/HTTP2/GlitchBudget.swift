/// What a peer may ask of a connection beside its requests. Each frame that is legal and yet leads nowhere costs points;
/// points come back with time and with what is really carried. Who runs out of them is told to calm down and cut: the
/// sum bounds every flood, whichever frame it is made of, and those not thought of yet.
///
/// Knows no session and no clock.
package struct GlitchBudget: Sendable {
    package enum Glitch: Sendable, Equatable, CaseIterable {
        /// PING or its answer unasked: each makes an answer.
        case ping
        case settings
        case windowUpdate
        /// PRIORITY and PRIORITY_UPDATE.
        case priority
        /// DATA that carries next to nothing and ends nothing.
        case emptyData
        /// RST_STREAM of the peer (rapid reset, CVE-2023-44487).
        case reset
        /// A frame because of which this side resets a stream (MadeYouReset, CVE-2025-8671).
        case provokedReset
        /// A stream beyond those that are allowed at once.
        case refusedStream
        /// A head that is refused: too large, malformed.
        case refusedHead

        /// Points.
        package var cost: Int {
            switch self {
            case .ping, .windowUpdate, .priority: 2
            case .settings, .emptyData: 5
            case .reset: 4
            case .provokedReset, .refusedStream: 10
            case .refusedHead: 20
            }
        }
    }

    /// Points at hand at most: a burst.
    package static let capacity = 2_000
    /// Points that come back each second.
    package static let perSecond = 500
    /// Bytes of bodies carried that bring one point back: a window update each 16 kB is free.
    package static let bytesPerPoint = 4_096

    private var points = GlitchBudget.capacity
    private var bytesTowardsPoint = 0
    private var refilledAt: UInt64

    /// `now` in nanoseconds of any clock that does not go back.
    package init(now: UInt64) { refilledAt = now }

    /// False when the peer has run out of points.
    package mutating func spend(_ glitch: Glitch, now: UInt64) -> Bool {
        if points < glitch.cost { refill(now) }
        points -= glitch.cost
        if points >= 0 { return true }
        points = 0
        return false
    }

    /// Bytes of bodies were sent or received.
    package mutating func carried(_ bytes: Int) {
        bytesTowardsPoint += bytes
        guard bytesTowardsPoint >= Self.bytesPerPoint else { return }
        points = min(Self.capacity, points + bytesTowardsPoint / Self.bytesPerPoint)
        bytesTowardsPoint %= Self.bytesPerPoint
    }

    private mutating func refill(_ now: UInt64) {
        guard now > refilledAt else { return }
        let elapsed = min(now - refilledAt, 3_600_000_000_000)
        let gained = Int(elapsed / (1_000_000_000 / UInt64(Self.perSecond)))
        guard gained > 0 else { return }
        points = min(Self.capacity, points + gained)
        refilledAt = now
    }
}
