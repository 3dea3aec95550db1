import NIOCore
import Seeded
import Testing

@testable import HLS

/// Seeded mutations of what is read from strangers: nothing traps, and what is accepted keeps its promises.
struct ParserFuzzTests {
    private static let words = [
        "#EXTINF:", "#EXT-X-PART:", "#EXT-X-SKIP:SKIPPED-SEGMENTS=", "URI=\"", "DURATION=", "\"", ",", "=", "\n",
        "\r\n",
        "9223372036854775807", "9223372036854775808", "99999999999999999999", "4611686018427387903", "-1", "0", ".",
        "#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-DISCONTINUITY\n", "#EXT-X-DISCONTINUITY-SEQUENCE:", "#EXT-X-ENDLIST\n",
        "#EXT-X-PROGRAM-DATE-TIME:", "9999-12-31T23:59:60-23:59", "0000-01-01T00:00:00+23:59", "10000000000", "@",
        "BYTERANGE=\"1@1\"", "#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n", "x", "\u{0}", "\u{ff}", "é", "_HLS_msn=", "&",
        "_HLS_part=", "e1/", ".m4s", "init-", ".mp4", "#EXT-X-GAP\n", "a.m4s\n",
    ].map { Array($0.utf8) }

    private static func mutate(_ seed: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0...12, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.replaceSubrange(place..<end, with: words.randomElement(using: &random) ?? [])
            case 1: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
            }
        }
        return bytes
    }

    private static let playlists: [[UInt8]] = {
        var feed = Feed()
        feed.add(2)
        feed.add(1, discontinuity: true)
        feed.open(parts: 2)
        var long = feed
        long.add(10)
        let report = RenditionReport(uri: "../audio/playlist.m3u8", position: MediaPosition(sequence: 1, part: 1))
        return [feed.text(reports: [report]), long.text(skip: .segments), PlaylistRulesTests.text].map {
            Array($0.utf8)
        }
    }()

    @Test("media playlists: what is read can be checked, applied and compared", arguments: 1...4 as ClosedRange<UInt64>)
    func mediaPlaylists(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let known = try MediaPlaylist(parsing: Self.playlists[0])
        var previous = known
        var accepted = 0
        for _ in 0..<Search.rounds(500) {
            let bytes = Self.mutate(Self.playlists.randomElement(using: &random) ?? [], &random)
            do throws(PlaylistError) {
                let playlist = try MediaPlaylist(parsing: bytes)
                accepted += 1
                _ = PlaylistRules.check(playlist)
                _ = PlaylistRules.check(from: previous, to: playlist)
                _ = PlaylistRules.check(presentation: [("a", previous), ("b", playlist)])
                _ = try? playlist.applied(to: previous)
                _ = try? previous.applied(to: playlist)
                let first = playlist.mediaSequence + Int64(playlist.skip?.segments ?? 0)
                #expect(playlist.segments.indices.allSatisfy { playlist.segments[$0].sequence == first + Int64($0) })
                previous = playlist
            } catch {
                #expect(error.line <= bytes.count && !error.description.isEmpty)
            }
        }
        #expect(accepted > 20 && accepted < 480)
    }

    @Test("multivariant playlists: what is read can be written and read again")
    func multivariant() throws {
        var buffer = ByteBuffer()
        MultivariantPlaylistTests.playlist.write(into: &buffer)
        let text = Array(buffer.readableBytesView)
        var random = SeededGenerator(seed: 7)
        var accepted = 0
        for _ in 0..<Search.rounds(1_000) {
            guard let playlist = try? MultivariantPlaylist(parsing: Self.mutate(text, &random)) else { continue }
            accepted += 1
            var again = ByteBuffer()
            playlist.write(into: &again)
            let reread = try MultivariantPlaylist(parsing: again.readableBytesView)
            #expect(reread.variants.map(\.uri) == playlist.variants.map(\.uri))
            #expect(reread.audio == playlist.audio)
        }
        #expect(accepted > 20)
    }

    @Test("directives: what is read is in bounds, and can be decided")
    func directives() {
        let timeline = MediaNameTests.timeline
        var random = SeededGenerator(seed: 11)
        let seeds = ["_HLS_msn=12&_HLS_part=3&_HLS_skip=YES", "_HLS_msn=10", "a=b&_HLS_skip=v2"].map { Array($0.utf8) }
        var accepted = 0
        for _ in 0..<Search.rounds(3_000) {
            let query = Self.mutate(seeds.randomElement(using: &random) ?? [], &random)
            guard let directives = try? DeliveryDirectives.parse(query: query) else { continue }
            accepted += 1
            #expect((directives.msn ?? 0) >= 0 && (directives.part ?? 0) >= 0)
            #expect(directives.part == nil || directives.msn != nil)
            if case .hold(let target) = timeline.decide(directives) { #expect(!timeline.isSatisfied(target)) }
        }
        #expect(accepted > 100)
    }

    @Test("media names: no two names are the same media")
    func mediaNames() {
        let timeline = MediaNameTests.timeline
        var random = SeededGenerator(seed: 13)
        let seeds = ["e1/10.m4s", "e1/11.3.m4s", "e1/12.2.m4s", "e1/init.mp4"].map { Array($0.utf8) }
        var known = 0
        for _ in 0..<Search.rounds(5_000) {
            let name = Self.mutate(seeds.randomElement(using: &random) ?? [], &random)
            let expected: String
            switch timeline.media(bytes: name) {
            case .initSection(let number): expected = number == 0 ? "e1/init.mp4" : "e1/init-\(number).mp4"
            case .segment(let sequence): expected = "e1/\(sequence).m4s"
            case .part(let position), .hinted(let position, _):
                expected = "e1/\(position.sequence).\(position.part).m4s"
            case .gone, .unknown: continue
            }
            known += 1
            #expect(name == Array(expected.utf8))
        }
        #expect(known > 10)
    }
}
