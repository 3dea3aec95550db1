/// Rules over one state of a media playlist.
extension PlaylistRules {
    /// Looks at one playlist by itself.
    package static func check(_ playlist: MediaPlaylist) -> [RuleResult] {
        var ledger = Ledger()
        checkHead(playlist, &ledger)
        checkDurations(playlist, &ledger)
        checkParts(playlist, &ledger)
        checkHints(playlist, &ledger)
        checkSegments(playlist, &ledger)
        return ledger.results
    }

    private static func checkHead(_ playlist: MediaPlaylist, _ ledger: inout Ledger) {
        let target = Duration.seconds(playlist.targetDuration)
        let control = playlist.serverControl
        ledger.look(at: .version) { findings in
            let needed = neededVersion(playlist)
            // A delta update that could skip date ranges may say so though it skips none.
            let most = playlist.skip?.removedDateRanges == nil ? needed : 10
            if !(needed...max(needed, most)).contains(playlist.version) {
                findings.append("it is \(playlist.version); \(needed) is needed.")
            }
        }
        ledger.look(at: .blockingReloadOffered) { findings in
            if playlist.hasParts, !playlist.hasEnded, control?.canBlockReload != true {
                findings.append("CAN-BLOCK-RELOAD=YES is missing.")
            }
        }
        ledger.look(at: .skipBoundary) { findings in
            if let boundary = control?.canSkipUntil, boundary < target * 6 {
                findings.append("it is \(boundary.inSeconds) s, less than \(target.inSeconds * 6) s.")
            }
        }
        ledger.look(at: .holdBack) { findings in
            if let holdBack = control?.holdBack, holdBack < target * 3 {
                findings.append("it is \(holdBack.inSeconds) s, less than \(target.inSeconds * 3) s.")
            }
        }
        ledger.look(at: .partHoldBack) { findings in
            guard let partTarget = playlist.partTarget else { return }
            guard let holdBack = control?.partHoldBack else { return findings.append("it is missing.") }
            // Part targets are rounded up: 1.0 is three times 0.33334 (9.11).
            if holdBack + .milliseconds(1) < partTarget * 3 {
                findings.append("it is \(holdBack.inSeconds) s, less than \(partTarget.inSeconds * 3) s.")
            }
        }
        ledger.look(at: .discontinuitySequenceTag) { findings in
            // Where a type stands, nothing is ever removed.
            if !playlist.hasEnded, playlist.discontinuitySequence == nil, playlist.playlistType == nil,
                playlist.segments.contains(where: \.isDiscontinuity)
            {
                findings.append("the tag is missing.")
            }
        }
        ledger.look(at: .noPlaylistTypeWhenLive) { findings in
            if let type = playlist.playlistType, !playlist.hasEnded, playlist.mediaSequence > 0 {
                findings.append("it is \(type), and media sequence \(playlist.mediaSequence) tells of removed ones.")
            }
        }
    }

    /// The version that the tags of a playlist need (section 8), as far as the model knows them.
    private static func neededVersion(_ playlist: MediaPlaylist) -> Int {
        var needed = playlist.leastVersion
        if playlist.segments.contains(where: { $0.byteRange != nil }) { needed = max(needed, 4) }
        if playlist.segments.contains(where: { $0.map != nil }) { needed = max(needed, 6) }
        if let skip = playlist.skip { needed = max(needed, skip.removedDateRanges?.isEmpty == false ? 10 : 9) }
        return needed
    }

