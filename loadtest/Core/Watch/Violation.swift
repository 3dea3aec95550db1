/// A promise of the protocol that a server broke, with what shows it.
package struct Violation: Equatable, Sendable {
    package enum Rule: String, CaseIterable, Sendable, Codable {
        /// Sequence numbers and positions never go back.
        case sequence
        /// A listed part keeps its name and duration, and parts make their segment.
        case duration
        /// Decode times of one part follow on those before it.
        case continuity
        /// The same part has the same bytes for every viewer, and at the origin.
        case content
        /// What is listed can be fetched.
        case availability
        /// A blocking reload brings what it was asked for.
        case blocking
        /// What was hinted comes true.
        case hint
        /// A rule of the draft about the text of a playlist.
        case playlist
    }

    package var rule: Rule
    package var evidence: String

    package init(rule: Rule, evidence: String) {
        self.rule = rule
        self.evidence = evidence
    }
}
