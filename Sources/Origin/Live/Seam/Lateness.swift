/// Media that comes after its time has been given to gaps: whether it catches up with the clock, or stays as late as it is.
///
/// What a line held back comes faster than it was made, and what an encoder makes after a pause does not. Times are
/// microseconds.
struct Lateness: Equatable {
    /// When it was seen first, on the clock.
    let since: Int64
    /// How far it was behind the clock then.
    let lag: Int64

    /// How long it may take to catch up before its line is moved instead.
    private static let patience: Int64 = 1_000_000

    init(of date: Int64, at now: Int64) {
        since = now
        lag = now - date
    }

    /// It makes up for at least a quarter of the time that passes: gaps can wait for it.
    func isCatchingUp(with date: Int64, at now: Int64) -> Bool { gained(with: date, at: now) * 4 >= now - since }

    /// It makes up for some, as a publisher does that sends a little faster than it plays.
    func isGaining(with date: Int64, at now: Int64) -> Bool { gained(with: date, at: now) * 40 >= now - since }

    /// It has had the time to catch up, and does not.
    func isLasting(with date: Int64, at now: Int64) -> Bool {
        now - since >= Self.patience && !isCatchingUp(with: date, at: now)
    }

    private func gained(with date: Int64, at now: Int64) -> Int64 { lag - (now - date) }
}
