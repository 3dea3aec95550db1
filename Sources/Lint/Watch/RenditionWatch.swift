import HLS
import HTTP

/// The watch of one media playlist: reloads it as a player does, fetches what it lists, and probes in between.
struct RenditionWatch {
    let index: Int
    let address: WebAddress
    /// The newest state.
    private(set) var state: MediaPlaylist?
    /// When positions became known, newest last.
    private(set) var history: [(at: Duration, position: MediaPosition)] = []
    private(set) var isGivenUp = false
    var media: MediaWatch
    private var probes: ProbeRun
    private var comparison = StateComparison()
    private var reloadRules: ReloadRules
    private var firstTargets: (target: Int, part: Duration?)?
    private var retryAt: Duration?
    private var failures = 0
    private var backwards = 0
    /// States seen, and reloads asked for.
    private(set) var reloads = 0
    private var hasAskedEnd = false

    private static let failureLimit = 12

    init(index: Int, address: WebAddress) {
        self.index = index
        self.address = address
        media = MediaWatch(rendition: index, address: address)
        probes = ProbeRun(rendition: index, address: address)
        reloadRules = ReloadRules(address: address)
    }

    /// Nothing more is to come of it.
    var isOver: Bool { isGivenUp || state?.hasEnded == true }

    /// By the targets that it had first: should they change, that is told once and not with every answer.
    private func headRules(of playlist: MediaPlaylist?) -> HeadRules {
        HeadRules(
            targetDuration: firstTargets?.target ?? playlist?.targetDuration ?? 0,
            partTarget: firstTargets?.part ?? playlist?.partTarget)
    }

    mutating func begin(desk: inout LintDesk) { desk.send(.plain, of: index, to: address) }

    // MARK: Answers

    /// Returns true when there is a new state.
    mutating func received(_ answer: LintAnswer, for request: LintDesk.Pending, desk: inout LintDesk) -> Bool {
        switch request.ask {
        case .plain, .reload: return receivedState(answer, request, desk: &desk)
        case .delta(let place, _):
            if isRefused(answer) {
                // Where the reload itself is refused, that is told.
                if place != reloadRules.lastRefused {
                    desk.judge(.deltaGiven, at: request.url, seen: "answered \(answer.status)")
                }
                return false
            }
            guard let playlist = read(answer, request, .blockingPlaylist, desk: &desk) else { return false }
            desk.record(PlaylistRules.check(playlist).filter { Self.deltaRules.contains($0.rule) }, at: request.url)
            comparison.add(delta: PlaylistLook(playlist, answer.text, url: request.url), desk: &desk)
        case .twin(let place):
            if isRefused(answer) { return false }
            let kind = place == nil ? AnswerKind.plainPlaylist : .blockingPlaylist
            guard let playlist = read(answer, request, kind, desk: &desk) else { return false }
            comparison.add(twin: PlaylistLook(playlist, answer.text, url: request.url), desk: &desk)
        case .probe(let probe):
            let isAnswer = answer.status == 200
            let playlist = isAnswer && probe.query != nil ? try? MediaPlaylist(parsing: answer.text) : nil
            let rules = headRules(of: state)
            if isAnswer, probe.query != nil { rules.judge(answer, .blockingPlaylist, at: request.url, desk: &desk) }
            probes.received(answer, playlist, for: probe, request, state: state, rules: rules, desk: &desk)
        case .initSection, .part, .hint, .segment, .again, .stays:
            if answer.failure == nil, answer.status == 200 || answer.status == 206 {
                headRules(of: state).judge(answer, .media, at: request.url, desk: &desk)
                judgeType(answer, at: request.url, desk: &desk)
            }
            media.received(answer, for: request, desk: &desk)
        case .multivariant, .multivariantTwin: break
        }
        return false
    }

    private func isRefused(_ answer: LintAnswer) -> Bool {
        answer.failure == nil && (400..<500).contains(answer.status)
    }

