/// A player's playhead without its pictures: media that arrived goes in, the moments at which it is shown come out.
///
/// Times are microseconds since 1970; media times microseconds on the rendition's own line.
package struct Playback: Sendable {
    /// Media that waits to be shown.
    package struct Waiting: Sendable, Equatable {
        package var start: Int64
        package var duration: Int64
        package var token: Int
    }

    package struct Shown: Equatable, Sendable {
        package var token: Int
        /// When its first frame is on the glass.
        package var at: Int64
    }

    package struct Stall: Equatable, Sendable {
        package var from: Int64
        package var until: Int64
    }

    private enum State {
        /// Waits for enough media around the first picture.
        case joining(first: Int64)
        case playing
        case stalled(since: Int64)
    }

    package let policy: PlayerPolicy
    private var state: State
    private var position: Int64
    private var updatedAt: Int64
    private var rate = 1.0
    private var end: Int64
    private var queue: [Waiting] = []
    private var increase: Int64 = 0
    package private(set) var startedAt: Int64?

    /// Begins at media time `first`; `now` is when it was decided.
    package init(first: Int64, bufferedFrom: Int64, policy: PlayerPolicy, at now: Int64) {
        self.policy = policy
        state = .joining(first: first)
        position = first
        end = bufferedFrom
        updatedAt = now
    }

    package var isPlaying: Bool { if case .playing = state { true } else { false } }
    package var isStalled: Bool { if case .stalled = state { true } else { false } }

    /// Since when nothing moves on the glass; nil while something does.
    package var stalledSince: Int64? { if case .stalled(let since) = state { since } else { nil } }

    /// Media time of the picture on the glass.
    package func mediaTime(at now: Int64) -> Int64 {
        guard case .playing = state else { return position }
        return min(end, position + Int64((Double(now - updatedAt) * rate).rounded()))
    }

    /// Media that follows what is buffered. `token` comes back when it is shown; nil for what is decoded only.
    package mutating func append(start: Int64, duration: Int64, token: Int?, at now: Int64, into shown: inout [Shown])
        -> Stall?
    {
        var ended: Stall?
        advance(to: now, into: &shown)
        end = start + duration
        if let token { queue.append(Waiting(start: start, duration: duration, token: token)) }
        switch state {
        case .joining(let first):
            // What lies before the first picture is decoded and not shown.
            queue.removeAll { $0.start < first }
            if end >= first + policy.startBuffer { begin(at: now) }
        case .stalled(let since):
            ended = Stall(from: since, until: now)
            increase = min(policy.longestIncrease, increase + policy.stallIncrease)
            begin(at: now)
        case .playing: break
        }
        advance(to: now, into: &shown)
        return ended
    }

    private mutating func begin(at now: Int64) {
        if startedAt == nil { startedAt = now }
        state = .playing
        updatedAt = now
    }

    /// Moves the playhead to `now`. What it passes on its way is shown at the moment at which it passes.
    package mutating func advance(to now: Int64, into shown: inout [Shown]) {
        guard case .playing = state, now > updatedAt else {
            if case .playing = state { passed(by: position, into: &shown) }
            return
        }
        let reached = position + Int64((Double(now - updatedAt) * rate).rounded())
        passed(by: min(reached, end - 1), into: &shown)
        if reached >= end {
            let ranOut = updatedAt + Int64((Double(end - position) / rate).rounded())
            state = .stalled(since: min(ranOut, now))
            position = end
        } else {
            position = reached
        }
        updatedAt = now
    }

    private mutating func passed(by target: Int64, into shown: inout [Shown]) {
        while let next = queue.first, next.start <= target {
            let at = updatedAt + Int64((Double(max(0, next.start - position)) / rate).rounded())
            shown.append(Shown(token: next.token, at: at))
            queue.removeFirst()
        }
    }

    /// Chooses the rate for what is known of the live edge.
    package mutating func steer(
        edge: Int64, edgeAt: Int64, holdBack: Int64, at now: Int64, into shown: inout [Shown]
    ) {
        // What was played until now was played at the old rate.
        advance(to: now, into: &shown)
        guard case .playing = state else { return }
        let latency = edge + max(0, now - edgeAt) - position
        let late = latency - holdBack - increase
        rate = policy.rate(late: late, ahead: end - position, holdBack: holdBack, now: rate)
    }

    /// Media that will not come: the playhead goes on behind it once that is buffered.
    package mutating func jump(to start: Int64, at now: Int64, into shown: inout [Shown]) -> Int {
        advance(to: now, into: &shown)
        let dropped = queue.count
        queue.removeAll()
        position = start
        end = start
        if case .playing = state { state = .stalled(since: now) }
        if case .joining = state { state = .joining(first: start) }
        updatedAt = now
        return dropped
    }
}
