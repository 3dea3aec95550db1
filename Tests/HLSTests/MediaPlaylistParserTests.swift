import Testing

@testable import HLS

/// 4.1 to 4.4: playlists of anyone's, read.
struct MediaPlaylistParserTests {
    private func parse(_ text: String) throws(PlaylistError) -> MediaPlaylist {
        try MediaPlaylist(parsing: text.utf8)
    }

    @Test("4.1: CRLF, comments, empty and unknown lines, a last line without its end")
    func liberal() throws {
        let playlist = try parse(
            "#EXTM3U\r\n#EXT-X-TARGETDURATION:10\r\n\r\n# a comment\r\n#EXT-X-FUTURE:1,\"2\r\n"
                + "#EXTINF:9.009009,a title, with commas\r\nhttp://media.example/first.ts\r\n#EXTINF:3\r\nthird.ts")
        #expect(playlist.version == 1)
        #expect(playlist.targetDuration == 10)
        #expect(playlist.segments.map(\.uri) == ["http://media.example/first.ts", "third.ts"])
        #expect(playlist.segments.map(\.duration) == [.nanoseconds(9_009_009_000), .seconds(3)])
        #expect(!playlist.hasEnded)
    }

    @Test("4.4: every tag that the model holds")
    func everything() throws {
        let playlist = try parse(
            """
            #EXTM3U
            #EXT-X-VERSION:10
            #EXT-X-TARGETDURATION:4
            #EXT-X-PLAYLIST-TYPE:EVENT
            #EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=24,CAN-SKIP-DATERANGES=YES,CAN-BLOCK-RELOAD=NO, HOLD-BACK=12.5
            #EXT-X-PART-INF:PART-TARGET=0.33334
            #EXT-X-MEDIA-SEQUENCE:266
            #EXT-X-DISCONTINUITY-SEQUENCE:4
            #EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES="a\tb"
            #EXT-X-MAP:URI="init.mp4",BYTERANGE="700@10"
            #EXT-X-DISCONTINUITY
            #EXT-X-PROGRAM-DATE-TIME:2019-02-14T02:13:36.106+01:30
            #EXT-X-PART:DURATION=0.2,URI="a.mp4",BYTERANGE="20000@0",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.3,URI="a.mp4",BYTERANGE="23000",GAP=YES
            #EXT-X-GAP
            #EXT-X-BYTERANGE:43000@0
            #EXTINF:0.5,
            a.mp4
            #EXT-X-PART:DURATION=0.3,URI="b.0.mp4"
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI="b.1.mp4",BYTERANGE-START=10,BYTERANGE-LENGTH=7
            #EXT-X-RENDITION-REPORT:URI="../1M/waitForMSN.php",LAST-MSN=273,LAST-PART=2
            #EXT-X-RENDITION-REPORT:URI="../4M/waitForMSN.php"
            """)
        var expected = MediaPlaylist()
        expected.version = 10
        // Of numbers with a fraction.
        expected.leastVersion = 3
        expected.targetDuration = 4
        expected.playlistType = "EVENT"
        expected.serverControl = .init(
            canBlockReload: false, canSkipUntil: .seconds(24), canSkipDateRanges: true, holdBack: .milliseconds(12_500),
            partHoldBack: nil)
        expected.partTarget = .microseconds(333_340)
        expected.mediaSequence = 266
        expected.discontinuitySequence = 4
        expected.skip = .init(segments: 3, removedDateRanges: ["a", "b"])
        let map = MediaPlaylist.Resource(uri: "init.mp4", byteRange: .init(length: 700, start: 10))
        expected.segments = [
            .init(
                sequence: 269, discontinuitySequence: 5, uri: "a.mp4", byteRange: .init(length: 43_000, start: 0),
                duration: .milliseconds(500), isDiscontinuity: true, isGap: true,
                programDateTime: 1_550_105_016_106_000, map: map,
                parts: [
                    .init(
                        uri: "a.mp4", duration: .milliseconds(200), isIndependent: true, isGap: false,
                        byteRange: .init(length: 20_000, start: 0)),
                    .init(
                        uri: "a.mp4", duration: .milliseconds(300), isIndependent: false, isGap: true,
                        byteRange: .init(length: 23_000, start: nil)),
                ]),
            .init(
                sequence: 270, discontinuitySequence: 5, map: map,
                parts: [.init(uri: "b.0.mp4", duration: .milliseconds(300), isIndependent: false, isGap: false)]),
        ]
        expected.hints = [.init(type: "PART", uri: "b.1.mp4", byteRangeStart: 10, byteRangeLength: 7)]
        expected.reports = [
            .init(uri: "../1M/waitForMSN.php", lastSequence: 273, lastPart: 2),
            .init(uri: "../4M/waitForMSN.php", lastSequence: nil, lastPart: nil),
        ]
        #expect(playlist == expected)
    }

