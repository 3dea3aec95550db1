/// How a publish's first packets arrive: as they are made, or in a burst of what was made before (a relay's cached group of
/// pictures, a file's first seconds). Media is dated by the clock that it settles to: of all that has come, what was
/// furthest ahead arrived when it was made.
struct StartPace: Sendable {
    private var first: (stamp: Stamp, wall: Int64)?
    /// How much media has come, in microseconds.
    private var span: Int64 = 0
    /// By how much media was ahead of the clock that the first frame's arrival began, at most.
    private(set) var lead: Int64 = 0
    /// When it was last further ahead than before.
    private var grownAt: Int64 = 0

    /// How much media tells how it arrives: less than a part, so that the first one is as early as without it.
    private static let sample: Int64 = 250_000
    /// What is less far ahead is jitter.
    private static let jitter: Int64 = 150_000
    /// A burst is over when media has not gained on the clock for so long.
    private static let calm: Int64 = 200_000
    /// Longer is not waited.
    private static let longest: Int64 = 900_000
    /// What is further ahead is a jump of the stamps.
    private static let longestLead: Int64 = 60_000_000

    /// A frame has come.
    mutating func note(_ stamp: Stamp, at wall: Int64) {
        guard let first else {
            (first, grownAt) = ((stamp, wall), wall)
            return
        }
        let step = first.stamp.step(to: stamp)
        guard (0...Self.longestLead).contains(step) else { return }
        span = max(span, step)
        let ahead = step &- (wall &- first.wall)
        guard ahead > lead, ahead <= Self.longestLead else { return }
        if ahead > lead + Self.jitter / 8 { grownAt = wall }
        lead = ahead
    }

    /// It is known how media arrives; true before the first frame, which the wait for tracks bounds.
    func isSettled(at wall: Int64) -> Bool {
        guard let first else { return true }
        let elapsed = wall &- first.wall
        if lead > Self.jitter { return wall &- grownAt >= Self.calm || elapsed >= Self.longest }
        return span >= Self.sample || elapsed >= Self.sample
    }

    /// When the first frame was made, by this machine's clock.
    var began: Int64? { first.map { $0.wall &- lead } }

    /// The same in whole seconds before `date`, which origins that measure it apart agree on.
    func began(agreed date: Int64) -> Int64 { date &- (lead + 500_000) / 1_000_000 * 1_000_000 }
}
