import Media

/// Gaps on the clock: what keeps a playlist live while its publisher stalls or is gone.
extension PublishSeam {
    /// Lists the gaps that are due at `now`. Call it some ten times a second.
    mutating func keep(at now: Int64, into events: inout [PackagerEvent]) {
        for kind in [MediaKind.video, .audio] {
            // A process that slept catches up bit by bit.
            for _ in 0..<64 {
                guard let track = self[kind], track.isListed, track.due <= now else { break }
                listGap(kind, until: nil, into: &events)
                self[kind]?.listedAt = now
            }
        }
    }

    /// Lists one part as a gap: up to a part target long, not beyond `limit` nor the next cut.
    ///
    /// A segment holds media or gaps (4.4.4.7): one that holds media ends with a short gap, for its next part was hinted, and
    /// the rest is a segment of its own. What the clock asks for first is shorter (`firstGap`), and the next one follows a
    /// part target later.
    mutating func listGap(_ kind: MediaKind, until limit: Int64?, into events: inout [PackagerEvent]) {
        guard let track = self[kind], track.isListed else { return }
        // A segment goes on until its end has been hinted: what was hinted comes (4.4.5.3).
        if track.isOpen, track.endIsHinted { close(kind, into: &events) }
        if self[kind]?.isOpen != true { openGap(kind, into: &events) }
        guard var track = self[kind], let sequence = track.last else { return }
        let stop = min(limit ?? .max, nextCut(of: track))
        let room = stop == .max ? .max : max(stop - track.end, 0)
        let left = limit == nil ? Self.firstGap - (track.end - track.mediaEnd) : 0
        let isFirst = left >= Self.tolerance
        // What is too little for a part of its own is left to the next segment's date.
        let isLast = track.holdsMedia && room >= 3 * Self.tolerance
        let longest = isLast ? Self.tolerance : isFirst ? min(left, limits.part) : limits.part
        let length = room < Self.tolerance ? Self.tolerance : min(room, longest)
        let seconds = Double(length) / 1e6
        track.parts += 1
        track.seconds += seconds
        track.gaps += 1
        track.stall.gapSeconds += seconds
        track.end += length
        if !isLast { track.due += isFirst ? limits.part : length }
        track.endIsHinted = track.holdsMedia || endsHere(track)
        self[kind] = track
        events.append(
            .gap(kind, sequence: sequence, duration: seconds, isLikelyLast: track.endIsHinted))
    }

    /// When the segment after the one under way begins, as far as it is known.
    private func nextCut(of track: SeamTrack) -> Int64 {
        if let next = track.last.flatMap({ cut(numbered: $0 + 1) }) { return next.time }
        guard track.kind == .audio, let video, video.isGapping, video.last == track.last else { return .max }
        // The picture's gap will end its segment at the first part that makes it long enough.
        let missing = max(0, gapSegment - 1_000 - (video.end - video.start))
        return video.end + (missing + limits.part - 1) / limits.part * limits.part
    }

    /// Whether the segment under way ends where what is listed ends: at the next cut, or when a gap has made it long
    /// enough. Sound waits for the picture's cuts as long as it can.
    private func endsHere(_ track: SeamTrack) -> Bool {
        let next = nextCut(of: track)
        if next != .max { return next - track.end < Self.tolerance }
        let elapsed = track.end - track.start
        if elapsed + limits.part > limits.maximumSegment + (stretchesGaps ? Self.rounding : 0) { return true }
        let leads = track.kind == .video || video?.isListed != true
        return leads && elapsed >= gapSegment - 1_000
    }

    /// What a segment's duration may be above the target, for it counts rounded (4.4.3.1), in microseconds.
    private static let rounding: Int64 = 400_000

    /// How long a segment of gaps is, in microseconds.
    private var gapSegment: Int64 {
        stretchesGaps ? min(limits.maximumSegment, limits.maximumSegment + Self.rounding - limits.part) : limits.segment
    }
}
