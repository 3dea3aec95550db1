import Media

/// How a presentation goes on in another process.
extension PublishSeam {
    /// What is added to numbers of fragments, of which some may not have been recorded.
    private static let reservedFragments: UInt32 = 100_000

    /// Takes up what an origin before this one had listed, of whose media nothing is left: its renditions go on as gaps, and
    /// its publisher may return.
    mutating func restore(
        _ tracks: [(section: InitSection, fragments: UInt32)], line: LineState, at now: Int64,
        into events: inout [PackagerEvent]
    ) {
        self.line = line
        // As far behind the clock as a stall leaves it.
        let end = now - 2 * limits.part
        let first = cut(at: end, isDiscontinuity: true)
        for (section, fragments) in tracks {
            var track = SeamTrack(kind: section.kind)
            track.last = first.sequence - 1
            track.end = end
            track.due = now
            track.gaps = 1
            track.isBroken = true
            track.initSection = section
            // What came after the state was written is not known: its names and numbers are left out.
            track.nextInit = section.number + 1_000
            track.fragments = fragments &+ Self.reservedFragments
            track.sentBy = publishes
            self[section.kind] = track
            events.append(.track(section))
        }
    }

    // MARK: With its media

    /// Takes up one step of what an origin before this one had listed. All of them are followed by `goOn`.
    mutating func restore(_ record: MediaRecord) {
        switch record {
        case .file, .discontinuity: return
        case .line(let line): self.line = line
        case .track(let track):
            let (kind, publishes) = (track.isVideo ? MediaKind.video : .audio, publishes)
            if self[kind] == nil { self[kind] = SeamTrack(kind: kind) }
            self[kind]?.initSection = track.section
            // Sections after it may not have been recorded.
            self[kind]?.nextInit = track.initNumber + 1_000
            self[kind]?.fragments = track.fragments &+ Self.reservedFragments
            self[kind]?.sentBy = publishes
        case .segment(let start):
            restoreCut(start)
            self[start.kind]?.last = start.sequence
            self[start.kind]?.isOpen = true
            self[start.kind]?.start = start.programDateTimeMicroseconds
            self[start.kind]?.end = start.programDateTimeMicroseconds
            self[start.kind]?.parts = 0
            self[start.kind]?.holdsMedia = false
            self[start.kind]?.seconds = 0
            self[start.kind]?.endIsHinted = false
        case .part(let part):
            restorePart(part.kind, lasting: part.duration, isLikelyLast: part.isLikelyLast)
            self[part.kind]?.decodeEnd = part.decodeEnd
            self[part.kind]?.fragments &+= 1
            self[part.kind]?.gaps = 0
            if !part.isGap { self[part.kind]?.holdsMedia = true }
        case .gap(let kind, _, let duration, let isLikelyLast):
            restorePart(kind, lasting: duration, isLikelyLast: isLikelyLast)
            self[kind]?.gaps += 1
        case .segmentEnd(let kind, _, _): self[kind]?.isOpen = false
        }
    }

    private mutating func restoreCut(_ start: SegmentStart) {
        guard start.sequence >= nextSequence else { return }
        // No rendition began the numbers in between.
        nextSequence = start.sequence
        _ = cut(at: start.programDateTimeMicroseconds, isDiscontinuity: start.isDiscontinuity)
    }

    private mutating func restorePart(_ kind: MediaKind, lasting duration: Double, isLikelyLast: Bool) {
        self[kind]?.parts += 1
        self[kind]?.seconds += duration
        self[kind]?.end += Int64((duration * 1e6).rounded())
        self[kind]?.endIsHinted = isLikelyLast
    }

    /// Lists gaps up to `now` after what was restored. What was hinted comes, as a gap.
    ///
    /// The last moments of the process before may not have been recorded: the segment under way ends, and so does the
    /// one after it, of which a part may have been listed. No name that may have been used is given to other media.
    mutating func goOn(at now: Int64, into events: inout [PackagerEvent]) {
        for kind in [MediaKind.video, .audio] {
            // A rendition of which nothing was listed begins anew.
            if self[kind]?.last == nil { self[kind] = nil }
            self[kind]?.isBroken = true
            self[kind]?.due = now
        }
        guard let end = [video?.end, audio?.end].compactMap(\.self).max() else { return }
        let next = cut(at: end + 2 * Self.tolerance, isDiscontinuity: false)
        for kind in [MediaKind.video, .audio] where self[kind] != nil {
            fill(kind, until: next.time, into: &events)
            _ = bring(kind, to: next.sequence, until: next.time, into: &events)
            openGap(kind, into: &events)
            listGap(kind, until: next.time + 2 * Self.tolerance, into: &events)
            // As far behind the clock as a stall leaves it.
            let due = (self[kind]?.end ?? now) + 2 * limits.part
            self[kind]?.due = due
        }
        keep(at: now, into: &events)
    }
}
