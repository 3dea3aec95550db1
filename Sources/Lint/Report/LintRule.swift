import HLS

/// Any rule that a lint judges: what playlists show, and what the wire shows.
package enum LintRule: Hashable, Sendable {
    case playlist(PlaylistRule)
    case wire(WireRule)

    package static let all: [LintRule] =
        PlaylistRule.allCases.map { .playlist($0) } + WireRule.allCases.map { .wire($0) }

    /// The name by which a report and `docs/lint.md` tell of it.
    package var name: String {
        switch self {
        case .playlist(let rule): rule.rawValue
        case .wire(let rule): rule.rawValue
        }
    }

    package var section: String {
        switch self {
        case .playlist(let rule): rule.section
        case .wire(let rule): rule.section
        }
    }

    package var sentence: String {
        switch self {
        case .playlist(let rule): rule.sentence
        case .wire(let rule): rule.sentence
        }
    }

    /// What breaks a MUST fails, what breaks a recommendation warns.
    package var level: WireRule.Level {
        switch self {
        case .playlist(let rule): rule.isRecommendation ? .should : .must
        case .wire(let rule): rule.level
        }
    }
}

/// What became of a rule, in the order of badness.
package enum Verdict: String, Sendable, Comparable, CaseIterable {
    /// Nothing came by that the rule speaks of.
    case notSeen = "not seen"
    case pass
    case warn
    case fail

    package static func < (a: Verdict, b: Verdict) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .notSeen: 0
        case .pass: 1
        case .warn: 2
        case .fail: 3
        }
    }
}

/// One way in which a rule was seen broken.
package struct Finding: Sendable, Equatable {
    /// When, counted from the beginning of the watch.
    package let at: Duration
    /// Where it was seen.
    package let url: String
    package let seen: String
    package let expected: String
}
