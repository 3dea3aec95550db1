import NIOCore
import Seeded
import Testing

@testable import HLS

/// Playlists of long windows: text that later states share is the text that would be written anew.
@Suite struct SettledTextTests {
    /// The whole playlist or its delta from the segments alone, each line made anew.
    private func reference(_ timeline: LiveTimeline, skipped: Int) -> String {
        var text = PlaylistText()
        var lastInit: Int?
        for segment in timeline.segments.dropFirst(skipped) where segment.isListed {
            if segment.isDiscontinuity { text.append("#EXT-X-DISCONTINUITY\n") }
            if segment.initNumber != lastInit {
                let name = segment.initNumber == 0 ? "init" : "init-\(segment.initNumber)"
                text.append("#EXT-X-MAP:URI=\"e1/\(name).mp4\"\n")
            }
            lastInit = segment.initNumber
            text.append("#EXT-X-PROGRAM-DATE-TIME:")
            text.append(dateTime: segment.programDateTime)
            text.append("\n")
            if segment.sequence >= timeline.partsListedFrom {
                for (index, part) in segment.parts.enumerated() {
                    text.append("#EXT-X-PART:DURATION=")
                    text.append(part.duration)
                    text.append(",URI=\"e1/\(segment.sequence).\(index).m4s\"")
                    if part.isIndependent { text.append(",INDEPENDENT=YES") }
                    if part.isGap { text.append(",GAP=YES") }
                    text.append("\n")
                }
            }
            if let duration = segment.duration {
                if segment.isGap { text.append("#EXT-X-GAP\n") }
                text.append("#EXTINF:")
                text.append(duration)
                text.append(",\ne1/\(segment.sequence).m4s\n")
            }
        }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// The lines of media in a playlist: between its head and its hint.
    private func media(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let tags = ["#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-PROGRAM"]
        let isMedia = { (line: Substring) in
            tags.contains { line.hasPrefix($0) } && !line.hasPrefix("#EXT-X-DISCONTINUITY-")
        }
        let body = lines.drop { !isMedia($0) }.prefix { !$0.hasPrefix("#EXT-X-PRELOAD") && !$0.isEmpty }
        return body.map { "\($0)\n" }.joined()
    }

    @Test("4.4: whatever a life brings, shared text is what would be written anew", arguments: 0..<3 as Range<UInt64>)
    func lives(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var feed = Feed(TimelineConfiguration(partTarget: .milliseconds(500), targetDuration: 2, window: .seconds(40)))
        var number = 0
        for _ in 0..<100 {
            if Int.random(in: 0..<12, using: &random) == 0 {
                number += 1
                feed.timeline.initSection(number: number)
            }
            let isDiscontinuity = Int.random(in: 0..<8, using: &random) == 0
            let parts = Int.random(in: 0...4, using: &random)
            feed.open(discontinuity: isDiscontinuity)
            for index in 0..<parts {
                feed.part(independent: index == 0, gap: Int.random(in: 0..<9, using: &random) == 0)
                try compare(feed)
            }
            feed.close(Double(max(parts, 1)) / 2)
            try compare(feed)
            if Int.random(in: 0..<40, using: &random) == 0 { _ = feed.timeline.dropOldest() }
        }
    }

    private func compare(_ feed: Feed) throws {
        #expect(media(feed.text()) == reference(feed.timeline, skipped: 0))
        let skipped = try feed.parsed(skip: .segments).skip?.segments ?? 0
        #expect(media(feed.text(skip: .segments)) == reference(feed.timeline, skipped: skipped))
    }

    @Test("A part writes the same few lines anew, however long the window is")
    func shared() throws {
        var feed = Feed(
            TimelineConfiguration(partTarget: .milliseconds(500), targetDuration: 2, window: .seconds(3_600)))
        feed.add(1_700)
        feed.open(parts: 1)
        let before = feed.timeline.pieces(delta: nil, reports: [])
        feed.part()
        let after = feed.timeline.pieces(delta: nil, reports: [])
        #expect(before.settled == after.settled)
        #expect(before.settled.count > 3)
        #expect(after.head.readableBytes + after.live.readableBytes < 5_000)
        #expect(after.count > 100_000)
        // Four segments later only the first and the last stretch are others.
        feed.close(1)
        feed.add(4)
        let later = feed.timeline.pieces(delta: nil, reports: [])
        #expect(later.settled.dropFirst().dropLast() == after.settled.dropFirst().dropLast())
        let delta = feed.timeline.pieces(delta: .segments, reports: [])
        #expect(delta.count < 5_000)
    }

    @Test("For want of room the oldest goes first, and what 6.2.2 asks to stay listed stays")
    func dropping() {
        var feed = Feed()
        feed.add(14)
        // Ten segments of 2 s are listed, and four are not any more.
        #expect(feed.timeline.mediaSequence == 14)
        #expect((0..<4).map { _ in feed.timeline.dropOldest() } == [10, 11, 12, 13])
        #expect(feed.timeline.mediaSequence == 14)
        #expect((0..<4).map { _ in feed.timeline.dropOldest() } == [14, 15, 16, 17])
        #expect(feed.timeline.mediaSequence == 18)
        #expect(feed.timeline.dropOldest() == nil)
        #expect(feed.timeline.media("e1/17.m4s") == .gone)
        #expect(feed.timeline.media("e1/18.m4s") == .segment(18))
        #expect(feed.text().contains("#EXT-X-MEDIA-SEQUENCE:18\n"))
    }
}