    @Test(
        "4.4.4.6: dates and times",
        arguments: [
            ("2026-01-01T00:00:00Z", newYear), ("2026-01-01T00:00:00.5Z", newYear + 500_000),
            ("2026-01-01T00:00:00.123456789Z", newYear + 123_456), ("2026-01-01T01:00:00+01:00", newYear),
            ("2025-12-31T19:00:00.000-0500", newYear), ("2026-01-01T02:00:00+02", newYear),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ])
    func dates(text: String, moment: Int64) {
        #expect(DateTimeText.unixMicroseconds(text.utf8) == moment)
    }

    @Test(
        "4.4.4.6: what is no date and time with a zone",
        arguments: [
            "", "2026-01-01", "2026-01-01T00:00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
            "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:",
            "2026-01-01T00:00:00Zx", "2026-01-01 00:00:00Z", "26-01-01T00:00:00Z", "2026-01-01T00:00:00+01:60",
        ])
    func noDates(text: String) {
        #expect(DateTimeText.unixMicroseconds(text.utf8) == nil)
    }

    static let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"

    @Test(
        "4.1 to 4.4: a mistake is told with its line",
        arguments: [
            ("", "line 1: a playlist begins with #EXTM3U; this is something else."),
            ("\u{feff}#EXTM3U\n", "line 1: a playlist begins with #EXTM3U; this is something else."),
            ("<html>\n", "line 1: a playlist begins with #EXTM3U; this is something else."),
            ("#EXTM3U\n", "#EXT-X-TARGETDURATION is missing."),
            (
                "#EXTM3U\n#EXT-X-TARGETDURATION:4.5\n",
                "line 2: #EXT-X-TARGETDURATION has \"4.5\" where it needs a decimal integer below 2^63."
            ),
            (
                "#EXTM3U\n#EXT-X-TARGETDURATION\n",
                "line 2: #EXT-X-TARGETDURATION has \"\" where it needs a decimal integer below 2^63."
            ),
            (
                "#EXTM3U\n#EXT-X-TARGETDURATION:999999\n",
                "line 2: #EXT-X-TARGETDURATION has \"999999\" where it needs a day at most."
            ),
            (
                head + "#EXT-X-TARGETDURATION:4\n",
                "line 3: #EXT-X-TARGETDURATION stands here for the second time; it may stand once."
            ),
            (
                head + "#EXT-X-VERSION:6\n#EXT-X-VERSION:6\n",
                "line 4: #EXT-X-VERSION stands here for the second time; it may stand once."
            ),
            (head + "a.ts\n", "line 3: a URI without #EXTINF before it."),
            (head + "#EXTINF:1,\n", "line 3: the URI of the last segment is missing."),
            (head + "#EXTINF:1,\n#EXTINF:1,\n", "line 4: #EXTINF follows another one without a URI between them."),
            (head + "#EXTINF:-1,\na\n", "line 3: #EXTINF has \"-1,\" where it needs seconds, then a comma."),
            (head + "#EXTINF:1e3,\na\n", "line 3: #EXTINF has \"1e3,\" where it needs seconds, then a comma."),
            (
                head + "#EXTINF:99999999999,\na\n",
                "line 3: #EXTINF has \"99999999999,\" where it needs seconds, then a comma."
            ),
            (head + "#EXT-X-PART:DURATION=1\n", "line 3: #EXT-X-PART needs the attribute URI."),
            (head + "#EXT-X-PART:URI=\"a\"\n", "line 3: #EXT-X-PART needs the attribute DURATION."),
            (
                head + "#EXT-X-PART:URI=a,DURATION=1\n",
                "line 3: #EXT-X-PART has \"a\" where it needs a quoted string for URI."
            ),
            (
                head + "#EXT-X-PART:URI=\"a,DURATION=1\n",
                "line 3: #EXT-X-PART has \"a,DURATION=1\" where it needs a closing quote."
            ),
            (
                head + "#EXT-X-PART:URI=\"a\"DURATION=1\n",
                "line 3: #EXT-X-PART has \"DURATION=1\" where it needs a comma."
            ),
            (head + "#EXT-X-PART:URI=\"a\",URI=\"b\"\n", "line 3: #EXT-X-PART has the attribute URI twice."),
            (
                head + "#EXT-X-PART:uri=\"a\"\n",
                "line 3: #EXT-X-PART has \"uri=\"a\"\" where it needs a list of NAME=value."
            ),
            (
                head + "#EXT-X-PART:DURATION=,URI=\"a\"\n",
                "line 3: #EXT-X-PART has \"\" where it needs a value after DURATION=."
            ),
            (
                head + "#EXT-X-PART:DURATION=\"1\",URI=\"a\"\n",
                "line 3: #EXT-X-PART has \"1\" where it needs no quotes for DURATION."
            ),
            (
                head + "#EXT-X-PART:DURATION=1,URI=\"a\",GAP=MAYBE\n",
                "line 3: #EXT-X-PART has \"MAYBE\" where it needs YES or NO for GAP."
            ),
            (
                head + "#EXTINF:1,\n#EXT-X-PART:DURATION=1,URI=\"a\"\n",
                "line 4: #EXT-X-PART must stand before the #EXTINF of its segment."
            ),
            (
                head + "#EXTINF:1,\na\n#EXT-X-MEDIA-SEQUENCE:3\n",
                "line 5: #EXT-X-MEDIA-SEQUENCE must stand before the first segment."
            ),
            (
                head + "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n",
                "line 4: #EXT-X-DISCONTINUITY-SEQUENCE must stand before #EXT-X-DISCONTINUITY."
            ),
            (
                head + "#EXT-X-MEDIA-SEQUENCE:9223372036854775807\n",
                "line 3: #EXT-X-MEDIA-SEQUENCE has \"9223372036854775807\" where it needs a number below 2^62."
            ),
            (
                head + "#EXT-X-MEDIA-SEQUENCE:9223372036854775808\n",
                "line 3: #EXT-X-MEDIA-SEQUENCE has \"9223372036854775808\" where it needs a decimal integer below 2^63."
            ),
            (head + "#EXT-X-SKIP:SKIPPED-SEGMENTS=50001\n", "line 3: more than 50000 skipped segments."),
            (
                head + "#EXT-X-PROGRAM-DATE-TIME:yesterday\n",
                "line 3: #EXT-X-PROGRAM-DATE-TIME has \"yesterday\" where it needs an ISO 8601 date and time."
            ),
            (
                head + "#EXT-X-BYTERANGE:1@2@3\n",
                "line 3: #EXT-X-BYTERANGE has \"1@2@3\" where it needs a byte range: length, or length@start."
            ),
            (
                head + "#EXT-X-STREAM-INF:BANDWIDTH=1\n",
                "line 3: #EXT-X-STREAM-INF belongs to the other kind of playlist, media or multivariant."
            ),
            (head + "#EXTINF:1,\ra\n", "line 3: not UTF-8 text, or a control character in it."),
            (head + "#EXTINF:1,\u{1}\na\n", "line 3: not UTF-8 text, or a control character in it."),
            (head + "#" + String(repeating: "x", count: 20_000) + "\n", "line 3: the line is longer than 16384 bytes."),
            (
                head + "#EXT-X-PART:" + (0...64).map { "A\($0)=1" }.joined(separator: ",") + "\n",
                "line 3: more than 64 attributes in #EXT-X-PART."
            ),
            (
                head + String(repeating: "#EXT-X-RENDITION-REPORT:URI=\"a\"\n", count: 1_001),
                "line 1003: more than 1000 rendition reports."
            ),
        ])
    func mistakes(text: String, sentence: String) {
        let error = #expect(throws: PlaylistError.self) { try MediaPlaylist(parsing: text.utf8) }
        #expect(error?.description == sentence)
    }

