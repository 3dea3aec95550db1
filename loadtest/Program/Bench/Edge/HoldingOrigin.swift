import Foundation
import Harness
import NIOCore

/// An origin that holds each request until what it asks for is published: a live playlist by its `_HLS_msn`, as any server
/// of Low-Latency HLS does. It counts how often each was asked for.
final class HoldingOrigin {
    private let publications = Publications()
    private let origin: ScriptedOrigin
    private var last = 0

    var port: Int { origin.port }

    init() throws {
        let publications = publications
        origin = try ScriptedOrigin { request in
            guard let number = Self.number(request.target) else {
                return ScriptedOrigin.message(body: "An origin of playlists that are yet to come.")
            }
            publications.wait(for: number)
            return ScriptedOrigin.message(
                "200 OK", ["Content-Type: application/vnd.apple.mpegurl", "Cache-Control: max-age=60"],
                body: Self.playlist(number))
        }
    }

    /// A playlist that nobody has asked for.
    func next() -> Int {
        last += 1
        return last
    }

    static func path(_ number: Int) -> String { "/live/herd/video/playlist.m3u8?_HLS_msn=\(number)" }

    /// Releases who waits for this playlist, and says when.
    func publish(_ number: Int) -> NIODeadline { publications.publish(number) }

    /// How often a playlist was asked for.
    func fetches(of number: Int) -> Int { publications.asked(number) }

    func stop() { origin.stop() }

    private static func number(_ target: String) -> Int? {
        target.firstMatch(of: /_HLS_msn=(\d+)/).flatMap { Int($0.1) }
    }

    /// Two kilobytes, as a playlist with the parts of some seconds has.
    private static func playlist(_ number: Int) -> String {
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:\(number)\n"
            + (0..<28).map { "#EXT-X-PART:DURATION=0.33334,URI=\"video/\(number).\($0).m4s\",INDEPENDENT=YES\n" }
            .joined()
    }

    /// Its condition guards everything that it has.
    private final class Publications: @unchecked Sendable {
        private let news = NSCondition()
        private var published = 0
        private var asked: [Int: Int] = [:]

        func wait(for number: Int) {
            news.withLock {
                asked[number, default: 0] += 1
                while published < number { news.wait() }
            }
        }

        func publish(_ number: Int) -> NIODeadline {
            news.withLock {
                published = number
                news.broadcast()
                return .now()
            }
        }

        func asked(_ number: Int) -> Int { news.withLock { asked[number] ?? 0 } }
    }
}
