import Media

/// What twin origins must agree on of how a publish is listed.
extension PublishSeam {
    /// How the publisher's segment `sequence`, which was just begun, is listed; nil where it is not, or stands beside gaps
    /// that only this origin's clock knows of. `isIndependent` tells whether a rendition's segments all were so far.
    func listing(of sequence: Int64, isIndependent: (MediaKind) -> Bool) -> ListedCut? {
        guard let known = numbers[sequence], let target = known, let leading = video ?? audio,
            leading.source?.start.sequence == sequence, leading.source?.target == target,
            let cut = cut(numbered: target)
        else { return nil }
        let tracks = [video, audio].compactMap(\.self)
        guard tracks.allSatisfy({ !$0.isGapping && !$0.isBroken }) else { return nil }
        return ListedCut(
            sequence: target, discontinuities: discontinuities(before: target), isDiscontinuity: cut.isDiscontinuity,
            dateShift: dateShift,
            tracks: tracks.map { track in
                ListedCut.Track(
                    isVideo: track.kind == .video,
                    initNumber: track.comingInit == nil ? max(0, track.nextInit - 1) : track.nextInit,
                    isIndependent: isIndependent(track.kind))
            })
    }

    /// Goes on where the twin stood at a cut. Nothing has been listed.
    mutating func join(_ listed: ListedCut, line: LineState) {
        self.line = line
        (dateShift, mustBreak) = (listed.dateShift, listed.isDiscontinuity)
        for kind in [MediaKind.video, .audio] {
            guard let told = listed.track(kind) else { continue }
            var track = SeamTrack(kind: kind)
            track.nextInit = told.initNumber
            self[kind] = track
        }
    }
}
