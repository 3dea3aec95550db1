import HTTP
import Testing

@testable import Edge

/// Rule 9 of the edge, and when an upstream that holds requests is left: a part target and 200 ms after the last part.
@Suite struct PullCadenceTests {
    private let start = ContinuousClock.now

    private func reload(_ part: Int, rendition: String = "video", form: String = "") -> RequestHead {
        RequestHead(target: HTTPBytes("/live/demo/\(rendition)/playlist.m3u8?_HLS_msn=9&_HLS_part=\(part)\(form)".utf8))
    }

    /// A rendition whose parts of 333 ms have come for some time, the last at the time that is returned.
    private func steady() -> (PullCadence, ContinuousClock.Instant) {
        var cadence = PullCadence()
        var now = start
        for part in 0..<6 {
            now = start + .milliseconds(333) * part
            hear(&cadence, reload(part), at: now)
            hear(&cadence, reload(part, form: "&_HLS_skip=YES"), at: now + .milliseconds(1))
        }
        return (cadence, now)
    }

    @Test func anUpstreamIsLateAGraceAfterTheLongestOfTheLastGaps() throws {
        let (cadence, last) = steady()
        let due = try #require(cadence.due(reload(6), since: last + .milliseconds(5)))
        #expect((last + .milliseconds(483)...last + .milliseconds(500)).contains(due))
    }

    @Test func partsAreJudgedByTheReloadsOfTheirRendition() throws {
        let (cadence, last) = steady()
        let part = RequestHead(target: HTTPBytes("/live/demo/video/e1/9.6.m4s".utf8))
        #expect(try #require(cadence.due(part, since: last)) <= last + .milliseconds(500))
    }

    @Test func whoWaitsForALaterPartIsJudgedByTheNewestNews() throws {
        var (cadence, last) = steady()
        hear(&cadence, reload(6), at: last + .milliseconds(333))
        let due = try #require(cadence.due(reload(8), since: last))
        #expect(due >= last + .milliseconds(333 + 480))
    }

    @Test(arguments: [
        "/live/demo/video/playlist.m3u8", "/live/demo/video/playlist.m3u8?_HLS_msn=9", "/live/demo/video/e1/9.m4s",
        "/live/demo/video/e1/init.mp4", "/live/demo/index.m3u8", "/live/demo/video/playlist.m3u8?_HLS_part=9", "/else",
    ]) func whatIsNotTheNextPartHasTheTimeOfAnyFetch(target: String) {
        let (cadence, last) = steady()
        #expect(cadence.due(RequestHead(target: HTTPBytes(target.utf8)), since: last) == nil)
    }

    @Test func threeGapsAreNeededOfTheSameRendition() {
        let (cadence, last) = steady()
        #expect(cadence.due(reload(6, rendition: "audio"), since: last) == nil)
        var fresh = PullCadence()
        for part in 0..<3 { hear(&fresh, reload(part), at: start + .milliseconds(333) * part) }
        #expect(fresh.due(reload(3), since: start + .seconds(1)) == nil)
    }

    @Test func afterATimeWithoutViewersItIsLearnedAnew() throws {
        var (cadence, last) = steady()
        last += .seconds(60)
        hear(&cadence, reload(200), at: last)
        #expect(cadence.due(reload(201), since: last) == nil)
        for part in 1...3 { hear(&cadence, reload(200 + part), at: last + .seconds(1) * part) }
        let due = try #require(cadence.due(reload(204), since: last + .seconds(3)))
        #expect(due >= last + .milliseconds(4_100) && due <= last + .milliseconds(4_200))
    }

    @Test(arguments: [(404, 333), (400, 333), (503, 333), (200, 3)])
    func refusalsAndOtherFormsOfTheSameTellNothing(status: UInt16, step: Int) {
        var (cadence, last) = steady()
        let due = cadence.due(reload(6), since: last)
        for count in 1...20 {
            cadence.heard(reload(count), status: status, at: last + .milliseconds(step) * count)
        }
        #expect(cadence.due(reload(6), since: last) == due)
    }

    private func hear(_ cadence: inout PullCadence, _ request: RequestHead, at now: ContinuousClock.Instant) {
        cadence.heard(request, status: 200, at: now)
    }
}
