import HLS
import HTTP
import NIOCore
import Testing

@testable import Lint

/// The watch without a socket: answers and time in, requests and findings out.
struct SessionTests {
    /// Rules of the wire that this table breaks and no served fault does.
    static let rulesOfTheTable: Set<String> = ["holdEnds"]

    private static let url = WebAddress("http://example.com/live/a/playlist.m3u8")

    /// A session with its outside: what it asked for, and the answers that a test gives.
    private struct Outside {
        var session: LintSession
        var asked: [LintRequest] = []
        var isFinished = false
        var now = Duration.zero

        init(_ settings: LintSettings = LintSettings()) throws {
            session = LintSession(url: try #require(SessionTests.url), settings: settings, startedAt: newYear)
            perform(session.begin())
        }

        private mutating func perform(_ effects: [LintEffect]) {
            for effect in effects {
                switch effect {
                case .send(let request): asked.append(request)
                case .cancel(let id): asked.removeAll { $0.id == id }
                case .finished: isFinished = true
                }
            }
        }

        mutating func answer(
            _ wanted: String, _ status: UInt16 = 200, _ body: String = "", fields: HTTPFields = HTTPFields()
        )
            throws
        {
            let index = try #require(asked.firstIndex { $0.url.target.contains(wanted) }, "\(asked)")
            let request = asked.remove(at: index)
            var answer = LintAnswer(id: request.id)
            answer.status = status
            answer.body = ByteBuffer(string: body)
            answer.fields = fields
            answer.headAt = now
            answer.endAt = now
            perform(session.received(answer, at: now))
        }

        /// The connection of a request breaks.
        mutating func lose(_ wanted: String) throws {
            let index = try #require(asked.firstIndex { $0.url.target.contains(wanted) }, "\(asked)")
            var answer = LintAnswer(id: asked.remove(at: index).id)
            answer.failure = "the connection broke"
            answer.isConnectionLost = true
            answer.endAt = now
            perform(session.received(answer, at: now))
        }

        mutating func pass(_ time: Duration) {
            now += time
            perform(session.tick(at: now))
        }

        func findings(_ rule: WireRule) -> [String] {
            session.report(protocols: []).results.first { $0.rule == .wire(rule) }?.findings.map(\.seen) ?? []
        }
    }

    private static let newYear: Int64 = 1_767_225_600_000_000
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
        var outside = try Outside()
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        try outside.answer("playlist.m3u8", 200, Self.playlist)
        #expect(outside.asked.map(\.url.target) == ["/live/a/playlist.m3u8?_HLS_msn=6&_HLS_part=1"])
        #expect(outside.asked.first?.acceptsGzip == true)
    }

    @Test("6.2.5.2: a reload that is never answered, and a 503 that does not say when to ask again")
    func holds() throws {
        var outside = try Outside()
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
            var outside = try Outside()
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
        var outside = try Outside()
        try outside.answer("playlist.m3u8", 404)
        #expect(outside.isFinished)
        let report = outside.session.report(protocols: [])
        #expect(report.exitCode == 3)
        #expect(report.trouble == "Nothing could be watched. It was answered 404.")
        #expect(report.text.contains("It was answered 404."))

        var settings = LintSettings()
        settings.wait = .seconds(2)
        var patient = try Outside(settings)
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
        var outside = try Outside()
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
