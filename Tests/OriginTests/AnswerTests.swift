import Compression
import HLS
import Testing

@testable import Origin

/// What the origin answers on its live paths (appendix B.1 and 6.2.5.2), over HTTP/1.1. Part target 0.525 s, target
/// duration 2 s.
@Suite struct AnswerTests {
    /// Three whole segments and an open one of two parts, with sound.
    private func started() throws -> LiveOrigin {
        let origin = try LiveOrigin()
        origin.publish.track()
        origin.publish.add(3)
        origin.publish.open(parts: 2)
        return origin
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let path: String
        var method = "GET"
        let status: Int
        let cache: String
        var type = "application/problem+json"
        var testDescription: String { "\(method) \(path)" }
    }

    @Test(
        "B.1: how long each answer may be kept, and what it is",
        arguments: [
            Row(path: "index.m3u8", status: 200, cache: "max-age=1", type: "application/vnd.apple.mpegurl"),
            Row(path: "video/playlist.m3u8", status: 200, cache: "max-age=1", type: "application/vnd.apple.mpegurl"),
            Row(
                path: "video/playlist.m3u8?_HLS_skip=YES", status: 200, cache: "max-age=1",
                type: "application/vnd.apple.mpegurl"),
            Row(
                path: "video/playlist.m3u8?_HLS_msn=FIRST", status: 200, cache: "max-age=12",
                type: "application/vnd.apple.mpegurl"),
            Row(
                path: "video/playlist.m3u8?_HLS_msn=1", status: 200, cache: "max-age=12",
                type: "application/vnd.apple.mpegurl"),
            Row(path: "video/EPOCH/init.mp4", status: 200, cache: "max-age=3600, immutable", type: "video/mp4"),
            Row(path: "video/EPOCH/FIRST.m4s", status: 200, cache: "max-age=3600, immutable", type: "video/mp4"),
            Row(path: "video/EPOCH/FIRST.0.m4s", status: 200, cache: "max-age=3600, immutable", type: "video/mp4"),
            // What will stay so may be kept for a target duration, what may exist soon not at all: a part is short.
            Row(path: "video/playlist.m3u8?_HLS_msn=x", status: 400, cache: "max-age=2"),
            Row(path: "video/playlist.m3u8?_HLS_part=1", status: 400, cache: "max-age=2"),
            Row(path: "video/playlist.m3u8?_HLS_msn=-1", status: 400, cache: "max-age=2"),
            Row(path: "video/playlist.m3u8?_HLS_msn=1&_HLS_msn=1", status: 400, cache: "max-age=2"),
            Row(path: "video/playlist.m3u8?_HLS_msn=99999999999", status: 400, cache: "no-store"),
            Row(path: "video/EPOCH/99999999999.0.m4s", status: 404, cache: "no-store"),
            Row(path: "video/other/FIRST.m4s", status: 404, cache: "no-store"),
            Row(path: "audio/playlist.m3u8", status: 404, cache: "no-store"),
            Row(path: "index.m3u8", method: "POST", status: 405, cache: "max-age=1"),
        ])
    func table(row: Row) throws {
        let origin = try started()
        let path = row.path.replacing("EPOCH", with: origin.epoch).replacing("FIRST", with: "\(origin.first)")
        let answer = try #require(
            try origin.connect().get("/live/demo/\(path)", method: row.method, fields: ["content-length: 0"]))
        #expect(answer.status == row.status)
        #expect(answer.fields["cache-control"] == row.cache)
        #expect(answer.fields["content-type"] == row.type)
        #expect(answer.fields["access-control-allow-origin"] == "*")
        let exposed = answer.fields["access-control-expose-headers"] ?? ""
        for name in ["Age", "Date", "Content-Length"] { #expect(exposed.contains(name)) }
        #expect(answer.fields["date"]?.hasSuffix("GMT") == true)
        #expect(answer.fields["content-length"] == "\(answer.body.readableBytes)")
        #expect(!answer.text.isEmpty)
        #expect(answer.fields["set-cookie"] == nil)
    }

    @Test("Channels that are not live, and paths outside, are 404 with a problem document")
    func unknown() throws {
        let client = try started().connect()
        for path in ["/", "/live/", "/live/other/index.m3u8", "/live/demo", "/live/demo/", "/live/demo/video"] {
            let answer = try #require(try client.get(path))
            #expect(answer.status == 404)
            #expect(answer.text.contains("urn:needletail:problem:not-found"))
        }
    }

    @Test("A channel that exists is not live, one that does not is not found")
    func notLive() throws {
        let client = try LiveOrigin().connect()
        for (channel, problem) in [("demo", "not-live"), ("other", "not-found")] {
            let answer = try #require(try client.get("/live/\(channel)/index.m3u8"))
            #expect(answer.status == 404)
            #expect(answer.text.contains("\"urn:needletail:problem:\(problem)\""))
        }
    }

    @Test(
        "B.1, AAS 10.1: every playlist comes gzipped to whoever takes it, and tells caches so",
        arguments: ["index.m3u8", "video/playlist.m3u8", "video/playlist.m3u8?_HLS_skip=YES"])
    func gzip(path: String) throws {
        let client = try started().connect()
        let plain = try #require(try client.get("/live/demo/\(path)"))
        #expect(plain.fields["content-encoding"] == nil)
        let zipped = try #require(try client.get("/live/demo/\(path)", fields: ["accept-encoding: br, gzip"]))
        #expect(zipped.fields["content-encoding"] == "gzip")
        #expect(zipped.fields["vary"] == "accept-encoding")
        #expect(plain.fields["vary"] == "accept-encoding")
        #expect(try Gunzip.text(zipped.body) == plain.text)
    }

