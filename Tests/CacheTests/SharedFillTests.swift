import HTTP
import NIOCore
import Testing

@testable import Cache

/// Who came together before it was known that there are several variants is told apart by what answers them.
@Suite struct SharedFillTests {
    private static func request(_ kind: String) -> RequestHead {
        var request = RequestHead(target: HTTPBytes("/vod/x"))
        request.fields.append("x-kind", kind)
        return request
    }

    private static func head(_ status: UInt16) -> ResponseHead {
        var head = ResponseHead(status: status)
        head.fields.append("cache-control", "max-age=1, stale-if-error=60")
        head.fields.append("vary", "x-kind")
        head.fields.append("etag", "\"a\"")
        return head
    }

    enum End: CaseIterable, Sendable { case notModified, error, death }

    /// A variant that is asked about is forgotten meanwhile, and another's client joins: what is held is not for it.
    @Test(arguments: End.allCases) func whatIsHeldAnswersItsOwnVariantAlone(end: End) {
        let store = CacheStore(budgetBytes: 1 << 20, objectBytes: 1 << 20)
        var now = ContinuousClock.now
        guard case .lead(let first, _) = store.look(up: Self.request("a"), waiter: 1, at: now) else {
            Issue.record("the first does not lead")
            return
        }
        _ = store.head(first, Self.head(200), at: now, unixSeconds: 0)
        _ = store.body(first, ByteBuffer(string: "for a"))
        _ = store.finish(first, at: now)
        now += .seconds(2)
        guard case .lead(let second, _) = store.look(up: Self.request("a"), waiter: 2, at: now) else {
            Issue.record("what is stale is not asked about")
            return
        }
        store.invalidate(HTTPBytes("/vod/x"))
        guard case .joined = store.look(up: Self.request("b"), waiter: 3, at: now) else {
            Issue.record("the other does not join")
            return
        }
        let effects =
            switch end {
            case .notModified: store.head(second, Self.head(304), at: now, unixSeconds: 0)
            case .error: store.head(second, ResponseHead(status: 503), at: now, unixSeconds: 0)
            case .death: store.fail(second, at: now)
            }
        let answers = effects.map { effect in
            switch effect {
            case .deliver(let waiter, _, _): "\(waiter) is answered"
            case .again(let waiter): "\(waiter) asks again"
            default: "\(effect)"
            }
        }
        #expect(answers.sorted() == ["2 is answered", "3 asks again"])
        #expect(store.waitingCount == 0)
    }
}