    @Test("4.1: bytes that are not UTF-8, and too many of them")
    func notText() {
        let invalid = Array((Self.head + "#").utf8) + [0xff, 0x0a]
        #expect(throws: PlaylistError(line: 3, reason: .notText)) { try MediaPlaylist(parsing: invalid) }
        let huge = [UInt8](repeating: 0x0a, count: PlaylistLimits.bytes + 1)
        #expect(throws: PlaylistError(line: 0, reason: .tooLarge(limit: PlaylistLimits.bytes))) {
            try MediaPlaylist(parsing: huge)
        }
    }

    @Test("4.4.4: segments and parts are bounded")
    func bounds() {
        let segments = Self.head + String(repeating: "#EXTINF:1,\na\n", count: PlaylistLimits.segments + 1)
        #expect(throws: PlaylistError(line: 100_004, reason: .tooMany("segments", limit: PlaylistLimits.segments))) {
            try parse(segments)
        }
        let parts = Self.head + String(repeating: "#EXT-X-PART:DURATION=1,URI=\"a\"\n", count: PlaylistLimits.parts + 1)
        #expect(
            throws: PlaylistError(line: 10_003, reason: .tooMany("parts in a segment", limit: PlaylistLimits.parts))
        ) {
            try parse(parts)
        }
    }
}