    /// Those of a state's rules that a delta update alone can show.
    private static let deltaRules: Set<PlaylistRule> = [.version, .mapForEverySegment, .programDateTime]

    private func judgeType(_ answer: LintAnswer, at url: WebAddress, desk: inout LintDesk) {
        let tracks = media.tracks
        guard !tracks.isEmpty else { return }
        let type = HeadRules.mediaType(answer)
        let isPicture = tracks.contains(where: \.isVideo)
        let fitting = isPicture ? ["video/mp4", "video/iso.segment"] : ["audio/mp4", "video/mp4", "video/iso.segment"]
        desk.judge(
            .mediaType, at: url, expected: isPicture ? "video/mp4" : "audio/mp4", holds: fitting.contains(type),
            else: "Content-Type: \(type)")
    }

    /// The playlist of an answer; nil when it is none, which is told.
    private func read(
        _ answer: LintAnswer, _ request: LintDesk.Pending, _ kind: AnswerKind, desk: inout LintDesk
    ) -> MediaPlaylist? {
        guard answer.failure == nil, answer.status == 200 else {
            desk.judge(
                .playlistReadable, at: request.url, expected: "200",
                seen: answer.failure ?? "answered \(answer.status)")
            return nil
        }
        do throws(PlaylistError) {
            let playlist = try MediaPlaylist(parsing: answer.text)
            desk.judge(.playlistReadable, at: request.url, seen: nil)
            headRules(of: playlist).judge(answer, kind, at: request.url, desk: &desk)
            return playlist
        } catch {
            desk.judge(.playlistReadable, at: request.url, seen: "\(error)")
            return nil
        }
    }

    private mutating func receivedState(
        _ answer: LintAnswer, _ request: LintDesk.Pending, desk: inout LintDesk
    ) -> Bool {
        let held = answer.headAt - request.sentAt
        if answer.status == 503, answer.failure == nil, state != nil, held > .seconds(1) {
            desk.judge(
                .holdEnds, at: request.url, holds: answer.fields.contains("retry-after"),
                else: "503 after \(held.text) without Retry-After")
            reloadRules.judgePunctuality(
                after: history.last?.position, target: state?.partTarget, newPart: false, sentAt: request.sentAt,
                desk: &desk)
            retryAt = desk.now + .milliseconds(200)
            return false
        }
        if case .reload(let wanted) = request.ask, isRefused(answer) {
            reloadRules.noteRefusal(of: wanted, at: request.url, "answered \(answer.status) after \(held.text)")
            desk.send(.plain, of: index, to: address)
            return false
        }
        let kind: AnswerKind = if case .plain = request.ask { .plainPlaylist } else { .blockingPlaylist }
        guard let playlist = read(answer, request, kind, desk: &desk) else {
            failures += 1
            isGivenUp = failures >= Self.failureLimit
            retryAt = isGivenUp ? nil : desk.now + .milliseconds(500)
            return false
        }
        failures = 0
        if answer.body.readableBytes < 1 << 20, answer.isEncryptedWhole { media.isOpaque = true }
        if case .plain = request.ask, let had = state?.position, (playlist.position ?? had) < had {
            // A cache may answer with an older state where nothing newer was asked for.
            retryAt = desk.now + .milliseconds(250)
            return false
        }
        guard adopt(playlist, at: request.url, desk: &desk) else {
            retryAt = desk.now + (playlist.partTarget ?? .seconds(1)) * 0.5
            return false
        }
        if case .reload(let wanted) = request.ask {
            reloadRules.judgeHold(
                wanted, playlist, held: held, limit: holdLimit(desk), at: request.url, desk: &desk)
        }
        reloadRules.judgeRefusal(by: playlist, desk: &desk)
        judgeParts(of: playlist, sentAt: request.sentAt, desk: &desk)
        let isNews = playlist.segments.last != state?.segments.last || playlist.hasEnded
        if let position = playlist.position, position != history.last?.position {
            history.append((desk.now, position))
            if history.count > 64 { history.removeFirst() }
        }
        state = playlist
        reloadRules.arrived(at: desk.now)
        media.listed(playlist, desk: &desk)
        comparison.saw(PlaylistLook(playlist, answer.text, url: request.url), desk: &desk)
        if isNews || held > .milliseconds(100) {
            goOn(from: playlist, desk: &desk)
        } else {
            // A server that does not hold must not be asked without a pause.
            retryAt = desk.now + (playlist.partTarget ?? .seconds(1)) * 0.5
        }
        return true
    }

