import HLS

/// Answers that are compared with the whole playlist of the same moment, which may come by before or after them: delta
/// updates (6.2.5.1), and what another viewer got for the same request.
struct StateComparison {
    private struct Waiting {
        let look: PlaylistLook
        var tries = 0
    }

    /// The last whole playlists, newest last.
    private var recent: [PlaylistLook] = []
    private var deltas: [Waiting] = []
    private var twins: [Waiting] = []

    private static let remembered = 6
    private static let tries = 3

    /// A reload has brought a state.
    mutating func saw(_ state: PlaylistLook, desk: inout LintDesk) {
        recent.append(state)
        if recent.count > Self.remembered { recent.removeFirst() }
        compare(desk: &desk)
    }

    mutating func add(delta: PlaylistLook, desk: inout LintDesk) {
        deltas.append(Waiting(look: delta))
        compare(desk: &desk)
    }

    mutating func add(twin: PlaylistLook, desk: inout LintDesk) {
        twins.append(Waiting(look: twin))
        compare(desk: &desk)
    }

    /// Judges those whose whole playlist has come by; the others wait for it a while.
    private mutating func compare(desk: inout LintDesk) {
        deltas = deltas.compactMap { delta in
            guard let whole = recent.last(where: { delta.look.isOfSameMoment(as: $0) }) else {
                return Self.retried(delta)
            }
            DeltaRules.judge(delta.look.playlist, against: whole.playlist, at: delta.look.url, desk: &desk)
            return nil
        }
        twins = twins.compactMap { twin in
            let other = recent.last { $0.url == twin.look.url && twin.look.isOfSameMoment(as: $0) }
            guard let other else { return Self.retried(twin) }
            desk.judge(.sameForEveryViewer, at: twin.look.url, seen: other.difference(from: twin.look))
            return nil
        }
    }

    private static func retried(_ waiting: Waiting) -> Waiting? {
        var waiting = waiting
        waiting.tries += 1
        return waiting.tries < tries ? waiting : nil
    }
}
