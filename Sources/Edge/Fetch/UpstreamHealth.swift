/// What is known of one upstream: whether to ask it, ask it a little, or leave it alone.
///
/// A breaker. It opens at the second failure in a row, or when an upstream was left for another; then a probe goes out
/// after a time that doubles with each failure. What comes back is given few requests at first, more with each success.
struct UpstreamHealth: Equatable {
    private enum State: Equatable {
        case sound(failures: Int)
        case open(until: ContinuousClock.Instant)
        /// Answers again: asked once in a while until it has answered often enough.
        case recovering(successes: Int, next: ContinuousClock.Instant)
    }

    private var state = State.sound(failures: 0)
    private var opened = 0
    private var suspectedUntil: ContinuousClock.Instant?
    private let first: Duration
    private let longest: Duration

    /// Failures in a row at which it opens, and successes in a row at which an upstream is sound again.
    private static let failureLimit = 2
    private static let successLimit = 5
    /// Time between two requests to one that recovers.
    private static let trialEvery = Duration.milliseconds(100)

    init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    var isSound: Bool { if case .sound = state { true } else { false } }

    /// Whether a request may go there now. A request that does go is to be told by `asked`.
    func admits(at now: ContinuousClock.Instant) -> Bool {
        if let suspectedUntil, now < suspectedUntil { return false }
        return switch state {
        case .sound: true
        case .open: false
        case .recovering(_, let next): now >= next
        }
    }

    /// Whether a probe is due.
    func needsProbe(at now: ContinuousClock.Instant) -> Bool {
        if case .open(let until) = state { now >= until } else { false }
    }

    /// Another was faster, and it is not known yet whether by chance.
    mutating func suspected(until end: ContinuousClock.Instant) { suspectedUntil = end }

    mutating func asked(at now: ContinuousClock.Instant) {
        if case .recovering(let successes, _) = state {
            state = .recovering(successes: successes, next: now + Self.trialEvery)
        }
    }

    /// It has answered, whatever the answer said.
    mutating func succeeded(at now: ContinuousClock.Instant) {
        switch state {
        case .sound: state = .sound(failures: 0)
        // An answer to something asked before it was left does not clear it; a probe's does, and is told so.
        case .open: break
        case .recovering(let successes, let next):
            if successes + 1 >= Self.successLimit {
                state = .sound(failures: 0)
                opened = 0
            } else {
                state = .recovering(successes: successes + 1, next: next)
            }
        }
    }

    /// A probe was answered.
    mutating func probed(at now: ContinuousClock.Instant) {
        if case .open = state { state = .recovering(successes: 0, next: now) }
    }

    /// It failed to answer.
    mutating func failed(at now: ContinuousClock.Instant) {
        switch state {
        case .sound(let failures) where failures + 1 < Self.failureLimit: state = .sound(failures: failures + 1)
        case .open(let until) where until > now: break
        case .sound, .open, .recovering: left(at: now)
        }
    }

    /// It was too slow, or silent: another one is asked in its place. What many found at once is found once.
    mutating func left(at now: ContinuousClock.Instant) {
        if case .open(let until) = state, until > now { return }
        let doubled = first * Double(1 << min(opened, 16))
        opened += 1
        state = .open(until: now + min(doubled, longest))
    }
}
