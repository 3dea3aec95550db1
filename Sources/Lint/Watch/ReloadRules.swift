import HLS

/// How the reloads of one rendition are answered: in time (6.2.1), and with what was asked for (6.2.5.2).
struct ReloadRules {
    let address: WebAddress
    private var lastArrival: Duration?
    private var lastPartAt: Duration?
    /// What was refused last.
    private(set) var lastRefused: MediaPosition?
    private var refused: (wanted: MediaPosition, url: WebAddress, seen: String)?

    init(address: WebAddress) { self.address = address }

    /// A new state has come.
    mutating func arrived(at now: Duration) { lastArrival = now }

    /// What comes next does not follow what came before.
    mutating func beginAnew() { lastPartAt = nil }

    /// 6.2.1: within one part target of the last part, which was `last`.
    mutating func judgePunctuality(
        after last: MediaPosition?, target: Duration?, newPart: Bool, sentAt: Duration, desk: inout LintDesk
    ) {
        let now = desk.now
        defer { if newPart { lastPartAt = now } }
        guard let before = lastPartAt, let target, let arrival = lastArrival else { return }
        // A watch that was itself slow to ask cannot tell when the part came.
        guard sentAt - arrival < target * 0.5 else { return }
        let gap = now - before
        desk.judge(
            .partsOnTime, at: address, expected: "within \(target.text)", holds: gap <= target + desk.settings.slack,
            else: newPart ? "part \(last?.text ?? "?") was followed after \(gap.text)" : "no part for \(gap.text)")
    }

    /// 6.2.5.2: what was asked for is there.
    func judgeHold(
        _ wanted: MediaPosition, _ playlist: MediaPlaylist, held: Duration, limit: Duration, at url: WebAddress,
        desk: inout LintDesk
    ) {
        desk.judge(.holdEnds, at: url, holds: held <= limit, else: "held for \(held.text)")
        guard !playlist.hasEnded, let last = playlist.segments.last else { return }
        let segment = playlist.segments.first { $0.sequence == wanted.sequence }
        let isPastEnd =
            segment.map { $0.duration != nil && !$0.parts.isEmpty && $0.parts.count <= wanted.part } ?? false
        let shown = "the last part is \(playlist.position?.text ?? "none") after \(held.text)"
        if isPastEnd {
            desk.judge(
                .partPastEnd, at: url, expected: "part \(wanted.sequence + 1).0 or later",
                holds: last.sequence > wanted.sequence, else: shown)
        } else {
            let isThere =
                last.sequence > wanted.sequence
                || last.sequence == wanted.sequence && (last.duration != nil || last.parts.count > wanted.part)
            desk.judge(.reloadHolds, at: url, expected: "part \(wanted.text) or later", holds: isThere, else: shown)
        }
    }

    /// Which rule a refusal breaks shows when it is known whether the segment has ended.
    mutating func noteRefusal(of wanted: MediaPosition, at url: WebAddress, _ seen: String) {
        lastRefused = wanted
        refused = (wanted, url, seen)
    }

    /// A reload was refused: for a part past the end of a segment, or for one that came.
    mutating func judgeRefusal(by playlist: MediaPlaylist, desk: inout LintDesk) {
        guard let (wanted, url, seen) = refused else { return }
        refused = nil
        let segment = playlist.segments.first { $0.sequence == wanted.sequence }
        let isPastEnd = segment.map { $0.duration != nil && $0.parts.count <= wanted.part } ?? false
        desk.judge(isPastEnd ? .partPastEnd : .reloadHolds, at: url, expected: "200", seen: seen)
    }
}
