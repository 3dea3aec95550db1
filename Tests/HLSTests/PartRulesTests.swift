import Testing

@testable import HLS

/// 4.4.3.7, 4.4.4.9 and 6.2.2: parts in a playlist.
struct PartRulesTests {
    @Test("4.4: an open segment lists its parts, a whole one its EXTINF too, each in its order")
    func golden() {
        var feed = Feed()
        feed.open(parts: 2)
        feed.part(0.43334)
        feed.close(1.43334)
        feed.open(parts: 1, discontinuity: true)
        let report = RenditionReport(uri: "../audio/playlist.m3u8", position: MediaPosition(sequence: 11, part: 2))
        #expect(
            feed.text(reports: [report]) == """
                #EXTM3U
                #EXT-X-VERSION:6
                #EXT-X-TARGETDURATION:2
                #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000,\
                PART-HOLD-BACK=1.50000
                #EXT-X-PART-INF:PART-TARGET=0.50000
                #EXT-X-MEDIA-SEQUENCE:10
                #EXT-X-DISCONTINUITY-SEQUENCE:0
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-MAP:URI="e1/init.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
                #EXT-X-PART:DURATION=0.50000,URI="e1/10.0.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.50000,URI="e1/10.1.m4s"
                #EXT-X-PART:DURATION=0.43334,URI="e1/10.2.m4s"
                #EXTINF:1.43334,
                e1/10.m4s
                #EXT-X-DISCONTINUITY
                #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:01.433Z
                #EXT-X-PART:DURATION=0.50000,URI="e1/11.0.m4s",INDEPENDENT=YES
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI="e1/11.1.m4s"
                #EXT-X-RENDITION-REPORT:URI="../audio/playlist.m3u8",LAST-MSN=11,LAST-PART=2

                """)
    }

    @Test("B.1: the playlist is there as soon as the first part closes")
    func startup() throws {
        var feed = Feed()
        #expect(feed.timeline.position == nil)
        feed.open()
        #expect(feed.timeline.position == nil)
        feed.part(independent: true)
        #expect(feed.timeline.position == MediaPosition(sequence: 10, part: 0))
        let playlist = try feed.parsed()
        #expect(playlist.segments.map(\.parts.count) == [1])
        #expect(playlist.segments.map(\.duration) == [nil])
        #expect(playlist.mediaSequence == 10)
        #expect(PlaylistRules.check(playlist).filter { !$0.isKept } == [])
    }

    @Test("6.2.2-S1: parts more than three target durations from the end are not listed, segment by segment")
    func partsLeave() throws {
        var feed = Feed()
        feed.add(4)
        // Three segments are exactly three target durations: the first one's parts end there.
        #expect(try feed.parsed().segments.map(\.parts.count) == [4, 4, 4, 4])
        feed.open(parts: 1)
        #expect(try feed.parsed().segments.map(\.parts.count) == [0, 4, 4, 4, 1])
        feed.part()
        #expect(try feed.parsed().segments.map(\.parts.count) == [0, 4, 4, 4, 2])
    }

    @Test("6.2.2-M5: parts that left do not come back when a segment ends shorter than its parts")
    func partsStayAway() throws {
        var feed = Feed()
        feed.add(3)
        feed.open(parts: 4)
        feed.open(parts: 1, part: 0.00002)
        let gone = try feed.parsed()
        #expect(gone.segments.first?.parts.count == 0)
        feed.timeline.endSegment(duration: 0)
        #expect(try feed.parsed().segments.first?.parts.count == 0)
    }

    @Test(
        "4.4.4.9: durations are rounded once, to 10 µs",
        arguments: [
            (1.0 / 3, "0.33333"), (0.4640000001, "0.46400"), (0.000005, "0.00001"), (0.0000049, "0.00000"),
            (0, "0.00000"), (-1, "0.00000"), (.nan, "0.00000"), (.infinity, "86400.00000"), (1e300, "86400.00000"),
            (2.999999, "3.00000"), (12.34567, "12.34567"),
        ])
    func rounding(seconds: Double, text: String) {
        var feed = Feed()
        feed.open()
        feed.part(seconds, independent: true)
        #expect(feed.text().contains("#EXT-X-PART:DURATION=\(text),"))
    }

    @Test("6.2.2: parts last together what their segment does, in what is listed")
    func roundedPartsAddUp() throws {
        var feed = Feed()
        feed.open()
        for _ in 0..<5 { feed.part(2.0 / 3 / 5, independent: true) }
        feed.timeline.endSegment(duration: 2.0 / 3)
        let segment = try #require(try feed.parsed().segments.first)
        #expect(segment.parts.reduce(Duration.zero) { $0 + $1.duration } == segment.duration)
        #expect(segment.duration == .microseconds(666_670))
    }

    @Test("4.4.4.9: a gap part says so, is not independent and cannot be fetched")
    func gapPart() throws {
        var feed = Feed()
        feed.open(parts: 1)
        feed.part(independent: true, gap: true)
        feed.part()
        #expect(feed.text().contains("#EXT-X-PART:DURATION=0.50000,URI=\"e1/10.1.m4s\",GAP=YES\n"))
        #expect(feed.timeline.media("e1/10.0.m4s") == .part(MediaPosition(sequence: 10, part: 0)))
        #expect(feed.timeline.media("e1/10.1.m4s") == .unknown)
        feed.close(1.5)
        #expect(!feed.text().contains("#EXT-X-GAP"))
        #expect(feed.timeline.media("e1/10.m4s") == .segment(10))
    }

    @Test("6.2.1-M3: a segment of gap parts alone, or of none, is a gap")
    func gapSegments() throws {
        var feed = Feed()
        feed.add(1)
        feed.open()
        feed.part(gap: true)
        feed.part(gap: true)
        feed.close(1)
        feed.open()
        feed.close(2)
        feed.add(1)
        let playlist = try feed.parsed()
        #expect(playlist.segments.map(\.isGap) == [false, true, true, false])
        #expect(playlist.segments.map(\.duration) == [.seconds(2), .seconds(1), .seconds(2), .seconds(2)])
        #expect(feed.timeline.media("e1/11.m4s") == .unknown)
        #expect(feed.timeline.media("e1/12.m4s") == .unknown)
        #expect(playlist.hasIndependentSegments)
        #expect(PlaylistRules.check(playlist).filter { !$0.isKept } == [])
    }
}
