import HLS

/// Keeps what became of each rule.
package struct LintLedger: Sendable {
    private struct Entry {
        var looks = 0
        var broken = 0
        var findings: [Finding] = []
    }

    private var entries: [LintRule: Entry] = [:]

    /// Findings of one rule that are kept; more are counted.
    private static let findingLimit = 8

    /// A rule was looked at; `seen` says how it is broken, nil that it is kept.
    mutating func judge(_ rule: LintRule, at moment: Duration, url: WebAddress, expected: String? = nil, seen: String?)
    {
        var entry = entries[rule] ?? Entry()
        entry.looks += 1
        if let seen {
            entry.broken += 1
            if entry.findings.count < Self.findingLimit {
                entry.findings.append(
                    Finding(at: moment, url: url.description, seen: seen, expected: expected ?? rule.sentence))
            }
        }
        entries[rule] = entry
    }

    /// Rules judged so far that are at least as bad as `verdict`.
    func count(atLeast verdict: Verdict) -> Int { entries.keys.count { self.verdict(of: $0) >= verdict } }

    func verdict(of rule: LintRule) -> Verdict {
        guard let entry = entries[rule], entry.looks > 0 else { return .notSeen }
        if entry.broken == 0 { return .pass }
        return rule.level == .must ? .fail : .warn
    }

    /// Every rule in its order, with what was seen of it.
    var results: [LintReport.Result] {
        LintRule.all.map { rule in
            let entry = entries[rule] ?? Entry()
            return LintReport.Result(
                rule: rule, verdict: verdict(of: rule), looks: entry.looks, broken: entry.broken,
                findings: entry.findings)
        }
    }
}

/// What a lint has to say in the end.
package struct LintReport: Sendable {
    package struct Result: Sendable {
        package let rule: LintRule
        package let verdict: Verdict
        /// How often it was looked at, and how often it was broken then.
        package let looks: Int
        package let broken: Int
        package let findings: [Finding]
    }

    package let url: String
    /// How long it was watched.
    package let watched: Duration
    package let renditions: [String]
    /// The versions of HTTP that were spoken.
    package let protocols: [String]
    package let requests: Int
    package let results: [Result]
    /// Why nothing could be judged; nil where something was.
    package let trouble: String?
    /// What was not judged, and why.
    package let notes: [String]

    /// The worst verdict of all.
    package var worst: Verdict { results.map(\.verdict).max() ?? .notSeen }

    package func results(_ verdict: Verdict) -> [Result] { results.filter { $0.verdict == verdict } }

    /// 0: every rule that was seen is kept. 1: a recommendation is not followed. 2: a rule is broken. 3: nothing could be
    /// judged.
    package var exitCode: Int32 {
        if trouble != nil { return 3 }
        return switch worst {
        case .notSeen, .pass: 0
        case .warn: 1
        case .fail: 2
        }
    }
}
