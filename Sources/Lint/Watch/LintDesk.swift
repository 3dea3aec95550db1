import HLS
import HTTP

/// What all parts of a watch share: the clock, the ledger and the requests under way.
struct LintDesk {
    struct Pending {
        let ask: Ask
        /// Which rendition asked; nil for the multivariant playlist.
        let rendition: Int?
        let url: WebAddress
        let range: ClosedRange<Int64>?
        let sentAt: Duration
        /// It was asked before, and the connection broke.
        var isSecond = false
    }

    let settings: LintSettings
    /// Microseconds since 1970 at the beginning of the watch.
    let startedAt: Int64
    /// Since the beginning of the watch.
    var now: Duration = .zero
    var ledger = LintLedger()
    private(set) var pending: [Int: Pending] = [:]
    /// What is to be asked once more, and when.
    private var again: [(at: Duration, request: Pending)] = []
    private(set) var requests = 0
    private(set) var effects: [LintEffect] = []

    init(settings: LintSettings, startedAt: Int64) {
        self.settings = settings
        self.startedAt = startedAt
    }

    /// Microseconds since 1970.
    var wallNow: Int64 { startedAt + Int64(now.inSeconds * 1e6) }

    // MARK: Requests

    mutating func send(
        _ ask: Ask, of rendition: Int?, to url: WebAddress, range: ClosedRange<Int64>? = nil, isSecond: Bool = false
    ) {
        requests += 1
        pending[requests] = Pending(
            ask: ask, rendition: rendition, url: url, range: range, sentAt: now, isSecond: isSecond)
        effects.append(
            .send(LintRequest(id: requests, url: url, acceptsGzip: ask.isPlaylist, range: range)))
    }

    /// A player whose connection breaks asks for its media once more, a moment later (RFC 9110, 9.2.2): a server that went away
    /// and came back has kept what it listed. Returns false for what is not asked again.
    mutating func askAgain(_ request: Pending) -> Bool {
        guard request.ask.isRepeatable, !request.isSecond else { return false }
        again.append((now + Self.repeatAfter, request))
        return true
    }

    private static let repeatAfter = Duration.seconds(1)

    /// Nothing is under way, and nothing is to be asked once more.
    var isIdle: Bool { pending.isEmpty && again.isEmpty }

    mutating func tick() {
        let due = again.filter { $0.at <= now }
        again.removeAll { $0.at <= now }
        for (_, request) in due {
            send(request.ask, of: request.rendition, to: request.url, range: request.range, isSecond: true)
        }
    }

    mutating func take(_ id: Int) -> Pending? { pending.removeValue(forKey: id) }

    mutating func cancel(where isUnwanted: (Pending) -> Bool) {
        for (id, request) in pending.sorted(by: { $0.key < $1.key }) where isUnwanted(request) {
            pending[id] = nil
            effects.append(.cancel(id))
        }
    }

    mutating func finish() { effects.append(.finished) }

    mutating func takeEffects() -> [LintEffect] {
        let taken = effects
        effects = []
        return taken
    }

    // MARK: Judgement

    /// Tells of a rule: `seen` is what breaks it, nil when it is kept.
    mutating func judge(_ rule: WireRule, at url: WebAddress, expected: String? = nil, seen: String?) {
        ledger.judge(.wire(rule), at: now, url: url, expected: expected, seen: seen)
    }

    /// Tells of a rule that holds while `isKept` is true.
    mutating func judge(
        _ rule: WireRule, at url: WebAddress, expected: String? = nil, holds isKept: Bool,
        else seen: @autoclosure () -> String
    ) {
        judge(rule, at: url, expected: expected, seen: isKept ? nil : seen())
    }

    mutating func record(_ results: [RuleResult], at url: WebAddress) {
        for result in results {
            ledger.judge(
                .playlist(result.rule), at: now, url: url,
                seen: result.isKept ? nil : result.findings.prefix(3).joined(separator: " "))
        }
    }
}

extension Duration {
    /// Seconds with up to three decimals, for evidence.
    var text: String {
        let thousandths = Int((inSeconds * 1_000).rounded())
        let (whole, rest) = (thousandths / 1_000, abs(thousandths % 1_000))
        if rest == 0 { return "\(whole) s" }
        let digits = String(rest + 1_000).dropFirst()
        return "\(thousandths < 0 && whole == 0 ? "-" : "")\(whole).\(digits) s"
    }
}