    // MARK: One state and the next

    /// Judges a state by itself and against the one before it. Returns false when it cannot be the next one.
    private mutating func adopt(_ playlist: MediaPlaylist, at url: WebAddress, desk: inout LintDesk) -> Bool {
        let targets = firstTargets ?? (playlist.targetDuration, playlist.partTarget)
        firstTargets = targets
        guard let state else {
            desk.record(PlaylistRules.check(playlist), at: url)
            judgeDate(of: playlist, at: url, desk: &desk)
            return true
        }
        let changes = PlaylistRules.check(from: state, to: playlist)
        // Where numbers go back or targets change, every other rule that counts by them is broken too: one is told.
        for rule in [PlaylistRule.mediaSequenceNeverFalls, .targetDurationConstant, .partTargetConstant] {
            guard let result = changes.first(where: { $0.rule == rule }), !result.isKept else { continue }
            desk.record([result], at: url)
            guard rule == .mediaSequenceNeverFalls else { return true }
            backwards += 1
            guard backwards >= Self.failureLimit else { return false }
            // It stays so: the watch begins anew from here.
            backwards = 0
            self.state = nil
            reloadRules.beginAnew()
            history = []
            return true
        }
        backwards = 0
        if playlist.targetDuration == targets.target, playlist.partTarget == targets.part || targets.part == nil {
            desk.record(changes, at: url)
            desk.record(PlaylistRules.check(playlist), at: url)
        }
        judgeDate(of: playlist, at: url, desk: &desk)
        askForDeparted(from: state, to: playlist, desk: &desk)
        return true
    }

    private func judgeDate(of playlist: MediaPlaylist, at url: WebAddress, desk: inout LintDesk) {
        guard let segment = playlist.segments.last(where: { $0.programDateTime != nil }),
            let date = segment.programDateTime
        else { return }
        let before = segment.parts.dropLast().reduce(Duration.zero) { $0 + $1.duration }
        let ahead = Double(date - desk.wallNow) / 1e6 + (segment.duration == nil ? before.inSeconds : 0)
        desk.judge(
            .datesNotInFuture, at: url, expected: "not later than now",
            // A second, for the clocks of two machines.
            holds: ahead <= 1,
            else: "the newest part of segment \(segment.sequence) is dated \(ahead.rounded(to: 2)) s from now")
    }

    private mutating func judgeParts(of playlist: MediaPlaylist, sentAt: Duration, desk: inout LintDesk) {
        guard playlist.hasParts, !playlist.hasEnded, let position = playlist.position,
            let last = history.last?.position, position > last
        else { return }
        reloadRules.judgePunctuality(
            after: last, target: state?.partTarget, newPart: true, sentAt: sentAt, desk: &desk)
    }

    private func holdLimit(_ desk: LintDesk) -> Duration {
        .seconds(3 * max(1, state?.targetDuration ?? 1)) + desk.settings.slack + .seconds(1)
    }

    // MARK: The next step

