import HLS
import HTTP
import NIOCore

/// What kind of answer a head belongs to.
enum AnswerKind: Equatable {
    case plainPlaylist
    case blockingPlaylist
    case media
    /// Of something that will exist soon.
    case tooEarly
    /// Of something that will never exist.
    case refusal
}

/// The rules that the head of an answer shows (appendix B.1).
struct HeadRules {
    let targetDuration: Int
    let partTarget: Duration?

    func judge(_ answer: LintAnswer, _ kind: AnswerKind, at url: WebAddress, desk: inout LintDesk) {
        judgeAccess(answer, at: url, desk: &desk)
        judgeLifetime(answer, kind, at: url, desk: &desk)
        judgeAge(answer, at: url, desk: &desk)
        desk.judge(
            .noCookies, at: url, holds: !answer.fields.contains("set-cookie"),
            else: "Set-Cookie: \(answer.fields.text("set-cookie") ?? "")")
        switch kind {
        case .plainPlaylist, .blockingPlaylist:
            judgePlaylist(answer, at: url, desk: &desk)
            judgeUrgency(answer, allowed: 0...1, at: url, desk: &desk)
        case .media: judgeUrgency(answer, allowed: 2...6, at: url, desk: &desk)
        case .tooEarly, .refusal: break
        }
    }

    private func judgeAccess(_ answer: LintAnswer, at url: WebAddress, desk: inout LintDesk) {
        let origin = answer.fields.text("access-control-allow-origin")
        desk.judge(
            .crossOrigin, at: url, expected: "Access-Control-Allow-Origin: *", holds: origin == "*",
            else: origin.map { "\(answer.status) with Access-Control-Allow-Origin: \($0)" }
                ?? "\(answer.status) without Access-Control-Allow-Origin")
        guard origin != nil, answer.status == 200 else { return }
        let lines = answer.fields.all("access-control-expose-headers").map(\.text).joined(separator: ",")
        let exposed = Set(
            lines.split(separator: ",").map { $0.lowercased().filter { !$0.isWhitespace } })
        let missing = ["age", "date", "content-length"].filter { !exposed.contains($0) && !exposed.contains("*") }
        desk.judge(
            .exposedFields, at: url, holds: missing.isEmpty,
            else: "Access-Control-Expose-Headers is \"\(lines)\": \(missing.joined(separator: ", ")) is missing")
    }

    private func judgePlaylist(_ answer: LintAnswer, at url: WebAddress, desk: inout LintDesk) {
        let coding = answer.fields.text("content-encoding") ?? "none"
        desk.judge(
            .gzip, at: url, expected: "Content-Encoding: gzip", holds: coding == "gzip", else: "coding: \(coding)")
        let type = Self.mediaType(answer)
        desk.judge(
            .playlistType, at: url,
            holds: ["application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl"].contains(type),
            else: "Content-Type: \(type)")
    }

    /// The media type without its parameters, in lower case.
    static func mediaType(_ answer: LintAnswer) -> String {
        let value = answer.fields.text("content-type") ?? ""
        return value.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
    }

    private func judgeUrgency(
        _ answer: LintAnswer, allowed: ClosedRange<Int>, at url: WebAddress, desk: inout LintDesk
    ) {
        guard let value = answer.fields.text("priority") else { return }
        let items = value.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        // RFC 9218, 4.1: 3 where it is not said.
        let urgency = items.first { $0.hasPrefix("u=") }.flatMap { Int($0.dropFirst(2)) } ?? 3
        desk.judge(
            .urgency, at: url, expected: "u=\(allowed.lowerBound) to u=\(allowed.upperBound)",
            holds: allowed.contains(urgency), else: "Priority: \(value)")
    }

    // MARK: Caches

    private func judgeLifetime(
        _ answer: LintAnswer, _ kind: AnswerKind, at url: WebAddress, desk: inout LintDesk
    ) {
        let control = CacheControl(answer.fields)
        let said = "\(answer.status) with Cache-Control: \(answer.fields.text("cache-control") ?? "(none)")"
        switch kind {
        case .plainPlaylist:
            // Lifetimes are whole seconds: half of an odd target is rounded up.
            let most = max(1, (targetDuration + 1) / 2)
            guard targetDuration > 0 else { return }
            desk.judge(
                .plainPlaylistLifetime, at: url, expected: "at most max-age=\(most)",
                // Where nothing is said, a cache goes by the time of the last change, which was a moment ago.
                holds: control.lifetime.map { $0 <= most } ?? true, else: said)
        case .blockingPlaylist:
            desk.judge(
                .blockingPlaylistLifetime, at: url, expected: "max-age=\(6 * targetDuration)",
                holds: control.lifetime == 6 * targetDuration, else: said)
        case .media:
            desk.judge(
                .mediaLifetime, at: url, expected: "at least max-age=\(6 * targetDuration), immutable",
                holds: control.isImmutable && (control.lifetime ?? 0) >= 6 * targetDuration, else: said)
        case .tooEarly:
            let most = partTarget.map { Int($0.inSeconds.rounded(.down)) } ?? 1
            desk.judge(
                .tooEarlyLifetime, at: url, expected: "no-store, or at most max-age=\(most)",
                holds: control.lifetime.map { $0 <= most } ?? true, else: said)
        case .refusal:
            desk.judge(
                .failureLifetime, at: url, expected: "at most max-age=\(targetDuration)",
                holds: control.lifetime.map { $0 <= targetDuration } ?? true, else: said)
        }
    }

    private func judgeAge(_ answer: LintAnswer, at url: WebAddress, desk: inout LintDesk) {
        guard let text = answer.fields.text("age") else {
            guard let cache = answer.fields.text("cache-status") ?? answer.fields.text("x-cache"),
                cache.lowercased().contains("hit")
            else { return }
            return desk.judge(.ageWithinLifetime, at: url, seen: "a cache's answer (\(cache)) without Age")
        }
        guard let age = Int(text) else { return desk.judge(.ageWithinLifetime, at: url, seen: "Age: \(text)") }
        guard let lifetime = CacheControl(answer.fields).lifetime else { return }
        desk.judge(
            .ageWithinLifetime, at: url, holds: age <= lifetime + 1, else: "Age: \(age), lifetime \(lifetime) s")
    }
}

/// The members of Cache-Control that say how long a shared cache may keep an answer (RFC 9111, 5.2.2).
struct CacheControl {
    /// Seconds; 0 for what must not be stored or used unasked; nil where nothing is said.
    private(set) var lifetime: Int?
    private(set) var isImmutable = false

    init(_ fields: HTTPFields) {
        var ages: [String: Int] = [:]
        var isForbidden = false
        for line in fields.all("cache-control") {
            for member in line.text.lowercased().split(separator: ",") {
                let text = member.filter { !$0.isWhitespace }
                if text == "no-store" || text == "no-cache" || text == "private" { isForbidden = true }
                if text == "immutable" { isImmutable = true }
                let pair = text.split(separator: "=", maxSplits: 1)
                if pair.count == 2, let seconds = Int(pair[1].filter { $0 != "\"" }) { ages[String(pair[0])] = seconds }
            }
        }
        lifetime = isForbidden ? 0 : ages["s-maxage"] ?? ages["max-age"]
    }
}
