import Testing

@testable import HLS

/// 6.2.1 and 6.2.2: how a playlist grows, forgets and ends.
struct PlaylistLifeTests {
    @Test(
        "6.2.2-M6: what remains is the window, three target durations and six segments at least",
        arguments: [
            (window: 6, target: 2, segment: 2.0, remaining: 6), (window: 20, target: 2, segment: 2.0, remaining: 10),
            (window: 1, target: 4, segment: 1.0, remaining: 12), (window: 30, target: 2, segment: 1.9, remaining: 16),
        ])
    func window(window: Int, target: Int, segment: Double, remaining: Int) throws {
        var feed = Feed(
            TimelineConfiguration(partTarget: .milliseconds(500), targetDuration: target, window: .seconds(window)))
        for _ in 0..<40 {
            feed.open(parts: 1)
            feed.close(segment)
        }
        let playlist = try feed.parsed()
        #expect(playlist.segments.count == remaining)
        #expect(playlist.mediaSequence == 50 - Int64(remaining))
        #expect(feed.timeline.mediaSequence == playlist.mediaSequence)
    }

    @Test("6.2.2: segments without duration do not pile up")
    func bounded() {
        var feed = Feed()
        for _ in 0..<300 {
            feed.open(parts: 1, part: 0)
            feed.close(0)
        }
        #expect(feed.timeline.segments.count == 180)
    }

    @Test("6.2.2-M10: discontinuities that left are counted, and each segment keeps its number")
    func discontinuities() throws {
        var feed = Feed(discontinuitySequence: 7)
        feed.add(1, discontinuity: true)
        feed.add(2)
        feed.add(1, discontinuity: true)
        let before = try feed.parsed()
        #expect(before.discontinuitySequence == 7)
        #expect(before.segments.map(\.discontinuitySequence) == [8, 8, 8, 9])
        feed.add(9)
        let after = try feed.parsed()
        #expect(after.mediaSequence == 13)
        #expect(after.discontinuitySequence == 8)
        #expect(after.segments.first?.discontinuitySequence == 9)
        feed.add(1)
        #expect(try feed.parsed().discontinuitySequence == 9)
    }

    @Test("6.2.1: the end lists everything, hints nothing and takes no more media")
    func end() throws {
        var feed = Feed()
        feed.add(1)
        feed.open(parts: 3)
        feed.timeline.end()
        let text = feed.text(reports: [
            RenditionReport(uri: "../audio/playlist.m3u8", position: .init(sequence: 1, part: 1))
        ])
        #expect(text.hasSuffix("#EXTINF:1.50000,\ne1/11.m4s\n#EXT-X-ENDLIST\n"))
        #expect(feed.timeline.hinted == nil)
        feed.add(2)
        feed.part()
        feed.timeline.end()
        #expect(feed.text() == text)
        #expect(PlaylistRules.check(try feed.parsed()).filter { !$0.isKept } == [])
    }

    @Test("6.2.1: an open segment without parts leaves nothing behind at the end")
    func endEmpty() throws {
        var feed = Feed()
        feed.add(1)
        feed.open()
        feed.timeline.end()
        #expect(try feed.parsed().segments.map(\.sequence) == [10])
        var nothing = Feed()
        nothing.timeline.end()
        #expect(try nothing.parsed().segments == [])
    }

    @Test("4.3.2: independent segments are promised while it is true, and never again after")
    func independence() throws {
        var feed = Feed()
        feed.add(2)
        #expect(try feed.parsed().hasIndependentSegments)
        feed.open(independent: false)
        // Nothing of it is listed yet.
        #expect(try feed.parsed().hasIndependentSegments)
        feed.part()
        #expect(try !feed.parsed().hasIndependentSegments)
        feed.close(0.5)
        feed.add(30)
        #expect(try !feed.parsed().hasIndependentSegments)
        #expect(!feed.timeline.isIndependentThroughout)
    }

    @Test("4.3.2: a first part without an independent frame is no independent segment, whatever was said")
    func dependentFirstPart() {
        var feed = Feed()
        feed.open(independent: true)
        feed.part(independent: false)
        #expect(!feed.timeline.isIndependentThroughout)
    }