    private mutating func goOn(from playlist: MediaPlaylist, desk: inout LintDesk) {
        reloads += 1
        guard !playlist.hasEnded else { return atEnd(playlist, desk: &desk) }
        guard playlist.serverControl?.canBlockReload == true, let last = playlist.segments.last else {
            retryAt = desk.now + .seconds(max(1, playlist.targetDuration)) * 0.5
            if reloads % 3 == 1 { desk.send(.twin(nil), of: index, to: address) }
            return
        }
        let next: MediaPosition
        if last.duration == nil {
            next = MediaPosition(sequence: last.sequence, part: last.parts.count)
        } else if last.parts.isEmpty || reloads % 2 == 0 {
            next = MediaPosition(sequence: last.sequence + 1, part: 0)
        } else {
            // As hls.js asks: past the end of a finished segment.
            next = MediaPosition(sequence: last.sequence, part: last.parts.count)
        }
        let url = address.adding(query: next.query)
        desk.send(.reload(next), of: index, to: url)
        guard reloads > 2 else { return }
        switch reloads % 6 {
        case 3: askDelta("YES", next, url, desk: &desk)
        case 0: askDelta("v2", next, url, desk: &desk)
        case 5: desk.send(.twin(next), of: index, to: url)
        default: break
        }
        probes.next(playlist, reloads: reloads, desk: &desk)
    }

    private func askDelta(_ skip: String, _ next: MediaPosition, _ url: WebAddress, desk: inout LintDesk) {
        guard state?.serverControl?.canSkipUntil != nil else { return }
        desk.send(.delta(next, skip), of: index, to: url.adding(query: "_HLS_skip=\(skip)"))
    }

    mutating func tick(desk: inout LintDesk) {
        if let retryAt, retryAt <= desk.now {
            self.retryAt = nil
            if let state, !state.hasEnded, state.serverControl?.canBlockReload == true, failures == 0 {
                reloads -= 1
                goOn(from: state, desk: &desk)
            } else {
                desk.send(.plain, of: index, to: address)
            }
        }
        let limit = holdLimit(desk)
        let index = index
        for (_, request) in desk.pending.sorted(by: { $0.key < $1.key }) where request.rendition == index {
            guard case .reload = request.ask, desk.now - request.sentAt > limit else { continue }
            desk.judge(.holdEnds, at: request.url, seen: "unanswered for \((desk.now - request.sentAt).text)")
            desk.cancel { $0.rendition == index && $0.url == request.url }
            desk.send(.plain, of: index, to: address)
        }
        for key in media.hints.expire(desk: &desk) {
            guard let url = address.resolving(key) else { continue }
            desk.cancel { $0.rendition == index && $0.ask == .hint(key) }
            desk.judge(.hintDelivered, at: url, seen: "unanswered though it is listed")
        }
    }

    // MARK: What leaves

    /// Parts whose tags went, and segments that are not listed any more, can still be fetched (6.2.2).
    private func askForDeparted(from state: MediaPlaylist, to playlist: MediaPlaylist, desk: inout LintDesk) {
        guard let first = playlist.segments.first else { return }
        for segment in state.segments {
            if segment.sequence < first.sequence {
                if let url = segment.uri.flatMap({ address.resolving($0) }), !segment.isGap, segment.byteRange == nil {
                    desk.send(.stays("segment \(segment.sequence), just delisted"), of: index, to: url)
                }
            } else if let part = segment.parts.last, part.byteRange == nil, !part.isGap,
                playlist.segments.first(where: { $0.sequence == segment.sequence })?.parts.isEmpty == true,
                let url = address.resolving(part.uri)
            {
                desk.send(.stays("a part of segment \(segment.sequence), just delisted"), of: index, to: url)
            }
        }
    }

    private mutating func atEnd(_ playlist: MediaPlaylist, desk: inout LintDesk) {
        guard !hasAskedEnd else { return }
        hasAskedEnd = true
        let index = index
        desk.cancel { $0.rendition == index && $0.ask.isHeld }
        if playlist.serverControl?.canBlockReload == true, let last = playlist.segments.last {
            let probe = Probe.ended(last.sequence + 1)
            desk.send(.probe(probe), of: index, to: address.adding(query: probe.query ?? ""))
        }
        for segment in [playlist.segments.first, playlist.segments.last].compactMap({ $0 }) {
            guard let url = segment.uri.flatMap({ address.resolving($0) }), !segment.isGap, segment.byteRange == nil
            else { continue }
            desk.send(.stays("segment \(segment.sequence) of the ended stream"), of: index, to: url)
        }
    }
}
