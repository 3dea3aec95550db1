import HLS
import HTTP
import NIOCore

/// The probes of one rendition, one step at each new state, again and again while the watch lasts.
struct ProbeRun {
    private enum Step: CaseIterable { case malformed, wholeSegment, farAhead, old, unknown, pastEnd, tooEarly }

    private let rendition: Int
    private let address: WebAddress
    private var due = Step.allCases[...]

    init(rendition: Int, address: WebAddress) {
        self.rendition = rendition
        self.address = address
    }

    /// Sends the first probe that is due and possible in this state.
    mutating func next(_ playlist: MediaPlaylist, reloads: Int, desk: inout LintDesk) {
        guard let step = due.first(where: { isPossible($0, playlist) }) else { return }
        due = due.filter { $0 != step }[...]
        switch step {
        case .malformed: for query in Probe.malformedQueries { send(.malformed(query), desk: &desk) }
        case .farAhead:
            guard let last = playlist.segments.last?.sequence else { return }
            send(.farAhead("_HLS_msn=\(last + 100)"), desk: &desk)
            send(.farAhead("_HLS_msn=\(last + 2)&_HLS_part=\(Self.advanceLimit(playlist) + 100)"), desk: &desk)
        case .old: send(.old(max(0, playlist.mediaSequence - 1)), desk: &desk)
        case .wholeSegment:
            guard let last = playlist.segments.last else { return }
            send(.wholeSegment(last.duration == nil ? last.sequence : last.sequence + 1), desk: &desk)
        case .pastEnd:
            guard let finished = Self.finished(playlist) else { return }
            send(.pastEnd(sequence: finished.sequence, part: finished.parts.count), desk: &desk)
        case .unknown, .tooEarly: sendMedia(step, playlist, desk: &desk)
        }
    }

    private mutating func sendMedia(_ step: Step, _ playlist: MediaPlaylist, desk: inout LintDesk) {
        guard let known = playlist.segments.last(where: { $0.uri != nil })?.uri,
            let beside = address.resolving(known)?.resolving("lint-asks-for-what-is-not.m4s")
        else { return }
        if step == .unknown { return desk.send(.probe(.unknown), of: rendition, to: beside) }
        guard let uri = Self.tooEarly(playlist), let url = address.resolving(uri) else { return }
        desk.send(.probe(.tooEarly), of: rendition, to: url)
    }

    private func send(_ probe: Probe, desk: inout LintDesk) {
        guard let query = probe.query else { return }
        desk.send(.probe(probe), of: rendition, to: address.adding(query: query))
    }

    private func isPossible(_ step: Step, _ playlist: MediaPlaylist) -> Bool {
        switch step {
        case .malformed, .farAhead, .wholeSegment: true
        case .old: playlist.mediaSequence > 0
        case .pastEnd: Self.finished(playlist) != nil
        case .unknown: playlist.segments.contains { $0.uri != nil && $0.map != nil }
        case .tooEarly: Self.tooEarly(playlist) != nil
        }
    }

    /// The newest finished segment with parts that another with parts follows.
    private static func finished(_ playlist: MediaPlaylist) -> MediaPlaylist.Segment? {
        guard playlist.segments.last?.parts.isEmpty == false else { return nil }
        return playlist.segments.dropLast().last { $0.duration != nil && !$0.parts.isEmpty }
    }

    /// A part three after the last listed one, where names are counted.
    private static func tooEarly(_ playlist: MediaPlaylist) -> String? {
        guard let last = playlist.segments.last?.parts.last?.uri,
            let hint = playlist.hints.first(where: { $0.type == "PART" && $0.byteRangeStart == nil })?.uri,
            let second = MediaNames.following(hint, after: last)
        else { return nil }
        return MediaNames.following(second, after: hint)
    }

    /// The Advance Part Limit (6.2.5.2).
    private static func advanceLimit(_ playlist: MediaPlaylist) -> Int {
        guard let target = playlist.partTarget?.inSeconds, target > 0.001, target < 1 else { return 3 }
        return Int((3 / target).rounded(.up))
    }

    // MARK: Answers

    func received(
        _ answer: LintAnswer, _ playlist: MediaPlaylist?, for probe: Probe, _ request: LintDesk.Pending,
        state: MediaPlaylist?, rules: HeadRules, desk: inout LintDesk
    ) {
        let (url, took) = (request.url, answer.headAt - request.sentAt)
        if let failure = answer.failure {
            // That says nothing of directives.
            return desk.judge(.playlistReadable, at: url, seen: failure)
        }
        let said = "answered \(answer.status) after \(took.text)"
        let isAtOnce = took <= .seconds(1) + desk.settings.slack
        let isPlaylist = answer.status == 200 && playlist != nil
        switch probe {
        case .malformed:
            desk.judge(.malformedRefused, at: url, expected: "400", holds: answer.status == 400, else: said)
            if answer.status == 400 { rules.judge(answer, .refusal, at: url, desk: &desk) }
        case .farAhead(let query):
            // It was not far ahead for a server that has been there: the watch is slow.
            if isPlaylist, took <= .seconds(1), let last = playlist?.segments.last?.sequence,
                let asked = try? DeliveryDirectives.parse(query: query.utf8).msn, last > asked
            {
                return
            }
            desk.judge(
                .farAheadRefused, at: url, expected: "400 at once", holds: answer.status == 400 && isAtOnce, else: said)
            if answer.status == 400 { rules.judge(answer, .tooEarly, at: url, desk: &desk) }
        case .old:
            var seen = isPlaylist && isAtOnce ? nil : said
            if seen == nil, let playlist, let state, let had = state.segments.last(where: { $0.duration != nil }),
                let last = playlist.segments.last, last.sequence < had.sequence
            {
                seen = "a playlist that ends at segment \(last.sequence), though \(had.sequence) is whole"
            }
            desk.judge(.oldSequenceAnswered, at: url, expected: "200 with the whole playlist", seen: seen)
        case .pastEnd(let sequence, _):
            let isThere = playlist?.segments.last.map { $0.sequence > sequence } ?? false
            desk.judge(
                .partPastEnd, at: url, expected: "part \(sequence + 1).0 or later", holds: isPlaylist && isThere,
                else: said)
        case .wholeSegment(let sequence):
            let newest = playlist?.segments.last { $0.duration != nil }?.sequence
            let isThere = playlist?.hasEnded == true || (newest ?? -1) >= sequence
            desk.judge(
                .reloadHoldsForSegment, at: url, expected: "segment \(sequence) whole", holds: isPlaylist && isThere,
                else: isPlaylist
                    ? "the newest whole segment is \(newest.map { "\($0)" } ?? "none") after \(took.text)" : said)
        case .unknown:
            desk.judge(
                .unknownIsNotFound, at: url, expected: "404", holds: answer.status == 404 || answer.status == 410,
                else: said)
            if answer.status >= 400 { rules.judge(answer, .refusal, at: url, desk: &desk) }
        case .tooEarly:
            if answer.status >= 400 { rules.judge(answer, .tooEarly, at: url, desk: &desk) }
        case .ended:
            desk.judge(
                .endedAnswersAtOnce, at: url, expected: "200 with EXT-X-ENDLIST, at once",
                holds: isPlaylist && isAtOnce && playlist?.hasEnded == true, else: said)
        }
    }
}
