import Testing

@testable import HLS

/// 4.4.5.3, 4.4.5.4 and 6.2.6: what a playlist says of the future and of others.
struct HintAndReportTests {
    @Test("B.1: there is always one hint, of the next part, and the part gets that very URI")
    func nextPart() throws {
        var feed = Feed()
        var hinted: String?
        for _ in 0..<3 {
            feed.open()
            for index in 0..<4 {
                feed.part(independent: index == 0)
                let playlist = try feed.parsed()
                if let hinted { #expect(playlist.segments.last?.parts.last?.uri == hinted) }
                #expect(playlist.hints.count == 1)
                hinted = playlist.hints.first?.uri
            }
            feed.close()
            // After a segment closes the hint is part 0 of the next.
            hinted = try feed.parsed().hints.first?.uri
            #expect(hinted == "e1/\(feed.timeline.mediaSequence + Int64(feed.timeline.segments.count)).0.m4s")
        }
    }

    @Test("4.4.5.3: a hint of the map comes before the segment that needs it")
    func mapHint() throws {
        var feed = Feed()
        feed.add(1)
        feed.open(parts: 1)
        feed.timeline.initSection(number: 1)
        #expect(try feed.parsed().hints.map(\.type) == ["PART"])
        feed.close(0.5)
        #expect(try feed.parsed().hints.map(\.uri) == ["e1/init-1.mp4", "e1/12.0.m4s"])
        feed.open(parts: 1, discontinuity: true)
        let playlist = try feed.parsed()
        #expect(playlist.hints.map(\.uri) == ["e1/12.1.m4s"])
        #expect(playlist.segments.map(\.map?.uri) == ["e1/init.mp4", "e1/init.mp4", "e1/init-1.mp4"])
    }

    @Test("4.4.4.3: a discontinuity that is known stands before the hint, once, and goes with its segment")
    func discontinuityAhead() throws {
        func tags(_ feed: Feed) -> [String] {
            feed.text().split(separator: "\n").map(String.init).filter {
                $0.hasPrefix("#EXT-X-DISCONTINUITY") && !$0.contains("SEQUENCE") || $0.hasPrefix("#EXT-X-PRELOAD")
            }
        }
        var feed = Feed()
        feed.add(1)
        #expect(tags(feed) == [#"#EXT-X-PRELOAD-HINT:TYPE=PART,URI="e1/11.0.m4s""#])
        feed.timeline.announceDiscontinuity()
        let announced = ["#EXT-X-DISCONTINUITY", #"#EXT-X-PRELOAD-HINT:TYPE=PART,URI="e1/11.0.m4s""#]
        #expect(tags(feed) == announced)
        // Told or not when it begins, it is one.
        feed.open()
        #expect(tags(feed) == announced)
        feed.part()
        #expect(tags(feed) == ["#EXT-X-DISCONTINUITY", #"#EXT-X-PRELOAD-HINT:TYPE=PART,URI="e1/11.1.m4s""#])
        feed.close()
        feed.add(1)
        #expect(try feed.parsed().segments.map(\.isDiscontinuity) == [false, true, false])
        feed.timeline.announceDiscontinuity()
        feed.timeline.end()
        #expect(tags(feed) == ["#EXT-X-DISCONTINUITY"])
    }

    @Test("6.2.6: a request for the hinted part is held until the part is there")
    func holdsHint() {
        var feed = Feed()
        feed.open(parts: 1)
        let wanted = MediaPosition(sequence: 10, part: 1)
        #expect(feed.timeline.media("e1/10.1.m4s") == .hinted(wanted, target: .hint(wanted)))
        #expect(!feed.timeline.isSatisfied(.hint(wanted)))
        feed.part()
        #expect(feed.timeline.isSatisfied(.hint(wanted)))
        #expect(feed.timeline.media("e1/10.1.m4s") == .part(wanted))
    }

    @Test("4.4.5.3: where a segment is expected to end, the hint is of the next one")
    func hintOfTheNextSegment() throws {
        var feed = Feed()
        feed.open(parts: 3)
        feed.timeline.appendPart(duration: 0.5, isIndependent: false, byteCount: 1_000, isLikelyLast: true)
        let wanted = MediaPosition(sequence: 11, part: 0)
        #expect(try feed.parsed().hints.map(\.uri) == ["e1/11.0.m4s"])
        #expect(feed.timeline.media("e1/11.0.m4s") == .hinted(wanted, target: .hint(wanted)))
        #expect(!feed.timeline.isSatisfied(.hint(wanted)))
        // It goes on against expectation: who asked waits on, and the hint is of this segment again.
        feed.part()
        #expect(!feed.timeline.isSatisfied(.hint(wanted)))
        #expect(try feed.parsed().hints.map(\.uri) == ["e1/10.5.m4s"])
        feed.close(2.5)
        #expect(!feed.timeline.isSatisfied(.hint(wanted)))
        feed.open(parts: 1)
        #expect(feed.timeline.isSatisfied(.hint(wanted)))
        #expect(feed.timeline.media("e1/11.0.m4s") == .part(wanted))
    }

    @Test("6.2.6-S3: a hint that will not come is known at once")
    func hintFails() {
        var feed = Feed()
        feed.open(parts: 2)
        let wanted = MediaPosition(sequence: 10, part: 2)
        #expect(feed.timeline.media("e1/10.2.m4s") == .hinted(wanted, target: .hint(wanted)))
        feed.close(1)
        #expect(feed.timeline.isSatisfied(.hint(wanted)))
        #expect(feed.timeline.media("e1/10.2.m4s") == .unknown)
    }

    @Test("B.1: a report tells the last segment and part of another rendition")
    func reports() throws {
        var feed = Feed()
        feed.open(parts: 1)
        let playlist = try feed.parsed(reports: [
            RenditionReport(uri: "../audio/playlist.m3u8", position: MediaPosition(sequence: 9, part: 5)),
            RenditionReport(uri: "../low/playlist.m3u8", position: MediaPosition(sequence: 10, part: 0)),
        ])
        #expect(
            playlist.reports == [
                .init(uri: "../audio/playlist.m3u8", lastSequence: 9, lastPart: 5),
                .init(uri: "../low/playlist.m3u8", lastSequence: 10, lastPart: 0),
            ])
    }

    @Test("4.4.5.4: a position is the last listed part")
    func position() {
        var feed = Feed()
        feed.add(1)
        #expect(feed.timeline.position == MediaPosition(sequence: 10, part: 3))
        feed.open()
        #expect(feed.timeline.position == MediaPosition(sequence: 10, part: 3))
        feed.part(independent: true)
        #expect(feed.timeline.position == MediaPosition(sequence: 11, part: 0))
    }
}
