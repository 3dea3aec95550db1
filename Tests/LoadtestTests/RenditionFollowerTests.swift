import HLS
import Testing

@testable import LoadtestCore

/// A live playlist in text, two parts of 200 ms a segment, as one state after another.
struct LiveText {
    /// The last part that is listed.
    var sequence: Int64
    var part: Int
    var first: Int64 = 0
    var canBlock = true
    var hint = true
    var hasEnded = false
    static let partsPerSegment = 5

    var text: String {
        var lines = [
            "#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:1", "#EXT-X-PART-INF:PART-TARGET=0.2",
            "#EXT-X-SERVER-CONTROL:\(canBlock ? "CAN-BLOCK-RELOAD=YES," : "")CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=0.6",
            "#EXT-X-MEDIA-SEQUENCE:\(first)",
        ]
        for sequence in first...sequence {
            let isOpen = sequence == self.sequence && part < Self.partsPerSegment - 1
            for index in 0...(sequence == self.sequence ? part : Self.partsPerSegment - 1) {
                lines.append(
                    "#EXT-X-PART:DURATION=0.2,URI=\"e/\(sequence).\(index).m4s\"\(index == 0 ? ",INDEPENDENT=YES" : "")"
                )
            }
            if !isOpen { lines += ["#EXTINF:1.0,", "e/\(sequence).m4s"] }
        }
        if hasEnded {
            lines.append("#EXT-X-ENDLIST")
        } else if hint {
            let next = part < Self.partsPerSegment - 1 ? "\(sequence).\(part + 1)" : "\(sequence + 1).0"
            lines.append("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"e/\(next).m4s\"")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func listed(_ path: String = "/live/a/v.m3u8") throws -> ListedPlaylist {
        ListedPlaylist(try MediaPlaylist(parsing: Array(text.utf8)), path: path)
    }
}

@Suite("Following a media playlist") struct RenditionFollowerTests {
    private let ms: Int64 = 1_000
    private typealias Effect = RenditionFollower.Effect

    private func joined(_ text: LiveText) throws -> (RenditionFollower, [RenditionFollower.Effect]) {
        var follower = RenditionFollower(path: "/live/a/v.m3u8")
        var effects: [Effect] = []
        follower.start(into: &effects)
        #expect(effects == [.fetchPlaylist("/live/a/v.m3u8")])
        effects = []
        follower.received(try text.listed(), at: 0, into: &effects)
        return (follower, effects)
    }

    private func fetched(_ effects: [RenditionFollower.Effect]) -> [String] {
        effects.compactMap { if case .fetchMedia(let path) = $0 { path } else { nil } }
    }

    private func violations(_ effects: [RenditionFollower.Effect]) -> [Violation.Rule] {
        effects.compactMap { if case .violation(let violation) = $0 { violation.rule } else { nil } }
    }

    @Test("it begins at the independent part before the hold-back, and asks for the next part with a delta")
    func join() throws {
        // Listed are 7 s and 400 ms; 600 ms from the end is 6.8 s, and 6 begins there with its independent part at 6 s.
        let (_, effects) = try joined(LiveText(sequence: 7, part: 1))
        #expect(effects.contains(.begin(first: 6_800 * ms, from: 6_000 * ms, holdBack: 600 * ms)))
        #expect(effects.contains(.edge(7_400 * ms, holdBack: 600 * ms)))
        #expect(fetched(effects) == ["/live/a/e/6.0.m4s"])
        #expect(effects.contains(.fetchPlaylist("/live/a/v.m3u8?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES")))
    }

    @Test("listed parts in order, then the hint; a part past a finished segment is part 0 of the next")
    func order() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 3))
        var order = fetched(effects)
        for _ in 0..<5 {
            effects = []
            follower.mediaArrived(at: 10 * ms, into: &effects)
            order += fetched(effects)
            if order.last == "/live/a/e/7.4.m4s" { break }
        }
        #expect(order.suffix(3) == ["/live/a/e/7.2.m4s", "/live/a/e/7.3.m4s", "/live/a/e/7.4.m4s"])
        // The hinted part comes before its listing, and counts when that is there.
        effects = []
        follower.mediaArrived(at: 150 * ms, into: &effects)
        #expect(effects.isEmpty)
        follower.received(try LiveText(sequence: 7, part: 4).listed(), at: 160 * ms, into: &effects)
        #expect(violations(effects).isEmpty)
        guard case .media(let arrival)? = effects.first(where: { if case .media = $0 { true } else { false } }) else {
            Issue.record("no media")
            return
        }
        #expect(arrival.path == "/live/a/e/7.4.m4s" && arrival.arrivedAt == 150 * ms && arrival.listedAt == 160 * ms)
        #expect(arrival.follows == "/live/a/e/7.3.m4s")
        #expect(arrival.start == 7_800 * ms)
        #expect(fetched(effects) == ["/live/a/e/8.0.m4s"])
        effects = []
        follower.received(try LiveText(sequence: 8, part: 0).listed(), at: 360 * ms, into: &effects)
        follower.mediaArrived(at: 370 * ms, into: &effects)
        #expect(violations(effects).isEmpty)
        #expect(effects.contains { if case .media(let next) = $0 { next.start == 8_000 * ms } else { false } })
        #expect(!effects.contains { if case .jump = $0 { true } else { false } })
    }

    @Test("a delta lists what is needed, and the line goes on")
    func delta() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        effects = []
        var next = LiveText(sequence: 7, part: 2)
        next.first = 5
        follower.received(try next.listed(), at: 200 * ms, into: &effects)
        #expect(effects.contains(.edge(7_600 * ms, holdBack: 600 * ms)))
        #expect(violations(effects).isEmpty)
    }

    @Test("what falls back, changes or is not what was asked for is a violation")
    func broken() throws {
        let rows: [(LiveText, Violation.Rule)] = [
            (LiveText(sequence: 7, part: 1), .blocking), (LiveText(sequence: 6, part: 1), .sequence),
        ]
        for (text, rule) in rows {
            var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
            effects = []
            follower.received(try text.listed(), at: 200 * ms, into: &effects)
            #expect(violations(effects).contains(rule), "\(rule)")
        }
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        effects = []
        let changed = LiveText(sequence: 7, part: 2).text.replacing(
            "DURATION=0.2,URI=\"e/7.1", with: "DURATION=0.19,URI=\"e/7.1")
        let playlist = ListedPlaylist(try MediaPlaylist(parsing: Array(changed.utf8)), path: "/live/a/v.m3u8")
        follower.received(playlist, at: 200 * ms, into: &effects)
        #expect(violations(effects) == [.duration])
    }

    @Test("a listed part that is not there is a violation and is jumped over; a hint may turn out wrong")
    func missing() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        effects = []
        follower.mediaMissing(status: 404, at: 10 * ms, into: &effects)
        #expect(violations(effects) == [.availability])
        #expect(effects.contains(.jump(to: 6_200 * ms, skipped: 1)))
        #expect(fetched(effects) == ["/live/a/e/6.1.m4s"])
        for _ in 0..<6 { follower.mediaArrived(at: 20 * ms, into: &effects) }
        #expect(fetched(effects).last == "/live/a/e/7.2.m4s")
        effects = []
        follower.mediaMissing(status: 404, at: 30 * ms, into: &effects)
        #expect(effects.isEmpty, "nothing is asked for until the playlist says more")
        var other = LiveText(sequence: 8, part: 0)
        other.first = 7
        follower.received(try other.listed(), at: 200 * ms, into: &effects)
        #expect(fetched(effects) == ["/live/a/e/7.2.m4s"])
    }

    @Test("a hint that does not come true is a violation once it was waited for")
    func wrongHint() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        for _ in 0..<7 { follower.mediaArrived(at: 20 * ms, into: &effects) }
        #expect(fetched(effects).last == "/live/a/e/7.2.m4s")
        effects = []
        let other = LiveText(sequence: 7, part: 2).text.replacing("e/7.2.m4s", with: "e/7.2b.m4s")
        let playlist = ListedPlaylist(try MediaPlaylist(parsing: Array(other.utf8)), path: "/live/a/v.m3u8")
        follower.received(playlist, at: 200 * ms, into: &effects)
        #expect(violations(effects) == [.hint])
        #expect(effects.contains(.cancelMedia) && fetched(effects) == ["/live/a/e/7.2b.m4s"])
    }

    @Test("a window that has moved on is jumped into")
    func fellBehind() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        effects = []
        var late = LiveText(sequence: 20, part: 1)
        late.first = 15
        follower.received(try late.listed(), at: 13_000 * ms, into: &effects)
        #expect(effects.contains { if case .jump(_, let skipped) = $0 { skipped > 1 } else { false } })
        #expect(fetched(effects).last == "/live/a/e/15.0.m4s")
    }

    @Test("without blocking reloads it polls, half as long after an answer without news (6.3.4)")
    func polling() throws {
        var text = LiveText(sequence: 7, part: 1)
        text.canBlock = false
        var (follower, effects) = try joined(text)
        #expect(effects.last == .wake(at: 200 * ms))
        effects = []
        follower.tick(at: 200 * ms, into: &effects)
        #expect(effects.contains(.fetchPlaylist("/live/a/v.m3u8")))
        effects = []
        follower.received(try text.listed(), at: 200 * ms, into: &effects)
        #expect(effects.last == .wake(at: 300 * ms))
    }

    @Test("failures are tried again, slower each time, and end a stream that stays away")
    func failures() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        effects = []
        follower.playlistFailed(isGone: false, at: 0, into: &effects)
        #expect(effects == [.wake(at: 100 * ms)])
        effects = []
        follower.tick(at: 100 * ms, into: &effects)
        #expect(effects == [.fetchPlaylist("/live/a/v.m3u8")])
        effects = []
        for _ in 0..<30 { follower.playlistFailed(isGone: false, at: 200 * ms, into: &effects) }
        #expect(effects.last == .ended)
    }

    @Test("ENDLIST ends it when all is fetched")
    func end() throws {
        var (follower, effects) = try joined(LiveText(sequence: 7, part: 1))
        var last = LiveText(sequence: 7, part: 4)
        last.hasEnded = true
        effects = []
        follower.received(try last.listed(), at: 200 * ms, into: &effects)
        #expect(!effects.contains(.ended))
        for _ in 0..<20 { follower.mediaArrived(at: 210 * ms, into: &effects) }
        #expect(effects.filter { $0 == .ended }.count == 1)
    }

    @Test(
        "URIs are resolved against their playlist",
        arguments: [
            ("e/1.m4s", "/live/a/e/1.m4s"), ("/x/1.m4s", "/x/1.m4s"), ("../b/1.m4s", "/live/b/1.m4s"),
            ("https://other.example/x/1.m4s?t=1", "/x/1.m4s?t=1"), ("https://other.example", "/"),
        ])
    func resolution(uri: String, path: String) {
        #expect(ListedPlaylist.resolve(uri, against: "/live/a/v.m3u8?x=/y") == path)
    }
}