    @Test("4.4.3.2: numbers have no holes: what came before a hole is delisted, and can still be fetched")
    func hole() throws {
        var feed = Feed()
        feed.add(2, discontinuity: true)
        let number = feed.timeline.startSegment(
            sequence: 20, programDateTimeMicroseconds: newYear, isDiscontinuity: true, isIndependent: true)
        feed.part(independent: true)
        #expect(number == 20)
        let playlist = try feed.parsed()
        #expect(playlist.mediaSequence == 20)
        #expect(playlist.segments.map(\.parts.first?.uri) == ["e1/20.0.m4s"])
        #expect(playlist.segments.first?.discontinuitySequence == 3)
        #expect(feed.timeline.media("e1/11.m4s") == .segment(11))
    }

    @Test("4.4.3.2: a number that was used before is raised")
    func raised() {
        var feed = Feed()
        feed.add(2)
        let number = feed.timeline.startSegment(
            sequence: 3, programDateTimeMicroseconds: newYear, isDiscontinuity: false, isIndependent: true)
        #expect(number == 12)
    }

    @Test("6.2.1-S2: a segment that got no media before the next began is a gap until then")
    func skippedSegment() throws {
        var feed = Feed()
        feed.add(1)
        feed.open()
        feed.timeline.startSegment(
            sequence: 12, programDateTimeMicroseconds: newYear + 3_500_000, isDiscontinuity: false, isIndependent: true)
        feed.part(independent: true)
        let playlist = try feed.parsed()
        #expect(playlist.segments.map(\.isGap) == [false, true, false])
        #expect(playlist.segments.map(\.duration) == [.seconds(2), .milliseconds(1_500), nil])
    }

    @Test(
        "4.4.4.6: dates are UTC with milliseconds, the past and the far future too",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (newYear + 12_345_678, "2026-01-01T00:00:12.345Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59.000Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
            (.max, "9999-12-31T23:59:59.999Z"), (.min, "0000-01-01T00:00:00.000Z"),
        ])
    func dates(moment: Int64, text: String) {
        var line = PlaylistText()
        line.append(dateTime: moment)
        #expect(String(decoding: line.bytes, as: UTF8.self) == text)
    }

    @Test("6.2.2-M7: a delisted segment lives its own and the longest playlist's duration longer")
    func expiry() {
        var feed = Feed()
        feed.add(10)
        #expect(feed.timeline.takeExpired(at: 1_000_000) == [])
        feed.add(1)
        // 22 s were listed when it left, and it lasts 2 s; its time begins at the next call.
        #expect(feed.timeline.takeExpired(at: 5_000_000) == [])
        #expect(feed.timeline.media("e1/10.m4s") == .segment(10))
        #expect(feed.timeline.media("e1/10.3.m4s") == .part(MediaPosition(sequence: 10, part: 3)))
        #expect(feed.timeline.takeExpired(at: 28_999_999) == [])
        #expect(feed.timeline.media("e1/10.m4s") == .segment(10))
        #expect(feed.timeline.takeExpired(at: 29_000_000) == [10])
        #expect(feed.timeline.takeExpired(at: 29_000_000) == [])
        #expect(feed.timeline.media("e1/10.m4s") == .gone)
        #expect(feed.timeline.media("e1/10.3.m4s") == .gone)
    }

    @Test("6.2.2: a clock that is set back ends no segment's time early, nor makes it endless")
    func clockSetBack() {
        var feed = Feed()
        feed.add(12)
        let start: Int64 = 1_000_000_000_000
        #expect(feed.timeline.takeExpired(at: start) == [])
        #expect(feed.timeline.takeExpired(at: start + 20_000_000) == [])
        #expect(feed.timeline.takeExpired(at: 0) == [])
        #expect(feed.timeline.takeExpired(at: 3_000_000) == [])
        #expect(feed.timeline.takeExpired(at: 4_000_000) == [10, 11])
        #expect(feed.timeline.takeExpired(at: .max) == [])
        #expect(feed.timeline.takeExpired(at: .min) == [])
    }

    @Test("6.2.2: an init section is needed as long as media that can be fetched needs it")
    func initSections() {
        var feed = Feed()
        feed.add(1)
        feed.timeline.initSection(number: 1)
        feed.add(10)
        #expect(feed.timeline.media("e1/init.mp4") == .initSection(0))
        _ = feed.timeline.takeExpired(at: 0)
        #expect(feed.timeline.takeExpired(at: 60_000_000) == [10])
        #expect(!feed.timeline.needsInitSection(0))
        #expect(feed.timeline.media("e1/init.mp4") == .unknown)
        #expect(feed.timeline.media("e1/init-1.mp4") == .initSection(1))
    }
}
