/// Compares preload hints with the parts that follow them.
extension PlaylistRules {
    /// 4.4.5.3: what comes next has the URI that was hinted. 6.2.6 lets a server withdraw a hint where the planned segmentation
    /// changes, which must show: a segment that ends before its time, one that goes on past it, a discontinuity or a gap.
    static func checkHint(_ earlier: MediaPlaylist, _ later: MediaPlaylist, _ ledger: inout Ledger) {
        var (broken, withdrawn): ([String], [String]) = ([], [])
        if let hint = earlier.hints.first(where: { $0.type == "PART" }),
            let outcome = HintOutcome(of: hint, in: earlier, by: later)
        {
            let text = "\(hint.text) was hinted, and \(outcome.seen)."
            if outcome.isReplanned { withdrawn.append(text) } else { broken.append(text) }
        }
        ledger.look(at: .hintComesTrue) { $0 = broken }
        ledger.look(at: .hintedPartPublished) { $0 = withdrawn }
    }
}

/// How a hint failed to come true.
private struct HintOutcome {
    let seen: String
    /// The planned segmentation has changed since.
    let isReplanned: Bool

    /// Nil where the hint came true, or where that cannot be told yet, or not any more.
    init?(of hint: MediaPlaylist.PreloadHint, in earlier: MediaPlaylist, by later: MediaPlaylist) {
        guard let last = earlier.segments.last else { return nil }
        let isOpen = last.duration == nil
        // The hint is of the segment that is open, or of the next.
        let sequence = isOpen ? last.sequence : last.sequence + 1
        let index = isOpen ? last.parts.count : 0
        // The window has passed over it.
        if let first = later.segments.first, first.sequence > sequence { return nil }
        let usual = Self.usualDuration(later, except: sequence)
        let now = later.hints.first { $0.type == "PART" }
        guard let segment = later.segments.first(where: { $0.sequence == sequence }), segment.parts.count > index else {
            let ended = later.segments.first { $0.sequence == sequence && $0.duration != nil }
            // A finished segment without parts has lost their tags.
            if let ended, ended.parts.isEmpty { return nil }
            let next = later.segments.first { $0.sequence == sequence + 1 }
            if let ended, let came = next?.parts.first {
                guard !hint.is(came) else { return nil }
                seen = "\(came.text) came"
                isReplanned = Self.hasChanged(ended, next, usual, later)
                return
            }
            guard let now, now != hint else { return nil }
            seen = "\(now.text) is hinted now"
            isReplanned = ended.map { Self.hasChanged($0, next, usual, later) } ?? later.announcesDiscontinuity
            return
        }
        let came = segment.parts[index]
        guard !hint.is(came) else { return nil }
        seen = "\(came.text) came"
        let before = segment.parts[..<index]
        let elapsed = before.reduce(Duration.zero) { $0 + $1.duration }
        // A segment that was to be over went on: by its name the hint is of another.
        let wasToEnd =
            hint.uri != came.uri && before.last.map { MediaNames.follows(hint.uri, after: $0.uri) == false } ?? false
        isReplanned =
            came.isGap || before.last?.isGap == true || wasToEnd && usual.map { elapsed * 2 >= $0 } ?? true
    }

    /// Whether a segment ended otherwise than its predecessors.
    private static func hasChanged(
        _ segment: MediaPlaylist.Segment, _ next: MediaPlaylist.Segment?, _ usual: Duration?, _ playlist: MediaPlaylist
    ) -> Bool {
        let isBroken =
            segment.isGap || segment.parts.contains(where: \.isGap) || next?.parts.first?.isGap == true
            || playlist.announcesDiscontinuity
            || next.map { $0.isDiscontinuity || $0.map != segment.map } ?? false
        guard !isBroken, let usual else { return true }
        return segment.mediaDuration < usual - (playlist.partTarget ?? .zero) * 0.5
    }

    /// The middle of the durations of finished segments; nil where there are too few to tell.
    private static func usualDuration(_ playlist: MediaPlaylist, except sequence: Int64) -> Duration? {
        let durations = playlist.segments.filter { $0.sequence != sequence }.compactMap(\.duration).sorted()
        return durations.count < 2 ? nil : durations[durations.count / 2]
    }
}

extension MediaPlaylist.PreloadHint {
    fileprivate var text: String { byteRangeStart.map { "\(uri) from byte \($0)" } ?? uri }

    /// Whether this part is the one that was hinted.
    fileprivate func `is`(_ part: MediaPlaylist.Part) -> Bool {
        guard uri == part.uri else { return false }
        guard let range = part.byteRange else { return byteRangeStart ?? 0 == 0 }
        // A range without a start goes on where the part before it ended.
        return range.start.map { $0 == byteRangeStart ?? 0 } ?? true
    }
}

extension MediaPlaylist.Part {
    fileprivate var text: String { (byteRange?.start).map { "\(uri) from byte \($0)" } ?? uri }
}
