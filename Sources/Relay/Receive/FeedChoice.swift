/// Which upstream pushes a channel to an edge, and which one stands ready to take over.
///
/// The first in the order of preference that offers pushes is subscribed to. When nothing has come from it for a part
/// target and a little, the next is subscribed to as well: make before break. Whoever goes on first is kept. An upstream
/// that was left gets its place back once it has been sound for a while, longer each time.
package struct FeedChoice {
    package enum Effect: Equatable {
        case subscribe(SourceID)
        case unsubscribe(SourceID)
        /// Ask it for a sign of life.
        case probe(SourceID)
        /// Viewers are fed from another upstream than before.
        case moved(from: SourceID?, to: SourceID)
    }

    private struct Upstream {
        var isOffering = false
        var offeringSince: ContinuousClock.Instant?
        var isSubscribed = false
        /// When it last pushed something, or was subscribed to.
        var lastProgress: ContinuousClock.Instant?
        /// Promises since it was subscribed to, those that were not wanted included.
        var promises = 0
        /// When it first brought what the other had not.
        var aheadSince: ContinuousClock.Instant?
        var refusals = 0
        var retryAt: ContinuousClock.Instant?
        /// How often it was left.
        var timesLeft = 0
    }

    private var upstreams: [Upstream]
    package private(set) var main: SourceID?
    package private(set) var standby: SourceID?
    /// The last upstream that fed viewers.
    private var fed: SourceID?
    private var isRecovering = false

    /// What a part may be late before the next upstream is asked as well.
    package static let grace = Duration.milliseconds(100)
    /// How long the upstream that was first may still be before it is left.
    private static let patience = Duration.milliseconds(50)
    private static let recovery = Duration.seconds(10)

    package init(count: Int) { upstreams = Array(repeating: Upstream(), count: count) }

    /// Whether any upstream is subscribed to.
    package var isSubscribed: Bool { main != nil }

    /// Whether any upstream offers pushes, or did a moment ago.
    package var canFeed: Bool { upstreams.contains { $0.isOffering } }

    // MARK: Events

    /// An upstream's connection offers pushes, or is gone.
    package mutating func offers(
        _ id: SourceID, _ isOffering: Bool, at now: ContinuousClock.Instant, effects: inout [Effect]
    ) {
        guard upstreams.indices.contains(id) else { return }
        if isOffering {
            upstreams[id].offeringSince = upstreams[id].isOffering ? upstreams[id].offeringSince : now
            upstreams[id].isOffering = true
            upstreams[id].retryAt = nil
            upstreams[id].refusals = 0
        } else {
            upstreams[id].isOffering = false
            upstreams[id].offeringSince = nil
            end(id, at: now)
        }
        choose(at: now, effects: &effects)
    }

    /// A subscription ended: the connection broke, or the upstream does not push this channel (now).
    package mutating func closed(
        _ id: SourceID, isRefused: Bool, at now: ContinuousClock.Instant, effects: inout [Effect]
    ) {
        guard upstreams.indices.contains(id) else { return }
        if isRefused {
            upstreams[id].refusals += 1
            upstreams[id].retryAt = now + .milliseconds(500) * min(1 << min(upstreams[id].refusals - 1, 4), 10)
        }
        end(id, at: now)
        choose(at: now, effects: &effects)
    }

    /// A promise came in; `isNew` tells whether it was of something that nobody had brought yet.
    package mutating func promised(
        by id: SourceID, isNew: Bool, at now: ContinuousClock.Instant, effects: inout [Effect]
    ) {
        guard upstreams.indices.contains(id), upstreams[id].isSubscribed else { return }
        upstreams[id].promises += 1
        if id == main {
            upstreams[id].lastProgress = now
            if fed != id {
                effects.append(.moved(from: fed, to: id))
                fed = id
            }
            // It goes on: the other was not needed, unless it is to get its place back.
            if let other = standby, !isRecovering {
                upstreams[other].aheadSince = nil
                unsubscribe(other, effects: &effects)
                standby = nil
            }
        } else if id == standby {
            upstreams[id].lastProgress = now
            if isNew { upstreams[id].aheadSince = upstreams[id].aheadSince ?? now }
            if isRecovering, upstreams[id].promises >= 3 { takeOver(at: now, effects: &effects) }
        }
    }

    /// Called many times a second. `expected` is the time in which something new should come, nil when nothing is.
    package mutating func tick(
        at now: ContinuousClock.Instant, expected: Duration?, effects: inout [Effect]
    ) {
        choose(at: now, effects: &effects)
        guard let main, let last = upstreams[main].lastProgress, let expected else { return }
        let silence = last.duration(to: now)
        if let standby {
            let isLate = silence > expected + Self.grace
            if let ahead = upstreams[standby].aheadSince, isLate, ahead.duration(to: now) >= Self.patience {
                takeOver(at: now, effects: &effects)
            }
        } else if silence > expected + Self.grace {
            effects.append(.probe(main))
            if let other = best(except: main, at: now) {
                subscribe(other, at: now, effects: &effects)
                standby = other
                isRecovering = false
            }
        } else if let better = best(except: main, at: now), better < main, isSound(better, at: now) {
            subscribe(better, at: now, effects: &effects)
            standby = better
            isRecovering = true
        }
    }

    /// Nobody wants the channel any more.
    package mutating func stop(effects: inout [Effect]) {
        for id in upstreams.indices where upstreams[id].isSubscribed { unsubscribe(id, effects: &effects) }
        main = nil
        standby = nil
        fed = nil
    }

    // MARK: Choice

    /// An upstream to be asked: one that offers pushes and has not just refused.
    private func best(except other: SourceID? = nil, at now: ContinuousClock.Instant) -> SourceID? {
        upstreams.indices.first { id in
            id != other && upstreams[id].isOffering && upstreams[id].retryAt.map { $0 <= now } ?? true
        }
    }

    /// It has been there for long enough to get its place back.
    private func isSound(_ id: SourceID, at now: ContinuousClock.Instant) -> Bool {
        guard let since = upstreams[id].offeringSince else { return false }
        let left = max(since, upstreams[id].lastProgress ?? since)
        return left.duration(to: now) >= Self.recovery * (1 << min(upstreams[id].timesLeft, 5))
    }

    private mutating func choose(at now: ContinuousClock.Instant, effects: inout [Effect]) {
        guard main == nil else { return }
        if let standby {
            main = standby
            self.standby = nil
            isRecovering = false
            return
        }
        guard let first = best(at: now) else { return }
        subscribe(first, at: now, effects: &effects)
        main = first
    }

    private mutating func takeOver(at now: ContinuousClock.Instant, effects: inout [Effect]) {
        guard let old = main, let new = standby else { return }
        if !isRecovering { upstreams[old].timesLeft += 1 }
        unsubscribe(old, effects: &effects)
        main = new
        standby = nil
        isRecovering = false
        effects.append(.moved(from: fed, to: new))
        fed = new
    }

    private mutating func subscribe(_ id: SourceID, at now: ContinuousClock.Instant, effects: inout [Effect]) {
        upstreams[id].isSubscribed = true
        upstreams[id].lastProgress = now
        upstreams[id].promises = 0
        upstreams[id].aheadSince = nil
        effects.append(.subscribe(id))
    }

    private mutating func unsubscribe(_ id: SourceID, effects: inout [Effect]) {
        upstreams[id].isSubscribed = false
        effects.append(.unsubscribe(id))
    }

    private mutating func end(_ id: SourceID, at now: ContinuousClock.Instant) {
        upstreams[id].isSubscribed = false
        upstreams[id].lastProgress = now
        if main == id {
            main = nil
            upstreams[id].timesLeft += 1
        }
        if standby == id { standby = nil }
    }
}
