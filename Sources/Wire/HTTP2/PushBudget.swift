/// Pushes that one connection may make this side open: a client subscribes with one small request, and each object that is
/// pushed for it costs this side memory until the client has taken it. Knows no session and no clock.
package struct PushBudget: Sendable {
    /// Pushes that have begun and not ended.
    package private(set) var open = 0
    private let openLimit: Int
    private let perSecond: Int
    private var left: Int
    private var refilledAt: UInt64

    /// At most `openLimit` at once, and `perSecond` begin in a second, as many in a burst. `now` in nanoseconds of any clock
    /// that does not go back.
    package init(openLimit: Int, perSecond: Int, now: UInt64) {
        self.openLimit = openLimit
        self.perSecond = perSecond
        left = perSecond
        refilledAt = now
    }

    /// Whether one more may be open beside the others, of which the client takes `clientLimit` at once.
    package func hasRoom(clientLimit: Int) -> Bool { open < min(openLimit, clientLimit) }

    /// A push begins. False when it must not: there is no room, or too many have begun in this second.
    package mutating func begin(clientLimit: Int, now: UInt64) -> Bool {
        guard hasRoom(clientLimit: clientLimit) else { return false }
        if left == 0 { refill(now) }
        guard left > 0 else { return false }
        left -= 1
        open += 1
        return true
    }

    package mutating func ended() { open = max(0, open - 1) }

    private mutating func refill(_ now: UInt64) {
        guard now > refilledAt else { return }
        let elapsed = min(now - refilledAt, 1_000_000_000)
        let gained = Int(elapsed) * perSecond / 1_000_000_000
        guard gained > 0 else { return }
        left = min(perSecond, gained)
        refilledAt = now
    }
}
