import HLS
import LintFaults
import NIOCore
import Testing

@testable import Lint

/// Segments of which a part never came (4.4.4.9): a hole between samples is in their times, one at the end is not.
struct GapTests {
    /// Findings of a watch of one segment of three parts, each half a second long.
    private static func findings(gap: Int, extinf: String, date: String) throws -> [WireRule: [String]] {
        let rendition = try #require(SimulatedWatch.source.renditions["video"])
        let places = [(100, 0), (100, 1), (101, 0), (101, 1)].map { MediaPosition(sequence: $0.0, part: $0.1) }
        let media = try places.map { try #require(rendition.parts[$0]) }
        let parts = (0..<3).map { index in
            "#EXT-X-PART:DURATION=0.5,URI=\"7.\(index).m4s\""
                + (index == gap ? ",GAP=YES" : index == 1 ? "" : ",INDEPENDENT=YES")
        }
        let playlist = """
            #EXTM3U
            #EXT-X-VERSION:6
            #EXT-X-TARGETDURATION:2
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6,PART-HOLD-BACK=1.5
            #EXT-X-PART-INF:PART-TARGET=0.5
            #EXT-X-MEDIA-SEQUENCE:7
            #EXT-X-MAP:URI="init.mp4"
            #EXT-X-PROGRAM-DATE-TIME:\(date)
            \(parts.joined(separator: "\n"))
            #EXTINF:\(extinf),
            7.m4s
            #EXT-X-PROGRAM-DATE-TIME:2025-12-31T23:59:59.500Z
            #EXT-X-PART:DURATION=0.5,URI="8.0.m4s"
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI="8.1.m4s"

            """
        var outside = try LintOutside()
        for _ in 0..<2 { try outside.answer("playlist.m3u8", 200, playlist) }
        try outside.answer("init.mp4", bytes: rendition.initSection)
        var whole = ByteBuffer()
        for index in 0..<3 where index != gap {
            try outside.answer("/7.\(index).m4s", bytes: media[index])
            whole.writeImmutableBuffer(media[index])
        }
        try outside.answer("/8.0.m4s", bytes: media[3])
        try outside.answer("/7.m4s", bytes: whole)
        let rules: [WireRule] = [
            .boxesValid, .partDuration, .segmentDuration, .mediaContinues, .segmentIsItsParts, .datesFollowMedia,
            .shownInOrder,
        ]
        return Dictionary(uniqueKeysWithValues: rules.map { ($0, outside.findings($0)) }).filter { !$0.value.isEmpty }
    }

    @Test("the segment lasts what its parts last, wherever the gap is", arguments: [0, 1, 2])
    func durations(gap: Int) throws {
        // 4.4.4.6: the date is that of the first sample.
        let date = gap == 0 ? "2025-12-31T23:59:58.500Z" : "2025-12-31T23:59:58.000Z"
        #expect(try Self.findings(gap: gap, extinf: "1.5", date: date) == [:])
        let lost = try Self.findings(gap: gap, extinf: "1", date: date)
        #expect(lost.keys.sorted { $0.rawValue < $1.rawValue } == [.segmentDuration])
        let twice = try Self.findings(gap: gap, extinf: "2", date: date)
        #expect(twice.keys.sorted { $0.rawValue < $1.rawValue } == [.segmentDuration])
    }

    @Test("4.4.4.6: a segment that begins with a gap is dated by its first sample")
    func dates() throws {
        let moved = try Self.findings(gap: 0, extinf: "1.5", date: "2025-12-31T23:59:58.000Z")
        #expect(moved.keys.map(\.self) == [.datesFollowMedia])
    }
}
