import HLS
import Testing

@testable import LoadtestCore

@Suite("A viewer") struct ViewerModelTests {
    private let ms: Int64 = 1_000
    private let multivariant = """
        #EXTM3U
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="s",URI="audio/playlist.m3u8",DEFAULT=YES
        #EXT-X-STREAM-INF:BANDWIDTH=3000000,AUDIO="a"
        high/playlist.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO="a"
        low/playlist.m3u8
        """

    @Test(
        "it chooses renditions",
        arguments: [
            (.highest, ["high/playlist.m3u8", "audio/playlist.m3u8"]),
            (.lowest, ["low/playlist.m3u8", "audio/playlist.m3u8"]),
            (.video, ["high/playlist.m3u8"]), (.audio, ["audio/playlist.m3u8"]),
        ] as [(ViewerPlan.Rendition, [String])])
    func renditions(choice: ViewerPlan.Rendition, expected: [String]) throws {
        let playlist = try MultivariantPlaylist(parsing: Array(multivariant.utf8))
        #expect(ViewerModel.renditions(of: playlist, for: choice) == expected)
    }

    /// Answers every request at once, each part as it is listed; parts come every 200 ms.
    private func watch(seconds: Int64, change: (Int64) -> Bool = { _ in true }) throws -> [ViewerModel.Effect] {
        var model = ViewerModel(path: "/live/a/index.m3u8", rendition: .video)
        var effects: [ViewerModel.Effect] = []
        var all: [ViewerModel.Effect] = []
        let part = 200 * ms
        // 6 segments are listed when the viewer comes; a part is whole at the end of its time.
        func state(_ now: Int64) -> LiveText {
            let index = now / part + 29
            return LiveText(sequence: index / 5, part: Int(index % 5))
        }
        var held: [(at: Int64, tag: ViewerModel.Tag, path: String)] = []
        func position(_ path: String) -> Int64? {
            guard let match = path.firstMatch(of: /(\d+)\.(\d+)\.m4s/), let a = Int64(match.1), let b = Int64(match.2)
            else {
                return nil
            }
            return (a * 5 + b - 29) * part
        }
        func take() {
            for effect in effects {
                if case .fetch(let tag, let path) = effect {
                    var at = now
                    if let wanted = position(path) { at = max(now, wanted) }
                    if let match = path.firstMatch(of: /_HLS_msn=(\d+)&_HLS_part=(\d+)/), let a = Int64(match.1),
                        let b = Int64(match.2)
                    {
                        at = max(now, (a * 5 + b - 29) * part)
                    }
                    held.append((at, tag, path))
                }
            }
            all += effects
            effects = []
        }
        var now: Int64 = 0
        model.start(intended: -50 * ms, into: &effects)
        take()
        while now < seconds * 1_000 * ms {
            for answer in held where answer.at <= now && change(now) {
                held.removeAll { $0.tag == answer.tag && $0.path == answer.path }
                switch answer.tag {
                case .multivariant:
                    model.received(
                        multivariant: try MultivariantPlaylist(parsing: Array(multivariant.utf8)), at: now,
                        into: &effects)
                case .playlist(let index):
                    model.received(
                        try state(now).listed("/live/a/high/playlist.m3u8"), rendition: index, at: now, into: &effects)
                case .media(let index): model.mediaArrived(rendition: index, at: now, into: &effects)
                }
                take()
            }
            now += 5 * ms
        }
        model.finish(at: now, into: &effects)
        take()
        return all
    }

    @Test(
        "with a server that keeps its promises it joins, shows every part at its distance from live, and never stalls")
    func steady() throws {
        let effects = try watch(seconds: 8)
        let joins = effects.compactMap { if case .joined(let after) = $0 { after } else { nil } }
        #expect(joins.count == 1 && joins[0] >= 50 * ms && joins[0] < 200 * ms, "\(joins)")
        let shown = effects.compactMap { if case .shown(let part) = $0 { part } else { nil } }
        #expect(shown.count >= 38)
        #expect(zip(shown, shown.dropFirst()).allSatisfy { $0.shownAt < $1.shownAt && $0.path != $1.path })
        #expect(shown.allSatisfy { $0.arrivedAt <= $0.shownAt })
        // Hold-back 600 ms from the end of what is listed: a part is shown about 600 ms after it was whole, less its own
        // 200 ms.
        for part in shown.suffix(20) {
            let wait = part.shownAt - part.arrivedAt
            #expect(wait > 300 * ms && wait < 500 * ms, "\(wait)")
        }
        #expect(!effects.contains { if case .stalled = $0 { true } else { false } })
        #expect(!effects.contains { if case .violation = $0 { true } else { false } })
    }

    @Test("a server that is silent for two seconds makes it stall, and it comes back")
    func silence() throws {
        let effects = try watch(seconds: 12) { now in !(4_000_000..<6_000_000).contains(now) }
        let stalls = effects.compactMap { if case .stalled(let from, let until) = $0 { (from, until) } else { nil } }
        #expect(stalls.count == 1)
        let stall = try #require(stalls.first)
        #expect(
            stall.1 >= 6_000 * ms && stall.1 < 6_100 * ms && stall.0 > 4_300 * ms && stall.0 < 4_900 * ms, "\(stall)")
        let shown = effects.compactMap { if case .shown(let part) = $0 { part } else { nil } }
        #expect((shown.last?.shownAt ?? 0) > 11_500 * ms)
    }

    @Test("a stall that goes on when the viewer leaves is told")
    func stalledAtTheEnd() throws {
        let effects = try watch(seconds: 8) { $0 < 4_000_000 }
        #expect(effects.contains { if case .stalled(_, let until) = $0 { until == 8_000 * ms } else { false } })
    }

    @Test("a stream that is not there is asked for again")
    func notThere() {
        var model = ViewerModel(path: "/live/a/index.m3u8")
        var effects: [ViewerModel.Effect] = []
        model.start(intended: 0, into: &effects)
        effects = []
        model.failed(.multivariant, status: 404, at: 0, into: &effects)
        #expect(effects == [.wake(at: 250 * ms)])
        effects = []
        model.tick(at: 250 * ms, into: &effects)
        #expect(effects == [.fetch(.multivariant, path: "/live/a/index.m3u8")])
    }
}
