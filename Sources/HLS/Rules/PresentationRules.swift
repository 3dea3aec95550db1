/// Rules over the media playlists of one presentation, as they stand at about the same time.
extension PlaylistRules {
    /// Looks at playlists by the URIs under which the multivariant playlist names them, such as
    /// `video/playlist.m3u8`.
    package static func check(presentation playlists: [(uri: String, playlist: MediaPlaylist)]) -> [RuleResult] {
        var ledger = Ledger()
        guard let reference = playlists.first else { return [] }
        let others = playlists.dropFirst()
        ledger.look(at: .equalTargetDurations) { findings in
            for other in others where other.playlist.targetDuration != reference.playlist.targetDuration {
                findings.append(
                    "\(other.uri) has \(other.playlist.targetDuration), "
                        + "\(reference.uri) has \(reference.playlist.targetDuration).")
            }
        }
        ledger.look(at: .equalServerControl) { findings in
            for other in others where other.playlist.serverControl != reference.playlist.serverControl {
                findings.append("that of \(other.uri) is not that of \(reference.uri).")
            }
        }
        ledger.look(at: .datesEverywhere) { findings in
            let isDated = { (playlist: MediaPlaylist) in playlist.segments.contains { $0.programDateTime != nil } }
            guard playlists.contains(where: { isDated($0.playlist) }) else { return }
            for (uri, playlist) in playlists where !isDated(playlist) { findings.append("\(uri) has none.") }
        }
        ledger.look(at: .reportForEveryOther) { findings in
            for (uri, playlist) in playlists where !playlist.hasEnded && playlist.hasParts {
                for (other, _) in playlists where other != uri {
                    // Reports are relative to the playlist that holds them, so ends are compared.
                    if !playlist.reports.contains(where: { resolves($0.uri, to: other, from: uri) }) {
                        findings.append("\(uri) has none on \(other).")
                    }
                }
            }
        }
        ledger.look(at: .matchingDiscontinuities) { findings in
            var numbers: [Int64: Int64] = [:]
            for segment in reference.playlist.segments { numbers[segment.sequence] = segment.discontinuitySequence }
            for (uri, playlist) in others {
                for segment in playlist.segments {
                    guard let number = numbers[segment.sequence], number != segment.discontinuitySequence else {
                        continue
                    }
                    findings.append(
                        "segment \(segment.sequence) has \(segment.discontinuitySequence) in \(uri) "
                            + "and \(number) in \(reference.uri).")
                }
            }
        }
        return ledger.results
    }

    /// Whether a relative URI found in the playlist `base` is the one that `target` names, both relative to the same
    /// place.
    private static func resolves(_ uri: String, to target: String, from base: String) -> Bool {
        if uri == target { return true }
        var steps = base.split(separator: "/").dropLast()
        for step in uri.split(separator: "/") {
            switch step {
            case ".": continue
            case "..": steps = steps.dropLast()
            default: steps.append(step)
            }
        }
        return steps.elementsEqual(target.split(separator: "/"))
    }
}
