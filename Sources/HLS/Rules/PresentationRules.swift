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
            var known: [Int64: MediaPlaylist.Segment] = [:]
            for segment in reference.playlist.segments { known[segment.sequence] = segment }
            for (uri, playlist) in others {
                let apart = Duration.seconds(playlist.targetDuration)
                for segment in playlist.segments {
                    guard let own = known[segment.sequence], own.discontinuitySequence != segment.discontinuitySequence
                    else { continue }
                    // Renditions may count their segments from elsewhere (4.4.3.2): dates tell.
                    if let date = segment.programDateTime, let other = own.programDateTime,
                        .microseconds(abs(date - other)) > apart
                    {
                        continue
                    }
                    let number = own.discontinuitySequence
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
