import HTTP
import LintFaults
import NIOCore
import Testing

@testable import Lint

/// A watch of a faulty site in simulated time: the same whatever else the machine does, and as fast as it can.
struct SimulatedWatch {
    /// 2026-01-01T00:00:00Z.
    static let wall: Int64 = 1_767_225_600_000_000
    /// The publish that every watch begins with.
    static let source = LiveSource(wall: wall, past: .seconds(22))

    private struct Due {
        let at: Duration
        let answer: LintAnswer
    }

    /// What the reply closures of a site write to.
    private final class Inbox {
        var now = Duration.zero
        var answers: [Due] = []
    }

    static func report(of fault: Fault) throws -> LintReport {
        let site = FaultySite([fault], source: source, wall: wall)
        let path = fault.needsBoth ? "index.m3u8" : "video/playlist.m3u8"
        let url = try #require(WebAddress("http://site.example/\(fault.name)/\(path)"))
        var settings = LintSettings()
        settings.duration = .seconds(9)
        var session = LintSession(url: url, settings: settings, startedAt: wall)
        let inbox = Inbox()
        var isFinished = perform(session.begin(), site, inbox)
        while !isFinished, inbox.now < .seconds(30) {
            inbox.now += .milliseconds(10)
            site.advance(
                to: inbox.now.components.seconds * 1_000_000 + inbox.now.components.attoseconds / 1_000_000_000_000)
            while let index = inbox.answers.firstIndex(where: { $0.at <= inbox.now }) {
                let due = inbox.answers.remove(at: index)
                isFinished = perform(session.received(due.answer, at: inbox.now), site, inbox) || isFinished
            }
            isFinished = perform(session.tick(at: inbox.now), site, inbox) || isFinished
        }
        #expect(isFinished)
        return session.report(protocols: ["simulated"])
    }

    /// Returns true when the session is finished.
    private static func perform(_ effects: [LintEffect], _ site: FaultySite, _ inbox: Inbox) -> Bool {
        for effect in effects {
            switch effect {
            case .finished: return true
            case .cancel(let id):
                site.cancel(id)
                inbox.answers.removeAll { $0.answer.id == id }
            case .send(let request):
                site.answer(
                    request.url.target, range: request.range, acceptsGzip: request.acceptsGzip, ticket: request.id
                ) { head, body in
                    var answer = LintAnswer(id: request.id)
                    answer.status = head.status
                    answer.fields = head.fields
                    answer.headAt = inbox.now
                    answer.firstByteAt = inbox.now
                    answer.endAt = inbox.now
                    switch body {
                    case .whole(let bytes): answer.body = bytes
                    case .trickled(let pieces):
                        for piece in pieces { answer.body.writeImmutableBuffer(piece) }
                        answer.endAt += .milliseconds(90) * (pieces.count - 1)
                    }
                    inbox.answers.append(Due(at: answer.endAt + .milliseconds(10), answer: answer))
                }
            }
        }
        return false
    }
}
