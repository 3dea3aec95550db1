import HLS

/// Follows one media playlist as a player does: blocking reloads, deltas, the hinted part, one media request at a time.
/// Knows no socket and no clock. Times are microseconds since 1970.
package struct RenditionFollower: Sendable {
    package enum Effect: Equatable, Sendable {
        /// Path and query of the playlist.
        case fetchPlaylist(String)
        case fetchMedia(String)
        case cancelMedia
        /// Playing begins at media time `first`; what is fetched begins at `from`.
        case begin(first: Int64, from: Int64, holdBack: Int64)
        /// The next media in order is here.
        case media(Arrival)
        /// Media is missing: playing goes on at media time `to`.
        case jump(to: Int64, skipped: Int)
        /// What is listed ends at this media time.
        case edge(Int64, holdBack: Int64)
        case violation(Violation)
        /// Call `tick` then.
        case wake(at: Int64)
        /// Nothing more will come from this playlist.
        case ended
    }

    package struct Arrival: Equatable, Sendable {
        package var path: String
        package var start: Int64
        package var duration: Int64
        package var listedAt: Int64
        package var arrivedAt: Int64
        /// The media whose time line it continues; nil after a jump or a discontinuity.
        package var follows: String?
    }

    private struct Listed {
        var entry: ListedPlaylist.Entry
        var start: Int64
        var listedAt: Int64
    }

    private enum MediaRequest {
        case none
        case listed(String)
        case hinted(String)

        var path: String? {
            switch self {
            case .none: nil
            case .listed(let path), .hinted(let path): path
            }
        }
    }

    package let path: String
    private var latest: ListedPlaylist?
    private var latestAt: Int64 = 0
    /// What the outstanding reload must bring; nil for a plain one.
    private var awaited: MediaPosition?
    private var isReloading = false
    /// Listed and not here yet, in order.
    private var queue: [Listed] = []
    /// The first position that was not listed yet, and the media time at which it begins.
    private var tail: MediaPosition?
    private var tailTime: Int64 = 0
    private var request = MediaRequest.none
    /// A hinted part that came before its listing.
    private var early: (path: String, at: Int64)?
    private var deadHint: String?
    private var delivered: String?
    private var failures = 0
    private var retryAt: Int64?
    private var mediaRetryAt: Int64?
    private var hasEnded = false

    package init(path: String) { self.path = path }

    /// Tries that may fail in a row before the stream counts as gone.
    private static let patience = 20

    package mutating func start(into effects: inout [Effect]) { reload(into: &effects) }

    // MARK: Playlists

    package mutating func received(_ playlist: ListedPlaylist, at now: Int64, into effects: inout [Effect]) {
        guard !hasEnded else { return }
        isReloading = false
        failures = 0
        retryAt = nil
        check(playlist, into: &effects)
        let hasChanged = latest.map { $0.entries.last?.position != playlist.entries.last?.position } ?? true
        if tail == nil { choose(playlist, at: now, into: &effects) } else { list(playlist, at: now, into: &effects) }
        latest = playlist
        latestAt = now
        pump(at: now, into: &effects)
        if playlist.hasEnded {
            if queue.isEmpty { end(into: &effects) }
        } else if playlist.canBlock {
            reload(into: &effects)
        } else {
            // 6.3.4: a target duration after a change, half of one otherwise; parts are polled at their own pace.
            let pause = playlist.isLowLatency ? playlist.partTarget ?? 500_000 : playlist.targetDuration
            retryAt = now + max(100_000, hasChanged ? pause : pause / 2)
            effects.append(.wake(at: retryAt ?? now))
        }
    }

    private mutating func reload(into effects: inout [Effect]) {
        isReloading = true
        awaited = nil
        guard let latest, latest.canBlock else { return effects.append(.fetchPlaylist(path)) }
        var query = "?_HLS_msn=\(latest.next.sequence)"
        if latest.isLowLatency { query += "&_HLS_part=\(latest.next.part)" }
        if latest.skipUntil != nil { query += "&_HLS_skip=YES" }
        awaited = latest.next
        effects.append(.fetchPlaylist(path + query))
    }

    private func check(_ playlist: ListedPlaylist, into effects: inout [Effect]) {
        func broken(_ rule: Violation.Rule, _ evidence: String) {
            effects.append(.violation(Violation(rule: rule, evidence: "\(path): \(evidence)")))
        }
        if let latest {
            if playlist.mediaSequence < latest.mediaSequence {
                broken(.sequence, "media sequence fell from \(latest.mediaSequence) to \(playlist.mediaSequence)")
            }
            if let before = latest.entries.last?.position, let after = playlist.entries.last?.position, after < before {
                broken(.sequence, "the last part went back from \(before) to \(after)")
            }
            if let known = latest.entries.last, !known.isLast {
                let index = playlist.index(of: known.position)
                if index < playlist.entries.count, playlist.entries[index].position == known.position,
                    playlist.entries[index].path != known.path || playlist.entries[index].duration != known.duration
                {
                    broken(
                        .duration,
                        "\(known.path) of \(known.duration) µs became \(playlist.entries[index].path) of \(playlist.entries[index].duration) µs"
                    )
                }
            }
        }
        if let awaited, !playlist.hasEnded {
            // 6.2.5.2: that part, or anything later.
            let position =
                playlist.isLowLatency
                ? playlist.entries.last?.position
                : playlist.lastWholeSegment.map { MediaPosition(sequence: $0, part: 0) }
            let isThere = position.map { $0 >= awaited || playlist.next > awaited } ?? false
            if !isThere { broken(.blocking, "the answer lacks \(awaited), which it was asked for") }
        }
    }

    /// Chooses where to begin: the last part that a decoder can start with, at the hold-back from the end.
    private mutating func choose(_ playlist: ListedPlaylist, at now: Int64, into effects: inout [Effect]) {
        guard let last = playlist.entries.last else { return }
        let edge = playlist.entries.reduce(0) { $0 + $1.duration }
        let wanted = max(0, edge - playlist.holdBack)
        var start: Int64 = 0
        var chosen: (index: Int, start: Int64) = (0, 0)
        for (index, entry) in playlist.entries.enumerated() {
            if start <= wanted, entry.isIndependent, !entry.isGap { chosen = (index, start) }
            start += entry.duration
        }
        effects.append(
            .begin(first: max(wanted, chosen.start), from: chosen.start, holdBack: playlist.holdBack))
        tailTime = chosen.start
        for entry in playlist.entries[chosen.index...] { enqueue(entry, at: now) }
        tail = Self.after(last)
        effects.append(.edge(tailTime, holdBack: playlist.holdBack))
    }

    private mutating func list(_ playlist: ListedPlaylist, at now: Int64, into effects: inout [Effect]) {
        guard let tail, let last = playlist.entries.last, last.position >= tail else { return }
        let index = playlist.index(of: tail)
        guard index < playlist.entries.count else { return }
        let first = playlist.entries[index]
        // A part past the last of a finished segment is part 0 of the next.
        let follows =
            first.position == tail
            || index > 0 && first.position.part == 0 && playlist.entries[index - 1].isLast
                && playlist.entries[index - 1].position.sequence == tail.sequence
                && playlist.entries[index - 1].position.part == tail.part - 1
        if !follows {
            // The window has moved on, or the server lost something: live goes on, what is between is not seen.
            let skipped = queue.count + 1
            queue.removeAll()
            cancelMedia(into: &effects)
            delivered = nil
            effects.append(.jump(to: tailTime, skipped: skipped))
        }
        for entry in playlist.entries[index...] { enqueue(entry, at: now) }
        self.tail = Self.after(last)
        effects.append(.edge(tailTime, holdBack: playlist.holdBack))
    }

    private static func after(_ entry: ListedPlaylist.Entry) -> MediaPosition {
        MediaPosition(sequence: entry.position.sequence, part: entry.position.part + 1)
    }

    private mutating func enqueue(_ entry: ListedPlaylist.Entry, at now: Int64) {
        queue.append(Listed(entry: entry, start: tailTime, listedAt: now))
        tailTime += entry.duration
    }

    package mutating func playlistFailed(isGone: Bool, at now: Int64, into effects: inout [Effect]) {
        guard !hasEnded else { return }
        isReloading = false
        failures += 1
        guard failures < Self.patience else { return end(into: &effects) }
        // After a failure the plain playlist is asked for: what was awaited may never come.
        if isGone { latest = nil }
        retryAt = now + min(2_000_000, 100_000 << Int64(min(failures - 1, 5)))
        effects.append(.wake(at: retryAt ?? now))
    }

    // MARK: Media

    private mutating func pump(at now: Int64, into effects: inout [Effect]) {
        while let first = queue.first {
            if let arrived = early, arrived.path == first.entry.path {
                early = nil
                deliver(at: arrived.at, into: &effects)
            } else if first.entry.isGap {
                queue.removeFirst()
                delivered = nil
                effects.append(.jump(to: first.start + first.entry.duration, skipped: 1))
            } else {
                break
            }
        }
        if case .hinted(let path) = request, let first = queue.first, first.entry.path != path {
            effects.append(
                .violation(
                    Violation(rule: .hint, evidence: "\(path) was hinted and \(first.entry.path) was listed instead")))
            cancelMedia(into: &effects)
        }
        if let first = queue.first {
            // The hinted part that is on its way is listed now: a failure from here on is a broken promise.
            if case .hinted = request { request = .listed(first.entry.path) }
            guard case .none = request, mediaRetryAt == nil else { return }
            request = .listed(first.entry.path)
            effects.append(.fetchMedia(first.entry.path))
        } else if let hint = latest?.hint, latest?.hasEnded == false, latest?.canBlock == true, early == nil,
            hint != deadHint, case .none = request, mediaRetryAt == nil
        {
            request = .hinted(hint)
            effects.append(.fetchMedia(hint))
        }
    }

    private mutating func deliver(at arrivedAt: Int64, into effects: inout [Effect]) {
        let listed = queue.removeFirst()
        effects.append(
            .media(
                Arrival(
                    path: listed.entry.path, start: listed.start, duration: listed.entry.duration,
                    listedAt: listed.listedAt, arrivedAt: arrivedAt,
                    follows: listed.entry.isDiscontinuity ? nil : delivered)))
        delivered = listed.entry.path
    }

    private mutating func cancelMedia(into effects: inout [Effect]) {
        guard case .none = request else {
            request = .none
            return effects.append(.cancelMedia)
        }
    }

    /// A whole answer of 200 for the media that was asked for.
    package mutating func mediaArrived(at now: Int64, into effects: inout [Effect]) {
        guard let path = request.path else { return }
        request = .none
        failures = 0
        if queue.first?.entry.path == path { deliver(at: now, into: &effects) } else { early = (path, now) }
        if latest?.hasEnded == true, queue.isEmpty { return end(into: &effects) }
        pump(at: now, into: &effects)
    }

    /// An answer that says that the media is not there: 404 or 410.
    package mutating func mediaMissing(status: Int, at now: Int64, into effects: inout [Effect]) {
        switch request {
        case .none: return
        case .hinted(let path):
            // 6.2.6: a hint may turn out wrong.
            deadHint = path
        case .listed(let path):
            effects.append(
                .violation(Violation(rule: .availability, evidence: "\(path) is listed and answered with \(status)")))
            if let first = queue.first, first.entry.path == path {
                queue.removeFirst()
                delivered = nil
                effects.append(.jump(to: first.start + first.entry.duration, skipped: 1))
            }
        }
        request = .none
        pump(at: now, into: &effects)
    }

    /// No answer, or one that tells of trouble: it is tried again.
    package mutating func mediaFailed(at now: Int64, into effects: inout [Effect]) {
        if case .none = request { return }
        request = .none
        failures += 1
        guard failures < Self.patience else { return end(into: &effects) }
        mediaRetryAt = now + min(1_000_000, 50_000 << Int64(min(failures - 1, 5)))
        effects.append(.wake(at: mediaRetryAt ?? now))
    }

    package mutating func tick(at now: Int64, into effects: inout [Effect]) {
        guard !hasEnded else { return }
        if let at = retryAt, at <= now, !isReloading {
            retryAt = nil
            if failures > 0 { latest = latest?.hasEnded == true ? latest : nil }
            reload(into: &effects)
        }
        if let at = mediaRetryAt, at <= now {
            mediaRetryAt = nil
            pump(at: now, into: &effects)
        }
    }

    private mutating func end(into effects: inout [Effect]) {
        guard !hasEnded else { return }
        hasEnded = true
        effects.append(.ended)
    }
}
