import HLS

/// What only several renditions together show, and what their multivariant playlist says of them.
struct MultivariantRules {
    let playlist: MultivariantPlaylist
    let url: WebAddress

    func judge(desk: inout LintDesk) {
        for variant in playlist.variants {
            let name = variant.uri
            desk.judge(.codecsTold, at: url, holds: !variant.codecs.isEmpty, else: "\(name) has no CODECS")
            desk.judge(
                .averageBandwidthTold, at: url, holds: variant.averageBandwidth != nil,
                else: "\(name) has no AVERAGE-BANDWIDTH")
            if variant.codecs.contains(where: Self.isPicture) {
                desk.judge(
                    .pictureTold, at: url, holds: variant.width != nil && variant.frameRate != nil,
                    else: "\(name) has \(variant.width == nil ? "no RESOLUTION" : "no FRAME-RATE")")
            }
            if let group = variant.audioGroup {
                desk.judge(
                    .audioGroupDefined, at: url, holds: playlist.audio.contains { $0.group == group },
                    else: "\(name) names AUDIO=\"\(group)\", which no EXT-X-MEDIA defines")
            }
        }
    }

    private static func isPicture(_ codec: String) -> Bool {
        ["avc", "hvc1", "hev1", "av01", "vp0", "dvh"].contains { codec.lowercased().hasPrefix($0) }
    }

    /// Compares with what the renditions turned out to be, in the end.
    func judge(against watches: [RenditionWatch], desk: inout LintDesk) {
        for variant in playlist.variants {
            let own = [variant.uri] + playlist.audio.filter { $0.group == variant.audioGroup }.compactMap(\.uri)
            let addresses = Set(own.compactMap { url.resolving($0) })
            let media = watches.filter { addresses.contains($0.address) }.map(\.media)
            for track in media.flatMap(\.tracks) where !variant.codecs.isEmpty {
                desk.judge(
                    .codecsMatch, at: url,
                    holds: variant.codecs.contains { $0.lowercased().hasPrefix(track.format.lowercased()) },
                    else: "\(variant.uri) has media of \(track.format), CODECS is "
                        + "\"\(variant.codecs.joined(separator: ","))\"")
            }
            let peak = media.reduce(0) { $0 + $1.peakBitRate }
            if peak > 0 {
                desk.judge(
                    .bandwidthHolds, at: url, expected: "BANDWIDTH of at least \(Int(peak / 1.25))",
                    holds: peak <= Double(variant.bandwidth) * 1.25,
                    else: "a second of \(Int(peak)) bits, BANDWIDTH=\(variant.bandwidth)")
            }
        }
        let starts = watches.compactMap(\.media.startsAreIndependent)
        guard !starts.isEmpty, starts.allSatisfy({ $0 }) else { return }
        let isTold = playlist.independentSegments || watches.allSatisfy { $0.state?.hasIndependentSegments == true }
        desk.judge(.independentSegmentsTold, at: url, holds: isTold, else: "the tag is missing")
    }
}

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
            guard let url = watch.address.resolving(report.uri), let sequence = report.lastSequence,
                let other = watches.first(where: { $0.address == url }), let now = other.history.last?.position
            else { continue }
            let told = MediaPosition(sequence: sequence, part: Int(clamping: report.lastPart ?? .max))
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