    private static func checkDurations(_ playlist: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .segmentWithinTarget) { findings in
            for segment in playlist.segments {
                guard let duration = segment.duration else { continue }
                if duration >= .seconds(playlist.targetDuration) + .milliseconds(500) {
                    findings.append("segment \(segment.sequence) lasts \(duration.inSeconds) s.")
                }
            }
        }
        ledger.look(at: .partsMakeSegment) { findings in
            for segment in playlist.segments where !segment.parts.isEmpty {
                guard let duration = segment.duration else { continue }
                let parts = segment.parts.reduce(Duration.zero) { $0 + $1.duration }
                let difference = parts > duration ? parts - duration : duration - parts
                if difference > roundingTolerance {
                    findings.append(
                        "segment \(segment.sequence) lasts \(duration.inSeconds) s, its parts \(parts.inSeconds) s.")
                }
            }
        }
    }

    private static func checkParts(_ playlist: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .partTargetDeclared) { findings in
            if playlist.hasParts, playlist.partTarget == nil { findings.append("EXT-X-PART-INF is missing.") }
        }
        ledger.look(at: .partWithinTarget) { findings in
            guard let target = playlist.partTarget else { return }
            forEachPart(playlist) { segment, index, part in
                if part.duration > target {
                    findings.append("part \(segment.sequence).\(index) lasts \(part.duration.inSeconds) s.")
                }
            }
        }
        ledger.look(at: .partFillsTarget) { findings in
            guard let target = playlist.partTarget else { return }
            forEachPart(playlist) { segment, index, part in
                // The last part so far of an open segment may turn out to be its last.
                let next = index + 1 < segment.parts.count ? segment.parts[index + 1] : nil
                guard let next, !part.isIndependent, !part.isGap, !next.isGap else { return }
                if part.duration * 100 < target * 85 {
                    findings.append("part \(segment.sequence).\(index) lasts only \(part.duration.inSeconds) s.")
                }
            }
        }
        ledger.look(at: .partsOnlyNearEnd) { findings in
            let limit = Duration.seconds(playlist.targetDuration) * 3
            var fromEnd = Duration.zero
            for segment in playlist.segments.reversed() {
                if fromEnd > limit, !segment.parts.isEmpty {
                    findings.append("segment \(segment.sequence) ends \(fromEnd.inSeconds) s from the end.")
                }
                fromEnd += segment.mediaDuration
            }
        }
        ledger.look(at: .partsWithoutHoles) { findings in
            guard !playlist.hasEnded else { return }
            let withParts = playlist.segments.drop { $0.parts.isEmpty }
            for segment in withParts where segment.parts.isEmpty && !segment.isGap {
                findings.append("segment \(segment.sequence) has none, though one before it has.")
            }
        }
    }

    private static func forEachPart(
        _ playlist: MediaPlaylist, _ look: (MediaPlaylist.Segment, Int, MediaPlaylist.Part) -> Void
    ) {
        for segment in playlist.segments {
            for (index, part) in segment.parts.enumerated() { look(segment, index, part) }
        }
    }

    private static func checkHints(_ playlist: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .oneHint) { findings in
            let parts = playlist.hints.count { $0.type == "PART" }
            let maps = playlist.hints.count { $0.type == "MAP" }
            if playlist.hasEnded {
                if parts + maps > 0 { findings.append("it has ended and hints \(parts + maps).") }
            } else if playlist.hasParts, parts != 1 {
                findings.append("it hints \(parts) parts.")
            } else if parts > 1 || maps > 1 {
                findings.append("it hints \(parts) parts and \(maps) maps.")
            }
        }
        ledger.look(at: .hintIsNext) { findings in
            for hint in playlist.hints where hint.type == "PART" && hint.byteRangeStart == nil {
                forEachPart(playlist) { segment, index, part in
                    if part.uri == hint.uri {
                        findings.append("it is part \(segment.sequence).\(index), which is listed.")
                    }
                }
            }
        }
        ledger.look(at: .reportsComplete) { findings in
            for report in playlist.reports {
                if report.lastSequence == nil { findings.append("the one on \(report.uri) has no LAST-MSN.") }
                if report.lastPart == nil, playlist.hasParts {
                    findings.append("the one on \(report.uri) has no LAST-PART.")
                }
            }
        }
    }

    /// How names of fragmented MP4 end.
    private static let fragmentedNames = [".m4s", ".mp4", ".m4v", ".m4a", ".cmfv", ".cmfa"]

    private static func checkSegments(_ playlist: MediaPlaylist, _ ledger: inout Ledger) {
        ledger.look(at: .endedWithoutOpenSegment) { findings in
            if playlist.hasEnded, let last = playlist.segments.last, last.duration == nil {
                findings.append("segment \(last.sequence) is open.")
            }
        }
        ledger.look(at: .programDateTime) { findings in
            // In a delta update it may stand with a skipped segment.
            guard !playlist.segments.isEmpty, playlist.skip == nil else { return }
            if !playlist.segments.contains(where: { $0.programDateTime != nil }) { findings.append("there is none.") }
        }
        ledger.look(at: .discontinuityDated) { findings in
            guard playlist.segments.contains(where: { $0.programDateTime != nil }) else { return }
            for segment in playlist.segments where segment.isDiscontinuity && segment.programDateTime == nil {
                findings.append("segment \(segment.sequence) begins with a discontinuity and has none.")
            }
        }
        ledger.look(at: .programDateTimeFollows) { findings in
            // When the media listed so far ends, since 1970.
            var end: Duration?
            for segment in playlist.segments {
                if let date = segment.programDateTime.map({ Duration.microseconds($0) }) {
                    if let end, end - date >= .seconds(1) {
                        findings.append(
                            "segment \(segment.sequence) is dated \((end - date).inSeconds) s before "
                                + "its predecessor's end.")
                    }
                    end = date
                }
                end = end.map { $0 + segment.mediaDuration }
            }
        }
        ledger.look(at: .mapForEverySegment) { findings in
            // The map of the last skipped segment carries on (4.4.4.5).
            guard playlist.skip == nil, let first = playlist.segments.first, first.map == nil else { return }
            let isFragmented = first.uri.map { uri in fragmentedNames.contains { uri.hasSuffix($0) } } ?? false
            if isFragmented || playlist.segments.contains(where: { $0.map != nil }) {
                findings.append("segment \(first.sequence) has none.")
            }
        }
        ledger.look(at: .mapChangeIsDiscontinuity) { findings in
            for (segment, next) in zip(playlist.segments, playlist.segments.dropFirst())
            where segment.map != next.map && !next.isDiscontinuity && (playlist.skip == nil || segment.map != nil) {
                findings.append("segment \(next.sequence) has another map and no discontinuity.")
            }
        }
    }
}
