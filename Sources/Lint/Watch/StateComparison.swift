import HLS

/// Answers that are compared with the whole playlist of the same moment, which may come by before or after them: delta
/// updates (6.2.5.1), and what another viewer got for the same request.
struct StateComparison {
    private struct Waiting {
        let playlist: MediaPlaylist
        let url: WebAddress
        var tries = 0
    }

    /// The last whole playlists, newest last.
    private var recent: [MediaPlaylist] = []
    private var deltas: [Waiting] = []
    private var twins: [Waiting] = []

    private static let remembered = 6
    private static let tries = 3

    /// A reload has brought a state.
    mutating func saw(_ playlist: MediaPlaylist, desk: inout LintDesk) {
        recent.append(playlist)
        if recent.count > Self.remembered { recent.removeFirst() }
        compare(desk: &desk)
    }

    mutating func add(delta: MediaPlaylist, at url: WebAddress, desk: inout LintDesk) {
        deltas.append(Waiting(playlist: delta, url: url))
        compare(desk: &desk)
    }

    mutating func add(twin: MediaPlaylist, at url: WebAddress, desk: inout LintDesk) {
        twins.append(Waiting(playlist: twin, url: url))
        compare(desk: &desk)
    }

    /// Judges those whose whole playlist has come by; the others wait for it a while.
    private mutating func compare(desk: inout LintDesk) {
        deltas = deltas.compactMap { delta in
            guard let whole = counterpart(of: delta.playlist) else { return Self.retried(delta) }
            DeltaRules.judge(delta.playlist, against: whole, at: delta.url, desk: &desk)
            return nil
        }
        twins = twins.compactMap { twin in
            guard var other = counterpart(of: twin.playlist) else { return Self.retried(twin) }
            // Reports tell of other renditions, which move meanwhile.
            var one = twin.playlist
            one.reports = []
            other.reports = []
            desk.judge(
                .sameForEveryViewer, at: twin.url, holds: one == other, else: "two answers differ in their lines")
            return nil
        }
    }

    private static func retried(_ waiting: Waiting) -> Waiting? {
        var waiting = waiting
        waiting.tries += 1
        return waiting.tries < tries ? waiting : nil
    }

    /// The whole playlist of the same moment.
    private func counterpart(of playlist: MediaPlaylist) -> MediaPlaylist? {
        guard let last = playlist.segments.last else { return nil }
        return recent.last { other in
            guard let end = other.segments.last else { return false }
            return other.mediaSequence == playlist.mediaSequence && end.uri == last.uri
                && end.parts.last?.uri == last.parts.last?.uri
        }
    }
}
