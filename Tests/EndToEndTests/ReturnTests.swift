import Foundation
import HLS
import Harness
import Testing

/// Publishers that fall off the line and come back, with real ones: killed, silent, taking their leave.
extension EndToEnd {
    @Suite(.serialized) struct ReturnTests {
        private static let parts = "{part: 200ms, segment: 1s, maximum_segment: 2s, window: 20s}"

        /// The next part is asked for and held; what is released is the playlist that lists it.
        private func next(after playlist: MediaPlaylist, _ url: String) throws -> MediaPlaylist {
            let position = try #require(playlist.position)
            let answer = try curl("\(url)?_HLS_msn=\(position.sequence)&_HLS_part=\(position.part + 1)")
            guard answer.status == 200 else { throw TimedOut(description: "\(answer.status) \(answer.text)") }
            return try MediaPlaylist(parsing: answer.text.utf8)
        }

        private func url(_ fleet: Fleet, _ rendition: String = "video") -> String {
            "http://127.0.0.1:\(fleet.edgePort)/live/demo/\(rendition)/playlist.m3u8"
        }

        @Test func aKilledPublisherComesBackToTheSamePlaylist() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let first = try fleet.publish()
            _ = try fleet.waitForChannel()
            _ = try fleet.waitForSegments("video")
            var rules: [RuleResult] = []
            var playlist = try MediaPlaylist(parsing: try curl(url(fleet)).text.utf8)
            func follow(until isReached: (MediaPlaylist) -> Bool) throws {
                for _ in 0..<150 where !isReached(playlist) {
                    let later = try next(after: playlist, url(fleet))
                    rules += PlaylistRules.check(later) + PlaylistRules.check(from: playlist, to: later)
                    playlist = later
                }
                #expect(isReached(playlist), "\(fleet.origin.text)")
            }
            first.kill()
            try follow { $0.segments.contains { $0.isGap } }
            #expect(playlist.discontinuityCount == 0)
            let multivariant = try curl("http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8")
            #expect(multivariant.status == 200)

            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            try follow { $0.discontinuityCount == 1 && $0.segments.last?.parts.last?.isGap == false }
            let back = try #require(playlist.segments.last)
            #expect(try curl("http://127.0.0.1:\(fleet.edgePort)/live/demo/video/\(back.parts[0].uri)").status == 200)
            #expect(Set(playlist.segments.compactMap(\.map?.uri)).count == 1, "the same epoch, the same init section")
            let broken = rules.filter { !$0.isKept && $0.rule != .hintComesTrue }
            #expect(broken.isEmpty, "\(broken.prefix(5))")
            let audio = try MediaPlaylist(parsing: try curl(url(fleet, "audio")).text.utf8)
            #expect(audio.discontinuityCount == 1)
            #expect(fleet.origin.text.contains("publisher lost") && fleet.origin.text.contains("publisher returned"))
        }

        @Test func afterTheWindowThePlaylistEndsThenGoesAndANewOneCountsOn() throws {
            let fleet = try Fleet(
                packaging: "{part: 200ms, segment: 1s, maximum_segment: 1s, window: 3s}",
                origin: ["reconnect.window=1s"])
            let first = try fleet.publish()
            _ = try fleet.waitForChannel()
            _ = try fleet.waitForSegments("video")
            first.kill()
            let local = "http://127.0.0.1:\(fleet.originPort)/live/demo/video/"
            let ended = try eventually("the end: \(fleet.origin.text)") {
                let playlist = try MediaPlaylist(parsing: try curl(local + "playlist.m3u8").text.utf8)
                return playlist.hasEnded ? playlist : nil
            }
            let kept = try #require(ended.segments.first { !$0.isGap }?.uri)
            #expect(try curl(local + kept).status == 200)
            _ = try eventually("404") { try curl(local + "playlist.m3u8").status == 404 ? true : nil }
            #expect(try curl(local + kept).status == 404)

            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            let fresh = try eventually("a new epoch") {
                let answer = try curl(local + "playlist.m3u8")
                return answer.status == 200 ? try MediaPlaylist(parsing: answer.text.utf8) : nil
            }
            #expect(fresh.mediaSequence > ended.segments.last?.sequence ?? .max)
            #expect(fresh.discontinuitySequence ?? 0 > ended.segments.last?.discontinuitySequence ?? .max)
            let epoch = { (playlist: MediaPlaylist) in playlist.segments.first?.map?.uri.split(separator: "/").first }
            #expect(epoch(fresh) != epoch(ended))
        }

        /// ffmpeg takes its leave at the end of its input, as OBS does at "Stop streaming".
        @Test(arguments: ["end", "wait"]) func aPublisherThatTakesItsLeave(onEnd: String) throws {
            let fleet = try Fleet(packaging: Self.parts, origin: ["reconnect.on_end=\(onEnd)"])
            let publisher = try fleet.publish(seconds: 3)
            _ = try fleet.waitForChannel()
            publisher.waitForExit()
            let playlist = try eventually("the end or gaps") { () -> MediaPlaylist? in
                let playlist = try MediaPlaylist(
                    parsing: try curl("http://127.0.0.1:\(fleet.originPort)/live/demo/video/playlist.m3u8").text.utf8)
                return playlist.hasEnded || playlist.segments.last?.parts.last?.isGap == true ? playlist : nil
            }
            #expect(playlist.hasEnded == (onEnd == "end"))
        }
    }
}

extension MediaPlaylist {
    fileprivate var discontinuityCount: Int { segments.count(where: \.isDiscontinuity) }
}
