import HLS
import HTTP
import NIOCore
import Testing

@testable import Lint

/// The watch without a socket: answers and time in, requests and findings out.
struct SessionTests {
    /// Rules of the wire that this table breaks and no served fault does.
    static let rulesOfTheTable: Set<String> = ["holdEnds"]

    private static let playlist = """
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=3
        #EXT-X-PART-INF:PART-TARGET=1
        #EXT-X-MEDIA-SEQUENCE:5
        #EXT-X-PROGRAM-DATE-TIME:2025-12-31T23:59:58Z
        #EXT-X-PART:DURATION=1,URI="5.0.ts",INDEPENDENT=YES
        #EXT-X-PART:DURATION=1,URI="5.1.ts"
        #EXTINF:2,
        5.ts
        #EXT-X-PART:DURATION=1,URI="6.0.ts",INDEPENDENT=YES
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="6.1.ts"

        """

    @Test("a media playlist by itself is watched: the part that comes next is asked for")
    func watches() throws {
        var outside = try LintOutside()
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        #expect(outside.asked.map(\.url.target) == ["/live/a/playlist.m3u8?_HLS_msn=6&_HLS_part=1"])
        #expect(outside.asked.first?.acceptsGzip == true)
        // Transport streams are not read, which is told.
        #expect(
            outside.session.report(protocols: []).notes == [
                "The media of a is not judged: without EXT-X-MAP it is a transport stream, packed audio or text."
            ])
    }

    @Test("6.2.5.2: a reload that is never answered, and a 503 that does not say when to ask again")
    func holds() throws {
        var outside = try LintOutside()
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        outside.pass(.seconds(6))
        #expect(outside.findings(.holdEnds) == [])
        outside.pass(.seconds(2))
        #expect(outside.findings(.holdEnds) == ["unanswered for 8 s"])
        // The held one was given up, and a plain one asked for.
        #expect(outside.asked.map(\.url.target) == ["/live/a/playlist.m3u8"])
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        outside.pass(.seconds(1))
        outside.pass(.seconds(5))
        try outside.answer("_HLS_msn=6", 503)
        #expect(outside.findings(.holdEnds) == ["unanswered for 8 s", "503 after 5 s without Retry-After"])
        #expect(outside.findings(.partsOnTime).count == 0)
    }

    @Test("media whose connection breaks is asked for once more, and judged by what the second answer is")
    func brokenConnections() throws {
        for isBackAgain in [true, false] {
            var outside = try LintOutside()
            let playlist = Self.playlist.replacing(
                "#EXT-X-PROGRAM", with: "#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PROGRAM")
            for _ in 0..<2 { try outside.answer("playlist.m3u8", 200, playlist) }
            func wanted() -> Int { outside.asked.count { $0.url.target.hasSuffix("/5.ts") } }
            #expect(wanted() == 1)
            try outside.lose("/5.ts")
            #expect(wanted() == 0 && outside.findings(.listedMediaAvailable) == [])
            outside.pass(.milliseconds(900))
            #expect(wanted() == 0)
            outside.pass(.milliseconds(100))
            #expect(wanted() == 1)
            if isBackAgain { try outside.answer("/5.ts", 200, "media") } else { try outside.lose("/5.ts") }
            outside.pass(.seconds(2))
            #expect(wanted() == 0)
            #expect(outside.findings(.listedMediaAvailable) == (isBackAgain ? [] : ["the connection broke"]))
        }
    }

    @Test("nothing to watch: told why, at once or after the wait")
    func nothing() throws {
        var outside = try LintOutside()
        try outside.answer("playlist.m3u8", 404)
        #expect(outside.isFinished)
        let report = outside.session.report(protocols: [])
        #expect(report.exitCode == 3)
        #expect(report.trouble == "Nothing could be watched. It was answered 404.")
        #expect(report.text.contains("It was answered 404."))

        var settings = LintSettings()
        settings.wait = .seconds(2)
        var patient = try LintOutside(settings)
        try patient.answer("playlist.m3u8", 404)
        patient.pass(.seconds(1))
        #expect(!patient.isFinished && patient.asked.count == 1)
        try patient.answer("playlist.m3u8", 200, "<html>")
        patient.pass(.seconds(1))
        try patient.answer("playlist.m3u8", 404)
        #expect(patient.isFinished)
    }

    @Test("the multivariant playlist may be redirected, a bounded number of times")
    func redirects() throws {
        var outside = try LintOutside()
        var fields = HTTPFields()
        fields.append("location", "/elsewhere/index.m3u8")
        for _ in 0..<5 {
            try outside.answer("m3u8", 302, fields: fields)
            #expect(outside.asked.map(\.url.target) == ["/elsewhere/index.m3u8"])
        }
        try outside.answer("m3u8", 302, fields: fields)
        #expect(outside.isFinished)
    }
}
