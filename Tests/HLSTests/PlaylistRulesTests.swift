import Testing

@testable import HLS

/// Each rule finds what breaks it, and nothing else in a playlist that keeps all.
struct PlaylistRulesTests {
    /// 4 s of target duration, half-second parts; segments 8 to 12 of 4 s, 13 open with two parts.
    static let text: String = {
        var text = """
            #EXTM3U
            #EXT-X-VERSION:6
            #EXT-X-TARGETDURATION:4
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,HOLD-BACK=12,PART-HOLD-BACK=6
            #EXT-X-PART-INF:PART-TARGET=2
            #EXT-X-MEDIA-SEQUENCE:8
            #EXT-X-DISCONTINUITY-SEQUENCE:1
            #EXT-X-MAP:URI="e/init.mp4"

            """
        for sequence in 8...12 {
            if sequence == 10 { text += "#EXT-X-DISCONTINUITY\n" }
            text += "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:\((sequence - 8) * 4 + 10)Z\n"
            if sequence > 9 {
                text += "#EXT-X-PART:DURATION=2,URI=\"e/\(sequence).0.m4s\",INDEPENDENT=YES\n"
                text += "#EXT-X-PART:DURATION=2,URI=\"e/\(sequence).1.m4s\"\n"
            }
            text += "#EXTINF:4,\ne/\(sequence).m4s\n"
        }
        text += """
            #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:30Z
            #EXT-X-PART:DURATION=2,URI="e/13.0.m4s",INDEPENDENT=YES
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI="e/13.1.m4s"
            #EXT-X-RENDITION-REPORT:URI="../audio/playlist.m3u8",LAST-MSN=13,LAST-PART=0

            """
        return text
    }()

    struct Row: CustomTestStringConvertible {
        let rule: PlaylistRule
        /// Replaced text, and by what.
        let edits: [(String, String)]
        var testDescription: String { "\(rule) \(edits.map(\.0))" }

        init(_ rule: PlaylistRule, _ edits: (String, String)...) {
            self.rule = rule
            self.edits = edits
        }
    }

    static func edited(_ edits: [(String, String)]) throws -> MediaPlaylist {
        var lines = text
        for (old, new) in edits {
            #expect(lines.contains(old), "nothing to replace: \(old)")
            lines = lines.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        }
        return try MediaPlaylist(parsing: lines.utf8)
    }

    static func broken(_ results: [RuleResult]) -> [PlaylistRule] { results.filter { !$0.isKept }.map(\.rule) }

