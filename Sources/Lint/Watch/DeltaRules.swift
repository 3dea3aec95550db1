import HLS

/// A delta update against the whole playlist of the same moment (6.2.5.1).
enum DeltaRules {
    static func judge(
        _ delta: MediaPlaylist, against whole: MediaPlaylist, at url: WebAddress, desk: inout LintDesk
    ) {
        guard let boundary = whole.serverControl?.canSkipUntil, !whole.hasEnded else { return }
        // How far the end of each segment is from the playlist's.
        var fromEnd = Duration.zero
        var distances: [Duration] = []
        for segment in whole.segments.reversed() {
            distances.append(fromEnd)
            fromEnd += segment.mediaDuration
        }
        distances.reverse()
        // The open segment is in doubt: some count from the last whole one.
        let open = whole.segments.last.map { $0.duration == nil ? $0.mediaDuration : .zero } ?? .zero
        let skippable = distances.count { $0 - open > boundary }
        guard let skip = delta.skip else {
            if skippable > 0 {
                desk.judge(
                    .deltaGiven, at: url, seen: "the whole playlist, though \(skippable) segments can be skipped")
            }
            return
        }
        desk.judge(.deltaGiven, at: url, seen: nil)
        let left = whole.segments.count - delta.segments.count
        desk.judge(
            .deltaCounts, at: url, expected: "SKIPPED-SEGMENTS=\(left)", holds: skip.segments == left,
            else: "SKIPPED-SEGMENTS=\(skip.segments) with \(delta.segments.count) segments listed of "
                + "\(whole.segments.count)")
        guard skip.segments == left, left > 0, left <= distances.count else { return }
        let newest = whole.segments[left - 1]
        let distance = distances[left - 1] + newest.mediaDuration
        desk.judge(
            .deltaSkipsOld, at: url, holds: distance >= boundary,
            else: "segment \(newest.sequence) is skipped, \(distance.text) from the end of the playlist")
        desk.judge(.deltaIsWhole, at: url, seen: difference(delta, whole))
    }

    /// How the applied delta differs; nil where it does not.
    private static func difference(_ delta: MediaPlaylist, _ whole: MediaPlaylist) -> String? {
        let applied: MediaPlaylist
        do throws(DeltaError) {
            applied = try delta.applied(to: whole)
        } catch {
            return "\(error)"
        }
        let skipped = delta.skip?.segments ?? 0
        for (index, segment) in whole.segments.enumerated() {
            guard index < applied.segments.count else { return "segment \(segment.sequence) is missing" }
            var expected = segment
            // Parts of skipped segments are not listed any more.
            if index < skipped { expected.parts = [] }
            if applied.segments[index] != expected { return "segment \(segment.sequence) is not the same" }
        }
        if applied.discontinuitySequence != whole.discontinuitySequence {
            return "EXT-X-DISCONTINUITY-SEQUENCE differs"
        }
        if applied.serverControl != whole.serverControl { return "EXT-X-SERVER-CONTROL differs" }
        if applied.partTarget != whole.partTarget { return "EXT-X-PART-INF differs" }
        if applied.hasIndependentSegments != whole.hasIndependentSegments {
            return "EXT-X-INDEPENDENT-SEGMENTS differs"
        }
        if applied.hints != whole.hints { return "EXT-X-PRELOAD-HINT differs" }
        if applied.reports.map(\.uri) != whole.reports.map(\.uri) { return "EXT-X-RENDITION-REPORT differs" }
        return nil
    }
}