    @Test("HEAD has the head of GET and no body; OPTIONS lets any page ask")
    func headAndOptions() throws {
        let origin = try started()
        let client = try origin.connect()
        for path in ["index.m3u8", "video/playlist.m3u8", "video/\(origin.epoch)/init.mp4"] {
            let get = try #require(try client.get("/live/demo/\(path)"))
            let head = try #require(try client.get("/live/demo/\(path)", method: "HEAD"))
            #expect(head.body.readableBytes == 0)
            #expect(head.fields["content-length"] == get.fields["content-length"])
            #expect(head.fields["cache-control"] == get.fields["cache-control"])
            let options = try #require(try client.get("/live/demo/\(path)", method: "OPTIONS"))
            #expect(options.status == 204)
            #expect(options.fields["access-control-allow-methods"]?.contains("HEAD") == true)
            #expect(options.fields["access-control-allow-origin"] == "*")
        }
    }

    @Test("RFC 9218: playlists come first, then media by rising bit rate")
    func priorities() throws {
        let origin = try LiveOrigin()
        origin.publish.track()
        origin.publish.track(.audio)
        origin.publish.open(parts: 1, bytes: 9_000)
        origin.publish.open(parts: 1, bytes: 300, kind: .audio)
        let client = try origin.connect()
        func priority(_ path: String) throws -> String? { try client.get("/live/demo/\(path)")?.fields["priority"] }
        #expect(try priority("index.m3u8") == "u=1")
        #expect(try priority("video/playlist.m3u8") == "u=1")
        #expect(try priority("audio/\(origin.epoch)/\(origin.first).0.m4s") == "u=2")
        #expect(try priority("video/\(origin.epoch)/\(origin.first).0.m4s") == "u=3")
    }

    @Test("RFC 9218: sound with the higher bit rate is the less urgent")
    func loudAudio() throws {
        let origin = try LiveOrigin()
        origin.publish.track()
        origin.publish.track(.audio)
        origin.publish.open(parts: 1, bytes: 300)
        origin.publish.open(parts: 1, bytes: 9_000, kind: .audio)
        let client = try origin.connect()
        let audio = try client.get("/live/demo/audio/\(origin.epoch)/\(origin.first).0.m4s")
        #expect(audio?.fields["priority"] == "u=3")
    }

    @Test("6.2.1: the first part is listed at once, and the presentation with it")
    func startup() throws {
        let origin = try LiveOrigin()
        let client = try origin.connect()
        origin.publish.track()
        for path in ["index.m3u8", "video/playlist.m3u8"] {
            let early = try #require(try client.get("/live/demo/\(path)"))
            #expect(early.status == 404)
            #expect(early.fields["cache-control"] == "no-store")
        }
        origin.publish.open(parts: 1)
        #expect(try client.get("/live/demo/index.m3u8")?.status == 200)
        let first = try #require(try client.get("/live/demo/video/playlist.m3u8"))
        #expect(first.text.contains("\(origin.first).0.m4s\",INDEPENDENT=YES"))
        #expect(first.text.contains("PRELOAD-HINT:TYPE=PART,URI=\"\(origin.epoch)/\(origin.first).1.m4s\""))
        origin.publish.part()
        origin.publish.part()
        let third = try MediaPlaylist(parsing: try #require(try client.get("/live/demo/video/playlist.m3u8")).text.utf8)
        #expect(third.segments.map(\.parts.count) == [3])
        #expect(third.segments.allSatisfy { $0.duration == nil })
        // Three parts of hold-back are there: a player can begin at the first.
        #expect(third.serverControl?.partHoldBack.map { $0 <= .milliseconds(3 * 525) } == true)
    }

    @Test("6.2.5.2, 6.2.2: an ended presentation answers at once, whatever is asked, and ends at 404")
    func ended() throws {
        let origin = try started()
        let client = try origin.connect()
        origin.publish.leave()
        for query in ["", "?_HLS_msn=\(origin.first + 9)&_HLS_part=3", "?_HLS_skip=YES"] {
            let answer = try #require(try client.get("/live/demo/video/playlist.m3u8\(query)"))
            #expect(answer.status == 200)
            #expect(answer.text.hasSuffix("#EXT-X-ENDLIST\n"))
            #expect(!answer.text.contains("PRELOAD-HINT"))
        }
        #expect(try client.get("/live/demo/video/\(origin.epoch)/\(origin.first).m4s")?.status == 200)
        // The end finished the open segment: it is listed as a whole one, and comes as one.
        let last = origin.first + 3
        let playlist = try MediaPlaylist(
            parsing: try #require(try client.get("/live/demo/video/playlist.m3u8")).text.utf8)
        #expect(playlist.segments.last?.uri == "\(origin.epoch)/\(last).m4s")
        let segment = try #require(try client.get("/live/demo/video/\(origin.epoch)/\(last).m4s"))
        var parts = LiveOrigin.Publish.media(.video, last, 0, count: 100)
        parts.writeImmutableBuffer(LiveOrigin.Publish.media(.video, last, 1, count: 100))
        #expect(segment.status == 200 && segment.body == parts)
        // Its hint will not come.
        #expect(try client.get("/live/demo/video/\(origin.epoch)/\(origin.first + 3).2.m4s")?.status == 404)
    }
}
