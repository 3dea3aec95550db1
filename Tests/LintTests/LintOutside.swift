import HLS
import HTTP
import NIOCore
import Testing

@testable import Lint

/// A session with its outside: what it asked for, and the answers that a test gives.
struct LintOutside {
    var session: LintSession
    var asked: [LintRequest] = []
    var isFinished = false
    var now = Duration.zero

    /// 2026-01-01T00:00:00Z.
    static let newYear: Int64 = 1_767_225_600_000_000
    private static let url = WebAddress("http://example.com/live/a/playlist.m3u8")

    init(_ settings: LintSettings = LintSettings()) throws {
        session = LintSession(url: try #require(Self.url), settings: settings, startedAt: Self.newYear)
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
    ) throws {
        try answer(wanted, status, bytes: ByteBuffer(string: body), fields: fields)
    }

    mutating func answer(
        _ wanted: String, _ status: UInt16 = 200, bytes: ByteBuffer, fields: HTTPFields = HTTPFields()
    ) throws {
        let index = try #require(asked.firstIndex { $0.url.target.contains(wanted) }, "\(asked)")
        let request = asked.remove(at: index)
        var answer = LintAnswer(id: request.id)
        answer.status = status
        answer.body = bytes
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
