/// A rule of the draft that a media playlist can be seen to keep or break.
package enum PlaylistRule: String, CaseIterable, Sendable {
    // One state.
    case version
    case segmentWithinTarget
    case partTargetDeclared
    case partWithinTarget
    case partFillsTarget
    case partsMakeSegment
    case partsOnlyNearEnd
    case partsWithoutHoles
    case blockingReloadOffered
    case skipBoundary
    case holdBack
    case partHoldBack
    case oneHint
    case hintIsNext
    case programDateTime
    case discontinuityDated
    case programDateTimeFollows
    case mapForEverySegment
    case mapChangeIsDiscontinuity
    case discontinuitySequenceTag
    case noPlaylistTypeWhenLive
    case reportsComplete
    case endedWithoutOpenSegment

    // Two states, one after the other.
    case targetDurationConstant
    case partTargetConstant
    case serverControlConstant
    case mediaSequenceNeverFalls
    case discontinuitySequenceNeverFalls
    case discontinuitiesKeepTheirNumbers
    case segmentsUnchanged
    case partsOnlyAppended
    case partsLeaveLate
    case threeTargetsRemain
    case hintComesTrue
    case hintedPartPublished
    case endIsFinal
    case mediaNamedOnce

    // The media playlists of one presentation.
    case equalTargetDurations
    case equalServerControl
    case datesEverywhere
    case reportForEveryOther
    case matchingDiscontinuities

    /// Only a recommendation, no MUST, is broken with it. A version above what is needed plays everywhere, and much packaging
    /// software writes one; a hint may be withdrawn; a report may leave out what equals this playlist's own.
    package var isRecommendation: Bool {
        [.version, .hintedPartPublished, .discontinuityDated, .partsOnlyNearEnd, .reportsComplete].contains(self)
    }

    /// Where it is written: a section of draft-pantos-hls-rfc8216bis-22, B.1 for its Low-Latency Server Configuration
    /// Profile, or AAS for Apple's HLS Authoring Specification.
    package var section: String { text.section }

    /// What it asks for.
    package var sentence: String { text.sentence }

    private var text: (section: String, sentence: String) {
        switch self {
        case .version: ("6.2.1, 8", "EXT-X-VERSION is what the tags need, neither lower nor higher.")
        case .segmentWithinTarget: ("4.4.3.1", "No segment's duration, rounded to seconds, is above the target.")
        case .partTargetDeclared: ("4.4.3.7", "A playlist with parts has EXT-X-PART-INF.")
        case .partWithinTarget: ("4.4.4.9", "No part is longer than the part target.")
        case .partFillsTarget:
            (
                "4.4.4.9",
                "A part lasts at least 85 % of the part target, unless it is independent, a gap, before a gap or the "
                    + "last of its segment."
            )
        case .partsMakeSegment: ("3.2", "The parts of a segment last together what the segment lasts.")
        case .partsOnlyNearEnd: ("6.2.2", "Parts more than three target durations from the end are not listed.")
        case .partsWithoutHoles: ("6.2.2", "Parts are removed in order: after a segment with parts all have them.")
        case .blockingReloadOffered: ("B.1", "A live playlist with parts offers CAN-BLOCK-RELOAD.")
        case .skipBoundary: ("4.4.3.8", "CAN-SKIP-UNTIL is at least six target durations.")
        case .holdBack: ("4.4.3.8", "HOLD-BACK is at least three target durations.")
        case .partHoldBack: ("4.4.3.8, AAS 14.3", "PART-HOLD-BACK is there and at least three part targets.")
        case .oneHint: ("B.1, 6.2.6", "A live playlist with parts hints one part; an ended one hints nothing.")
        case .hintIsNext: ("4.4.5.3", "The hint is of a part that is not listed yet.")
        case .programDateTime: ("B.1, AAS 8.4", "The playlist has EXT-X-PROGRAM-DATE-TIME.")
        case .discontinuityDated: ("6.2.1", "Where segments are dated, each that begins with a discontinuity is.")
        case .programDateTimeFollows: ("6.2.1", "Dates do not go back by a second or more between segments.")
        case .mapForEverySegment:
            ("3.1.2, 4.4.4.5", "Segments of fragmented MP4 have an EXT-X-MAP; where any has one, the first listed has.")
        case .mapChangeIsDiscontinuity: ("6.2.1", "A change of EXT-X-MAP comes with EXT-X-DISCONTINUITY.")
        case .discontinuitySequenceTag:
            ("6.2.2", "A live playlist with EXT-X-DISCONTINUITY has EXT-X-DISCONTINUITY-SEQUENCE.")
        case .noPlaylistTypeWhenLive: ("6.2.2", "A live playlist that removes segments has no EXT-X-PLAYLIST-TYPE.")
        case .reportsComplete: ("4.4.5.4, B.1", "A rendition report tells LAST-MSN and LAST-PART.")
        case .endedWithoutOpenSegment: ("6.2.1", "An ended playlist has no open segment.")
        case .targetDurationConstant: ("6.2.1", "EXT-X-TARGETDURATION does not change.")
        case .partTargetConstant: ("4.4.3.7", "PART-TARGET does not change.")
        case .serverControlConstant: ("4.4.3.8", "EXT-X-SERVER-CONTROL does not change.")
        case .mediaSequenceNeverFalls: ("6.2.2", "EXT-X-MEDIA-SEQUENCE does not decrease, nor does the last segment.")
        case .discontinuitySequenceNeverFalls: ("6.2.2", "EXT-X-DISCONTINUITY-SEQUENCE does not decrease.")
        case .discontinuitiesKeepTheirNumbers: ("6.2.2", "A segment keeps its discontinuity sequence number.")
        case .segmentsUnchanged: ("6.2.1", "A listed segment does not change, but for its end while it is open.")
        case .partsOnlyAppended: ("6.2.1", "Parts are appended to an open segment, and none changes.")
        case .partsLeaveLate: ("6.2.2", "Parts are not removed before three target durations from the end.")
        case .threeTargetsRemain: ("6.2.2", "What remains after segments were removed lasts three target durations.")
        case .hintComesTrue:
            ("4.4.5.3", "The part that follows is the hinted one, unless the planned segmentation has changed.")
        case .hintedPartPublished:
            ("6.2.6", "A hinted part is the next that is published: segments end as they were planned.")
        case .endIsFinal: ("6.2.1", "After EXT-X-ENDLIST nothing is added.")
        case .mediaNamedOnce: ("6.2.1", "A URI is not used for another segment or part.")
        case .equalTargetDurations: ("6.2.4", "All media playlists have the same EXT-X-TARGETDURATION.")
        case .equalServerControl: ("6.2.4", "All media playlists have the same EXT-X-SERVER-CONTROL.")
        case .datesEverywhere: ("6.2.4", "Where one media playlist has dates, all have.")
        case .reportForEveryOther: ("B.1", "Every live media playlist reports on every other one.")
        case .matchingDiscontinuities: ("6.2.4", "Segments of one number have one discontinuity sequence number.")
        }
    }
}

/// What became of a rule in one look at a playlist.
package struct RuleResult: Sendable, Equatable {
    package let rule: PlaylistRule
    /// What breaks it, a sentence each; empty where it is kept.
    package let findings: [String]

    package var isKept: Bool { findings.isEmpty }
}

/// The conformance rules as code: what a lint of playlists and the tests of this server's own go by.
///
/// Each look gives a result for every rule that it looked at, kept or not.
package enum PlaylistRules {
    /// Collects what each rule finds.
    struct Ledger {
        private(set) var results: [RuleResult] = []

        /// Looks at a rule: `find` appends a sentence for each way in which it is broken.
        mutating func look(at rule: PlaylistRule, _ find: (inout [String]) -> Void) {
            var findings: [String] = []
            find(&findings)
            results.append(RuleResult(rule: rule, findings: findings))
        }
    }

    /// How far the sum of part durations may be from the segment's, for each is rounded on its own.
    static let roundingTolerance = Duration.milliseconds(5)
}
