/// Rules over two states of one media playlist, the second later than the first.
extension PlaylistRules {
    /// Looks at what changed. Both are whole playlists: apply a delta update first.
    package static func check(from earlier: MediaPlaylist, to later: MediaPlaylist) -> [RuleResult] {
        var ledger = Ledger()
        checkConstants(earlier, later, &ledger)
        checkNumbers(earlier, later, &ledger)
        let pairs = commonSegments(earlier, later)
        checkSegments(pairs, earlier, &ledger)
        checkParts(pairs, later, &ledger)
        checkHint(earlier, later, &ledger)
        checkNames(earlier, later, &ledger)
        return ledger.results
    }

    private typealias Pair = (earlier: MediaPlaylist.Segment, later: MediaPlaylist.Segment)

    private static func commonSegments(_ earlier: MediaPlaylist, _ later: MediaPlaylist) -> [Pair] {
        guard let first = later.segments.first?.sequence else { return [] }
        return earlier.segments.compactMap { segment in
            let index = segment.sequence - first
            guard index >= 0, index < Int64(later.segments.count) else { return nil }
            return (segment, later.segments[Int(index)])
        }
    }

    private static func checkConstants(_ earlier: MediaPlaylist, _ later: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .targetDurationConstant) { findings in
            if earlier.targetDuration != later.targetDuration {
                findings.append("it went from \(earlier.targetDuration) to \(later.targetDuration).")
            }
        }
        ledger.look(at: .partTargetConstant) { findings in
            if let before = earlier.partTarget, let after = later.partTarget, before != after {
                findings.append("it went from \(before.inSeconds) to \(after.inSeconds).")
            }
        }
        ledger.look(at: .serverControlConstant) { findings in
            if earlier.serverControl != later.serverControl { findings.append("its attributes differ.") }
        }
        ledger.look(at: .endIsFinal) { findings in
            guard earlier.hasEnded else { return }
            if !later.hasEnded { findings.append("EXT-X-ENDLIST went away.") }
            if let before = earlier.segments.last, let after = later.segments.last, after.sequence > before.sequence {
                findings.append("segment \(after.sequence) came after the end.")
            }
        }
    }

    private static func checkNumbers(_ earlier: MediaPlaylist, _ later: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .mediaSequenceNeverFalls) { findings in
            if later.mediaSequence < earlier.mediaSequence {
                findings.append("it went from \(earlier.mediaSequence) to \(later.mediaSequence).")
            }
            if let before = earlier.segments.last?.sequence, let after = later.segments.last?.sequence, after < before {
                findings.append("the last segment went from \(before) to \(after).")
            }
        }
        ledger.look(at: .discontinuitySequenceNeverFalls) { findings in
            let before = earlier.discontinuitySequence ?? 0
            let after = later.discontinuitySequence ?? 0
            if after < before { findings.append("it went from \(before) to \(after).") }
        }
        ledger.look(at: .threeTargetsRemain) { findings in
            guard !later.hasEnded, later.mediaSequence > earlier.mediaSequence else { return }
            let least = Duration.seconds(later.targetDuration) * 3
            if later.duration < least {
                findings.append("\(later.duration.inSeconds) s remain of at least \(least.inSeconds) s.")
            }
        }
    }

    private static func checkSegments(_ pairs: [Pair], _ playlist: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .discontinuitiesKeepTheirNumbers) { findings in
            for (before, after) in pairs where before.discontinuitySequence != after.discontinuitySequence {
                findings.append(
                    "segment \(before.sequence) went from \(before.discontinuitySequence) "
                        + "to \(after.discontinuitySequence).")
            }
        }
        ledger.look(at: .segmentsUnchanged) { findings in
            for (before, after) in pairs {
                var expected = before
                if before.duration == nil {
                    expected.duration = after.duration
                    expected.uri = after.uri
                    expected.byteRange = after.byteRange
                    expected.isGap = after.isGap
                }
                // A date may be given to a segment once it is the first.
                expected.programDateTime = before.programDateTime ?? after.programDateTime
                // Parts and numbers have rules of their own.
                expected.parts = after.parts
                expected.discontinuitySequence = after.discontinuitySequence
                if expected != after { findings.append("segment \(before.sequence) is not what it was.") }
            }
        }
    }

    private static func checkParts(_ pairs: [Pair], _ later: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .partsOnlyAppended) { findings in
            // Without parts is what a finished segment may be: their tags have gone, perhaps since a slow watch looked.
            for (before, after) in pairs where !(after.duration != nil && after.parts.isEmpty) {
                let isOpen = before.duration == nil
                let kept = after.parts.prefix(before.parts.count)
                if !kept.elementsEqual(before.parts) {
                    findings.append("the parts of segment \(before.sequence) changed.")
                } else if !isOpen, after.parts.count > before.parts.count {
                    findings.append("segment \(before.sequence) was complete and got more parts.")
                }
            }
        }
        ledger.look(at: .partsLeaveLate) { findings in
            let limit = Duration.seconds(later.targetDuration) * 3
            for (before, after) in pairs where after.parts.isEmpty && !before.parts.isEmpty {
                let fromEnd = later.segments.reversed().prefix { $0.sequence > after.sequence }
                    .reduce(Duration.zero) { $0 + $1.mediaDuration }
                if fromEnd <= limit {
                    findings.append("those of segment \(before.sequence) went \(fromEnd.inSeconds) s from the end.")
                }
            }
        }
    }

    private static func checkNames(_ earlier: MediaPlaylist, _ later: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .mediaNamedOnce) { findings in
            var places: [Name: MediaPosition] = [:]
            for segment in earlier.segments + later.segments {
                var media = segment.parts.enumerated().map { ($1.uri, $1.byteRange, $0) }
                // A part that is its whole segment may share its name.
                if let uri = segment.uri, segment.parts.count != 1 || segment.parts.first?.uri != uri {
                    media.append((uri, segment.byteRange, -1))
                }
                for (uri, range, index) in media {
                    // A range without a start continues the one before it: its place cannot be told from its text.
                    if let range, range.start == nil { continue }
                    let name = Name(uri: uri, start: range?.start, length: range?.length)
                    let place = MediaPosition(sequence: segment.sequence, part: index)
                    if let other = places[name], other != place {
                        findings.append("\(uri) names media of segments \(other.sequence) and \(place.sequence).")
                    }
                    places[name] = place
                }
            }
        }
    }

    /// What a URI and a byte range name together.
    private struct Name: Hashable {
        let uri: String
        let start: Int64?
        let length: Int64?
    }
}
