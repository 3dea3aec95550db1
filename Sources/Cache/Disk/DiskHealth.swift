/// Why a step of the disk tier could not be done.
package enum DiskFailure: Sendable, Equatable {
    /// The file is not there, or shorter than it was.
    case missing
    /// There is no room: what is held can be read.
    case full
    /// The disk, or the right to it, is gone.
    case broken
}

/// Whether the disk is used: after a failure it is left alone for a while, longer each time, and tried with one write.
struct DiskHealth {
    private enum State {
        /// Not opened yet, or not since that failed.
        case closed
        case working
        case failing(DiskFailure)
        /// One write is under way, on whose end it depends.
        case trying(DiskFailure)
    }

    enum Verdict { case yes, no, reopen }

    private let budgetBytes: Int
    private var state = State.closed
    private var retryAt: ContinuousClock.Instant?
    private var delay = firstDelay
    private var roomBytes: Int?
    private var roomUntil: ContinuousClock.Instant?

    private static let firstDelay = Duration.seconds(2)
    private static let longestDelay = Duration.seconds(60)
    /// How long a disk that was full is taken to have no more room than it had then.
    private static let roomTime = Duration.seconds(600)

    init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    var isWorking: Bool { if case .working = state { true } else { false } }

    /// Whether what is held can be had: of a full disk it can.
    var reads: Bool {
        switch state {
        case .working, .failing(.full), .trying(.full): true
        case .closed, .failing, .trying: false
        }
    }

    /// Bytes that files may take: fewer than the budget where the disk was found to have no room for it.
    func limit(at now: ContinuousClock.Instant) -> Int {
        guard let roomBytes, let roomUntil, now < roomUntil else { return budgetBytes }
        return min(budgetBytes, roomBytes)
    }

    /// Something is to be written: whether it may.
    mutating func offered(at now: ContinuousClock.Instant) -> Verdict {
        switch state {
        case .working: return .yes
        case .trying: return .no
        case .closed:
            guard let retryAt, now >= retryAt else { return .no }
            self.retryAt = nil
            return .reopen
        case .failing(let failure):
            guard let retryAt, now >= retryAt else { return .no }
            state = .trying(failure)
            return .yes
        }
    }

    /// The write was not made after all.
    mutating func withdrawn() { if case .trying(let failure) = state { state = .failing(failure) } }

    mutating func opened() -> Bool {
        let wasFailing = delay != Self.firstDelay
        state = .working
        retryAt = nil
        delay = Self.firstDelay
        return wasFailing
    }

    /// A write was done. True when the disk works again.
    mutating func worked() -> Bool {
        guard case .trying = state else { return false }
        state = .working
        retryAt = nil
        delay = Self.firstDelay
        return true
    }

    /// A step was not done. True when that is news.
    mutating func failed(_ failure: DiskFailure, holding bytes: Int, at now: ContinuousClock.Instant) -> Bool {
        if failure == .full {
            roomBytes = bytes
            roomUntil = now + Self.roomTime
        }
        var isNews = true
        switch state {
        case .closed: isNews = delay == Self.firstDelay
        case .working: state = .failing(failure)
        case .failing(let earlier):
            // What began before the failure was known says nothing new, unless it is worse.
            guard earlier == .full, failure == .broken else { return false }
            state = .failing(failure)
        case .trying(let earlier):
            isNews = earlier == .full && failure == .broken
            state = .failing(failure)
        }
        retryAt = now + delay
        delay = min(Self.longestDelay, delay * 2)
        return isNews
    }
}
