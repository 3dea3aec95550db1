import Testing

@testable import HLS

/// 6.2.5.1: delta updates. Segments last 2 s and the skip boundary is 12 s.
struct DeltaUpdateTests {
    @Test(
        "6.2.5.1: what lies further than the boundary from the end of the last whole segment is skipped",
        arguments: [
            (whole: 7, parts: 0, skipped: 0), (whole: 8, parts: 0, skipped: 1), (whole: 8, parts: 3, skipped: 1),
            (whole: 9, parts: 0, skipped: 2), (whole: 10, parts: 1, skipped: 3),
        ])
    func boundary(whole: Int, parts: Int, skipped: Int) throws {
        var feed = Feed()
        feed.add(whole)
        if parts > 0 { feed.open(parts: parts) }
        let delta = try feed.parsed(skip: .segments)
        #expect(delta.skip?.segments ?? 0 == skipped)
        #expect(delta.segments.count == whole - skipped + (parts > 0 ? 1 : 0))
        #expect(delta.mediaSequence == 10)
        #expect(delta.segments.first?.sequence == 10 + Int64(skipped))
    }

    @Test(
        "8: the version is 9 with EXT-X-SKIP and 6 without, for either directive",
        arguments: [
            SkipRequest.segments, .segmentsAndDateRanges,
        ])
    func version(skip: SkipRequest) throws {
        var feed = Feed()
        feed.add(7)
        #expect(try feed.parsed(skip: skip).version == 6)
        feed.add(1)
        let delta = try feed.parsed(skip: skip)
        #expect(delta.version == 9)
        // There are no date ranges, so none was removed.
        #expect(delta.skip == MediaPlaylist.Skip(segments: 1, removedDateRanges: nil))
        #expect(try feed.parsed().version == 6)
    }

    @Test("6.2.5.1: the first segment that is not skipped has its map and date, and its discontinuity")
    func repeats() {
        var feed = Feed()
        feed.add(1)
        feed.add(1, discontinuity: true)
        feed.add(7)
        let lines = feed.lines(skip: .segments)
        let skip = lines.firstIndex(of: "#EXT-X-SKIP:SKIPPED-SEGMENTS=2")
        #expect(
            skip.map { Array(lines[($0 + 1)...($0 + 2)]) } == [
                "#EXT-X-MAP:URI=\"e1/init.mp4\"", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:04.000Z",
            ])
        #expect(lines.contains("#EXT-X-DISCONTINUITY-SEQUENCE:0"))
        #expect(!lines.contains("#EXT-X-DISCONTINUITY"))
    }

    @Test("6.2.5.1-M4: every other tag stays")
    func keeps() {
        var feed = Feed()
        feed.add(9)
        feed.open(parts: 2)
        let report = RenditionReport(uri: "../audio/playlist.m3u8", position: MediaPosition(sequence: 11, part: 2))
        let full = feed.lines(reports: [report])
        let delta = feed.lines(skip: .segments, reports: [report])
        // Head but for the version, then what follows the skipped segments: three lines each, for they list no parts.
        #expect(delta[2..<8] == full[2..<8])
        #expect(delta[8] == "#EXT-X-SKIP:SKIPPED-SEGMENTS=2")
        #expect(delta[9] == full[8])
        #expect(Array(delta[10...]) == Array(full[(9 + 2 * 3)...]))
    }

    @Test("6.2.5.1-M5: an ended playlist is whole")
    func ended() {
        var feed = Feed()
        feed.add(9)
        feed.timeline.end()
        #expect(feed.text(skip: .segments) == feed.text())
    }

    @Test("6.2.5.1: a delta and what the client had before give the whole playlist")
    func applies() throws {
        var feed = Feed()
        feed.add(2)
        feed.add(1, discontinuity: true)
        feed.add(7)
        let earlier = try feed.parsed()
        feed.add(1)
        feed.open(parts: 1)
        let delta = try feed.parsed(skip: .segments)
        #expect(delta.skip?.segments == 3)
        #expect(try delta.applied(to: earlier) == feed.parsed())
    }

    @Test("4.4.4.5: the map of the last skipped segment carries on, as in the published examples")
    func carriesMap() throws {
        var feed = Feed()
        feed.add(10)
        let earlier = try feed.parsed()
        let lines = feed.lines(skip: .segments).filter {
            !$0.hasPrefix("#EXT-X-MAP") && !$0.hasPrefix("#EXT-X-PROGRAM")
        }
        let delta = try MediaPlaylist(parsing: lines.joined(separator: "\n").utf8)
        #expect(delta.skip?.segments == 3 && delta.segments.allSatisfy { $0.map == nil })
        #expect(PlaylistRules.check(delta).filter { !$0.isKept } == [])
        #expect(try delta.applied(to: earlier).segments.map(\.map) == earlier.segments.map(\.map))
    }

    @Test("6.3.7: a delta that skips what the client never had cannot be applied")
    func cannotApply() throws {
        var feed = Feed()
        feed.add(2)
        let early = try feed.parsed()
        feed.add(8)
        let delta = try feed.parsed(skip: .segments)
        #expect(throws: DeltaError.missingSegment(12)) { try delta.applied(to: early) }
        feed.add(20)
        let late = try feed.parsed(skip: .segments)
        #expect(throws: DeltaError.missingSegment(late.mediaSequence)) { try late.applied(to: early) }
        var other = early
        other.targetDuration = 3
        #expect(throws: DeltaError.targetDurationChanged) { try delta.applied(to: other) }
    }
}