    static let stateRows: [Row] = [
        Row(.version, ("#EXT-X-VERSION:6", "#EXT-X-VERSION:9")),
        Row(.version, ("#EXT-X-VERSION:6", "#EXT-X-VERSION:5")),
        Row(.segmentWithinTarget, ("#EXTINF:4,\ne/8.", "#EXTINF:4.5,\ne/8.")),
        Row(.partTargetDeclared, ("#EXT-X-PART-INF:PART-TARGET=2\n", "")),
        Row(.partWithinTarget, ("DURATION=2,URI=\"e/13.0", "DURATION=2.00001,URI=\"e/13.0")),
        Row(
            .partFillsTarget, ("DURATION=2,URI=\"e/10.0.m4s\",INDEPENDENT=YES", "DURATION=1.69,URI=\"e/10.0.m4s\""),
            ("#EXTINF:4,\ne/10.", "#EXTINF:3.69,\ne/10.")),
        Row(.partsMakeSegment, ("#EXTINF:4,\ne/12.", "#EXTINF:3.9,\ne/12.")),
        Row(
            .partsOnlyNearEnd,
            (
                "#EXTINF:4,\ne/9.",
                "#EXT-X-PART:DURATION=2,URI=\"e/9.0.m4s\"\n#EXT-X-PART:DURATION=2,URI=\"e/9.1.m4s\"\n#EXTINF:4,\ne/9."
            )),
        Row(
            .partsWithoutHoles, ("#EXT-X-PART:DURATION=2,URI=\"e/11.0.m4s\",INDEPENDENT=YES\n", ""),
            ("#EXT-X-PART:DURATION=2,URI=\"e/11.1.m4s\"\n", "")),
        Row(.blockingReloadOffered, ("CAN-BLOCK-RELOAD=YES,", "")),
        Row(.skipBoundary, ("CAN-SKIP-UNTIL=24", "CAN-SKIP-UNTIL=23.9")),
        Row(.holdBack, (",HOLD-BACK=12", ",HOLD-BACK=11")),
        Row(.partHoldBack, ("PART-HOLD-BACK=6", "PART-HOLD-BACK=5.9")),
        Row(.partHoldBack, (",PART-HOLD-BACK=6", "")),
        Row(.oneHint, ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1.m4s\"\n", "")),
        Row(.oneHint, ("#EXT-X-RENDITION", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.2.m4s\"\n#EXT-X-RENDITION")),
        Row(
            .oneHint,
            (
                "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:30Z\n#EXT-X-PART:DURATION=2,URI=\"e/13.0.m4s\",INDEPENDENT=YES\n",
                "#EXT-X-ENDLIST\n"
            )),
        Row(.hintIsNext, ("TYPE=PART,URI=\"e/13.1", "TYPE=PART,URI=\"e/13.0")),
        Row(.discontinuityDated, ("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:18Z\n", "")),
        Row(.programDateTime, ("#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-OTHER")),
        Row(.programDateTimeFollows, ("00:00:14Z", "00:00:13Z")),
        Row(
            .mapForEverySegment, ("#EXT-X-MAP:URI=\"e/init.mp4\"\n", ""),
            ("#EXT-X-DISCONTINUITY\n", "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"e/init.mp4\"\n")),
        Row(.mapChangeIsDiscontinuity, ("#EXTINF:4,\ne/9.", "#EXT-X-MAP:URI=\"e/init-1.mp4\"\n#EXTINF:4,\ne/9.")),
        Row(.discontinuitySequenceTag, ("#EXT-X-DISCONTINUITY-SEQUENCE:1\n", "")),
        Row(.noPlaylistTypeWhenLive, ("#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA-SEQUENCE")),
        Row(.mapForEverySegment, ("#EXT-X-MAP:URI=\"e/init.mp4\"\n", ""), ("#EXT-X-VERSION:6", "#EXT-X-VERSION:1")),
        Row(.version, ("#EXT-X-MAP", "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n#EXT-X-MAP")),
        Row(.reportsComplete, (",LAST-PART=0", "")),
        Row(.reportsComplete, (",LAST-MSN=13", "")),
        Row(.endedWithoutOpenSegment, ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1.m4s\"", "#EXT-X-ENDLIST")),
    ]

    @Test("a playlist that keeps every rule is told so")
    func kept() throws {
        #expect(Self.broken(PlaylistRules.check(try Self.edited([]))) == [])
    }

    @Test("one state: each rule finds what breaks it, and no other does", arguments: stateRows)
    func state(_ row: Row) throws {
        #expect(Self.broken(PlaylistRules.check(try Self.edited(row.edits))) == [row.rule])
    }

    @Test(
        "4.4.4.9: a short part may be independent, a gap, before a gap or the last of its segment",
        arguments: [
            [("DURATION=2,URI=\"e/10.0", "DURATION=1,URI=\"e/10.0"), ("#EXTINF:4,\ne/10.", "#EXTINF:3,\ne/10.")],
            [("DURATION=2,URI=\"e/10.1", "DURATION=1,URI=\"e/10.1"), ("#EXTINF:4,\ne/10.", "#EXTINF:3,\ne/10.")],
            [
                ("DURATION=2,URI=\"e/10.0.m4s\",INDEPENDENT=YES", "DURATION=1,URI=\"e/10.0.m4s\",GAP=YES"),
                ("#EXTINF:4,\ne/10.", "#EXTINF:3,\ne/10."),
            ],
            [
                ("DURATION=2,URI=\"e/10.0.m4s\",INDEPENDENT=YES", "DURATION=1,URI=\"e/10.0.m4s\""),
                ("e/10.1.m4s\"", "e/10.1.m4s\",GAP=YES"), ("#EXTINF:4,\ne/10.", "#EXTINF:3,\ne/10."),
            ],
        ])
    func shortParts(edits: [(String, String)]) throws {
        #expect(Self.broken(PlaylistRules.check(try Self.edited(edits))) == [])
    }

    /// The first edits make the earlier state; the rest the later one.
    static let changeRows: [(rule: PlaylistRule, before: [(String, String)], after: [(String, String)])] = [
        (.targetDurationConstant, [], [("TARGETDURATION:4", "TARGETDURATION:5")]),
        (.partTargetConstant, [], [("PART-TARGET=2", "PART-TARGET=2.1")]),
        (.serverControlConstant, [], [("CAN-SKIP-UNTIL=24", "CAN-SKIP-UNTIL=25")]),
        (.endIsFinal, [("#EXT-X-PRELOAD", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD")], []),
        (.discontinuitySequenceNeverFalls, [], [("DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:0")]),
        (
            .discontinuitiesKeepTheirNumbers, [],
            [("#EXT-X-DISCONTINUITY-SEQUENCE:1", "#EXT-X-DISCONTINUITY-SEQUENCE:2")]
        ),
        (.segmentsUnchanged, [], [("#EXTINF:4,\ne/8.", "#EXTINF:3.9,\ne/8.")]),
        (.segmentsUnchanged, [], [("#EXTINF:4,\ne/8.m4s", "#EXTINF:4,\ne/8b.m4s")]),
        (.partsOnlyAppended, [], [("DURATION=2,URI=\"e/13.0", "DURATION=1.9,URI=\"e/13.0")]),
        (
            .partsOnlyAppended, [("#EXT-X-PART:DURATION=2,URI=\"e/12.1.m4s\"\n", "")], []
        ),
        (
            .partsLeaveLate, [],
            [
                ("#EXT-X-PART:DURATION=2,URI=\"e/11.0.m4s\",INDEPENDENT=YES\n", ""),
                ("#EXT-X-PART:DURATION=2,URI=\"e/11.1.m4s\"\n", ""),
            ]
        ),
        (
            .hintComesTrue, [("TYPE=PART,URI=\"e/13.1", "TYPE=PART,URI=\"e/13.x")],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.2"
                )
            ]
        ),
        // A segment of the usual length has no more parts, whatever was hinted.
        (
            .hintComesTrue,
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.2"
                )
            ],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXTINF:4,\ne/13.m4s\n"
                        + "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/14.0"
                )
            ]
        ),
        // Nothing came, and something else is hinted.
        (.hintComesTrue, [("TYPE=PART,URI=\"e/13.1", "TYPE=PART,URI=\"e/13.x")], []),
        // As much again of it, where it was not due to end.
        (
            .hintComesTrue,
            [
                ("DURATION=2,URI=\"e/13.0", "DURATION=1,URI=\"e/13.0"),
                ("TYPE=PART,URI=\"e/13.1", "TYPE=PART,URI=\"e/14.0"),
            ],
            [
                ("DURATION=2,URI=\"e/13.0", "DURATION=1,URI=\"e/13.0"),
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.2"
                ),
            ]
        ),
        // The range that follows is another.
        (
            .hintComesTrue, [("URI=\"e/13.1.m4s\"", "URI=\"e/13.m4s\",BYTERANGE-START=900")],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1.m4s\"",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.m4s\",BYTERANGE=\"500@800\"\n"
                        + "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.m4s\",BYTERANGE-START=1300"
                )
            ]
        ),
        // A discontinuity changes what was planned.
        (
            .hintedPartPublished,
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.2"
                )
            ],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXTINF:4,\ne/13.m4s\n#EXT-X-DISCONTINUITY\n"
                        + "#EXT-X-PART:DURATION=2,URI=\"e/14.0.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/14.1"
                )
            ]
        ),
        (
            .hintedPartPublished, [("TYPE=PART,URI=\"e/13.1", "TYPE=PART,URI=\"e/14.0")],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXT-X-PART:DURATION=2,URI=\"e/13.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.2"
                )
            ]
        ),
        (
            .hintedPartPublished, [],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXTINF:2,\ne/13.m4s\n#EXT-X-PART:DURATION=2,URI=\"e/14.0.m4s\",INDEPENDENT=YES\n"
                        + "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/14.1"
                )
            ]
        ),
        (
            .hintedPartPublished, [],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXTINF:2,\ne/13.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/14.0"
                )
            ]
        ),
        (
            .mediaNamedOnce, [("TYPE=PART,URI=\"e/13.1", "TYPE=PART,URI=\"e/14.0")],
            [
                (
                    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/13.1",
                    "#EXTINF:2,\ne/8.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/14.0"
                )
            ]
        ),
    ]

    @Test("two states: each rule finds what breaks it", arguments: changeRows)
    func change(rule: PlaylistRule, before: [(String, String)], after: [(String, String)]) throws {
        let earlier = try Self.edited(before)
        let later = try Self.edited(after)
        let broken = Self.broken(PlaylistRules.check(from: earlier, to: later))
        // Numbers of discontinuities follow from one another.
        let implied: Set<PlaylistRule> =
            rule == .discontinuitySequenceNeverFalls ? [.discontinuitiesKeepTheirNumbers] : []
        #expect(broken.contains(rule))
        #expect(Set(broken).subtracting(implied) == [rule])
    }

    @Test("two states: numbers that fall, segments that leave too early")
    func numbers() throws {
        let state = try Self.edited([])
        let moved = try Self.edited([("MEDIA-SEQUENCE:8", "MEDIA-SEQUENCE:7")])
        #expect(Self.broken(PlaylistRules.check(from: state, to: moved)).contains(.mediaSequenceNeverFalls))
        var short = state
        short.mediaSequence = 11
        short.segments.removeFirst(3)
        short.discontinuitySequence = 2
        #expect(Self.broken(PlaylistRules.check(from: state, to: short)) == [.threeTargetsRemain])
        #expect(Self.broken(PlaylistRules.check(from: state, to: state)) == [])
    }

    @Test(
        "a presentation: each rule finds what breaks it",
        arguments: [
            (PlaylistRule.equalTargetDurations, [("TARGETDURATION:4", "TARGETDURATION:5")]),
            (.equalServerControl, [("PART-HOLD-BACK=6", "PART-HOLD-BACK=7")]),
            (.datesEverywhere, [("#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-OTHER")]),
            (.reportForEveryOther, [("../audio/playlist", "../video2/playlist")]),
            (.matchingDiscontinuities, [("#EXT-X-DISCONTINUITY\n", "")]),
        ])
    func presentation(rule: PlaylistRule, edits: [(String, String)]) throws {
        let video = try Self.edited([])
        // What the audio playlist reports on is the video playlist.
        let toVideo = ("../audio/playlist", "../video/playlist")
        let audio = try Self.edited(rule == .reportForEveryOther ? edits : [toVideo] + edits)
        let good = try Self.edited([toVideo])
        #expect(
            Self.broken(
                PlaylistRules.check(presentation: [
                    ("video/playlist.m3u8", video), ("audio/playlist.m3u8", good),
                ])) == [])
        #expect(
            Self.broken(
                PlaylistRules.check(presentation: [
                    ("video/playlist.m3u8", video), ("audio/playlist.m3u8", audio),
                ])) == [rule])
    }

    @Test("every rule has been seen broken by these tests, and tells its section")
    func covered() {
        var seen = Set(Self.stateRows.map(\.rule)).union(Self.changeRows.map(\.rule))
        seen.formUnion([.mediaSequenceNeverFalls, .threeTargetsRemain])
        seen.formUnion([
            .equalTargetDurations, .equalServerControl, .datesEverywhere, .reportForEveryOther,
            .matchingDiscontinuities,
        ])
        #expect(Set(PlaylistRule.allCases).subtracting(seen) == [])
        for rule in PlaylistRule.allCases { #expect(!rule.section.isEmpty && rule.sentence.hasSuffix(".")) }
    }
}
