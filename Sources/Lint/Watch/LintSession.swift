import HLS
import HTTP
import NIOCore

/// A lint of one stream. Knows no socket and no clock: feed answers and time, perform the effects.
///
/// ```
/// looking ── multivariant or media playlist ──▶ watching ── time over, or every playlist ended ──▶ finishing ──▶ done
/// ```
package struct LintSession {
    private enum Phase: Equatable {
        case looking
        case watching
        /// Waits for media that is on its way.
        case finishing(since: Duration)
        case done
    }

    package let url: WebAddress
    private var desk: LintDesk
    private var phase = Phase.looking
    private var watches: [RenditionWatch] = []
    private var presentation = PresentationRules()
    private var multivariant: MultivariantRules?
    /// What the multivariant playlist said, and how often it was asked for again.
    private var multivariantText = ByteBuffer()
    private var multivariantTwins = 0
    private var redirects = 0
    private var retryAt: Duration?
    private var trouble: String?
    private var endedAt: Duration?

    private static let redirectLimit = 5
    private static let lastWait = Duration.seconds(3)

    /// - Parameter startedAt: microseconds since 1970; every later time is counted from there.
    package init(url: WebAddress, settings: LintSettings, startedAt: Int64) {
        self.url = url
        desk = LintDesk(settings: settings, startedAt: startedAt)
    }

    // MARK: In

    package mutating func begin() -> [LintEffect] {
        desk.send(.multivariant, of: nil, to: url)
        return desk.takeEffects()
    }

    /// A whole answer, or the failure of one.
    package mutating func received(_ answer: LintAnswer, at now: Duration) -> [LintEffect] {
        desk.now = max(desk.now, now)
        guard phase != .done, let request = desk.take(answer.id) else { return desk.takeEffects() }
        if answer.isConnectionLost, desk.askAgain(request) { return desk.takeEffects() }
        if request.ask == .multivariant {
            receivedMultivariant(answer, request)
        } else if request.ask == .multivariantTwin {
            receivedTwin(answer, request)
        } else if let index = request.rendition, watches.indices.contains(index) {
            let isNew = watches[index].received(answer, for: request, desk: &desk)
            if isNew { presentation.judge(watches, newest: index, desk: &desk) }
            presentation.judgeSync(watches, newest: index, desk: &desk)
        }
        advance()
        return desk.takeEffects()
    }

    /// Call several times a second.
    package mutating func tick(at now: Duration) -> [LintEffect] {
        desk.now = max(desk.now, now)
        if phase != .done { desk.tick() }
        if let retryAt, retryAt <= now {
            self.retryAt = nil
            desk.send(.multivariant, of: nil, to: url)
        }
        if phase == .watching { for index in watches.indices { watches[index].tick(desk: &desk) } }
        advance()
        return desk.takeEffects()
    }

    // MARK: Phases

    private mutating func receivedMultivariant(_ answer: LintAnswer, _ request: LintDesk.Pending) {
        if (300..<400).contains(answer.status), redirects < Self.redirectLimit,
            let next = answer.fields.text("location").flatMap({ request.url.resolving($0) })
        {
            redirects += 1
            return desk.send(.multivariant, of: nil, to: next)
        }
        guard answer.failure == nil, answer.status == 200 else {
            return notFound(answer.failure ?? "It was answered \(answer.status).")
        }
        let body = ByteBuffer(answer.text)
        let text = String(buffer: body)
        guard text.hasPrefix("#EXTM3U") else { return notFound("It is no playlist: it does not begin with #EXTM3U.") }
        guard text.contains("#EXT-X-STREAM-INF") else {
            // One media playlist by itself.
            if phase == .looking { watch([request.url]) }
            return
        }
        do throws(PlaylistError) {
            let playlist = try MultivariantPlaylist(parsing: Array(body.readableBytesView))
            let isFirst = multivariant == nil
            multivariant = MultivariantRules(playlist: playlist, url: request.url)
            desk.judge(.playlistReadable, at: request.url, seen: nil)
            let target = watches.first?.state?.targetDuration ?? 0
            HeadRules(targetDuration: target, partTarget: nil)
                .judge(answer, .plainPlaylist, at: request.url, desk: &desk)
            guard isFirst else { return }
            multivariantText = body
            desk.send(.multivariantTwin, of: nil, to: request.url)
            multivariant?.judge(desk: &desk)
            let uris = playlist.variants.map(\.uri) + playlist.audio.compactMap(\.uri)
            var found: [WebAddress] = []
            for address in uris.compactMap({ request.url.resolving($0) }) where !found.contains(address) {
                found.append(address)
            }
            watch(found)
        } catch {
            desk.judge(.playlistReadable, at: request.url, seen: "\(error)")
            notFound("The multivariant playlist cannot be read: \(error)")
        }
    }

    /// B.1: the same request gets the same playlist. It may have changed in between once, not twice.
    private mutating func receivedTwin(_ answer: LintAnswer, _ request: LintDesk.Pending) {
        guard answer.failure == nil, answer.status == 200 else { return }
        let text = ByteBuffer(answer.text)
        multivariantTwins += 1
        if text != multivariantText, multivariantTwins < 2 {
            multivariantText = text
            return desk.send(.multivariantTwin, of: nil, to: request.url)
        }
        desk.judge(
            .sameForEveryViewer, at: request.url, holds: text == multivariantText,
            else: "three answers within a moment differ in their bytes")
    }

    private mutating func notFound(_ reason: String) {
        guard phase == .looking else { return }
        if desk.now < desk.settings.wait {
            retryAt = desk.now + .milliseconds(200)
        } else {
            trouble = "Nothing could be watched. \(reason)"
            finish()
        }
    }

    private mutating func watch(_ addresses: [WebAddress]) {
        phase = .watching
        begunAt = desk.now
        watches = addresses.prefix(32).enumerated().map { RenditionWatch(index: $0, address: $1) }
        for index in watches.indices { watches[index].begin(desk: &desk) }
    }

    private var begunAt: Duration = .zero

    private mutating func advance() {
        switch phase {
        case .looking, .done: return
        case .watching:
            let isEnded = !watches.isEmpty && watches.allSatisfy(\.isOver)
            if isEnded, endedAt == nil { endedAt = desk.now }
            let isEnough = desk.settings.states.map { wanted in watches.allSatisfy { $0.reloads >= wanted } } ?? false
            guard desk.now - begunAt >= desk.settings.duration || isEnded || isEnough else { return }
            phase = .finishing(since: desk.now)
            // What the end of a stream is asked for is answered at once; all else that is held has no end.
            desk.cancel { request in
                if case .probe(.ended) = request.ask { return false }
                return request.ask.isHeld || request.ask == .plain
            }
            if let multivariant { desk.send(.multivariant, of: nil, to: multivariant.url) }
        case .finishing(let since):
            guard desk.isIdle || desk.now - since > Self.lastWait else { return }
            conclude()
        }
    }

    private mutating func conclude() {
        for watch in watches {
            watch.media.hints.judgeSpeed(
                partTarget: watch.state?.partTarget ?? .seconds(1), segment: watch.media.segmentTransfer,
                at: watch.address, desk: &desk)
        }
        multivariant?.judge(against: watches, desk: &desk)
        if watches.allSatisfy({ $0.state == nil }) {
            trouble = "Nothing could be watched: no media playlist could be read."
        }
        finish()
    }

    private mutating func finish() {
        phase = .done
        desk.cancel { _ in true }
        desk.finish()
    }

    // MARK: Out

    /// What is to be told so far; whole once `finished` was an effect.
    package func report(protocols: [String]) -> LintReport {
        LintReport(
            url: url.description, watched: desk.now - begunAt, renditions: watches.map { Self.name(of: $0.address) },
            protocols: protocols, requests: desk.requests, results: desk.ledger.results, trouble: trouble, notes: notes)
    }

    /// What the watch could not judge.
    private var notes: [String] {
        watches.compactMap { watch in
            watch.media.unjudged.map { "The media of \(Self.name(of: watch.address)) is not judged: \($0)." }
        }
    }

    /// One line that says how far the watch is.
    package var progress: String {
        let places = watches.map { watch in
            "\(Self.name(of: watch.address)) \(watch.history.last?.position.text ?? "…")"
        }
        let verdicts =
            "\(desk.ledger.count(atLeast: .pass)) rules seen, \(desk.ledger.count(atLeast: .fail)) broken"
        let found = places.isEmpty ? "looking for the stream" : places.joined(separator: ", ")
        return "\(LintReport.seconds(desk.now - begunAt)) s of \(LintReport.seconds(desk.settings.duration)) s: "
            + "\(found); \(desk.requests) requests; \(verdicts)"
    }

    /// The step of the path that tells renditions apart.
    private static func name(of address: WebAddress) -> String {
        let steps = address.path.split(separator: "/")
        return steps.dropLast().last.map(String.init) ?? address.description
    }
}
