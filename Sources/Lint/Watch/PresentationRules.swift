import HLS

/// Compares the renditions of one presentation while they are watched.
struct PresentationRules {
    /// A report of more than the watch has seen of a rendition: the rendition's next states show whether it is true.
    private struct Claim {
        let told: MediaPosition
        let at: Duration
        let by: WebAddress
        let seen: String
    }

    private var compared: [Int: [Int64: Double]] = [:]
    private var claims: [Int: Claim] = [:]

    /// A rendition has a new state.
    mutating func judge(_ watches: [RenditionWatch], newest: Int, desk: inout LintDesk) {
        guard watches.count > 1, watches.indices.contains(newest) else { return }
        let states = watches.compactMap { watch in watch.state.map { (watch.address, $0) } }
        if states.count == watches.count {
            let playlists = states.map { address, state in
                var playlist = state
                playlist.reports = state.reports.map { report in
                    var absolute = report
                    absolute.uri = address.resolving(report.uri)?.description ?? report.uri
                    return absolute
                }
                return (uri: address.description, playlist: playlist)
            }
            desk.record(PlaylistRules.check(presentation: playlists), at: watches[newest].address)
        }
        judgeReports(watches, newest: newest, desk: &desk)
    }

    private mutating func judgeReports(_ watches: [RenditionWatch], newest: Int, desk: inout LintDesk) {
        let watch = watches[newest]
        settleClaim(about: watch, desk: &desk)
        guard let state = watch.state, !state.hasEnded else { return }
        let allowed = (state.partTarget ?? .seconds(state.targetDuration)) + desk.settings.slack * 2
        for report in state.reports {
            // What a report leaves out is what this playlist's own would say (4.4.5.4).
            guard let url = watch.address.resolving(report.uri), let own = state.position,
                let other = watches.first(where: { $0.address == url }), let now = other.history.last?.position
            else { continue }
            let part = report.lastPart.map { Int(clamping: $0) } ?? (state.hasParts ? own.part : .max)
            let told = MediaPosition(sequence: report.lastSequence ?? own.sequence, part: part)
            let seen = "\(report.uri) at \(told.text) while it stands at \(now.text)"
            let due = other.history.last { desk.now - $0.at > allowed }?.position
            if told.sequence > now.sequence + 2 {
                let claim = Claim(told: told, at: desk.now, by: watch.address, seen: seen)
                claims[other.index] = claims[other.index] ?? claim
                continue
            }
            let isStale = due.map { told < $0 } ?? false
            desk.judge(
                .reportsFresh, at: watch.address, expected: "\(due?.text ?? now.text) or later", holds: !isStale,
                else: seen)
        }
    }

    /// A rendition of which a report told more than was known has a new state.
    private mutating func settleClaim(about watch: RenditionWatch, desk: inout LintDesk) {
        guard let claim = claims[watch.index], let now = watch.history.last?.position else { return }
        let isTrue = now >= claim.told
        // The next states may have been on their way.
        guard isTrue || desk.now - claim.at > Self.claimSettles + desk.settings.slack else { return }
        claims[watch.index] = nil
        desk.judge(.reportsFresh, at: claim.by, expected: "at most \(now.text)", holds: isTrue, else: claim.seen)
    }

    /// Compares a rendition's dates with those of the others, once for each that is new.
    mutating func judgeSync(_ watches: [RenditionWatch], newest: Int, desk: inout LintDesk) {
        guard watches.indices.contains(newest) else { return }
        let watch = watches[newest]
        for (discontinuity, offset) in watch.media.offsets
        where offset.isExact && compared[newest]?[discontinuity] != offset.newest {
            compared[newest, default: [:]][discontinuity] = offset.newest
            for other in watches where other.index != newest {
                guard let its = other.media.offsets[discontinuity], its.isExact else { continue }
                let apart = offset.newest - its.newest
                desk.judge(
                    .renditionsInSync, at: watch.address, expected: "within \(Self.syncSeconds) s",
                    holds: abs(apart) <= Self.syncSeconds,
                    else: "the same date is \(apart.rounded(to: 3)) s apart in the media of \(other.address)")
            }
        }
    }

    private static let syncSeconds = 0.05
    private static let claimSettles = Duration.seconds(2)
}
