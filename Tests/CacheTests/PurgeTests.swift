import HTTP
import NIOCore
import Testing

@testable import Cache

/// What operators let go of, and what a live channel may hold.
@Suite struct PurgeTests {
    private let store = CacheStore(budgetBytes: 1 << 20, objectBytes: 1 << 18, channelBytes: 20_000)
    private let now = ContinuousClock.now

    private func keep(_ target: String, _ fields: [String] = [], asked: [String] = [], bytes: Int = 10) {
        let request = RequestHead(target: HTTPBytes(target), fields: CacheScript.fields(asked))
        guard case .lead(let fill, _) = store.look(up: request, waiter: 1, at: now) else { return }
        let head = ResponseHead(status: 200, fields: CacheScript.fields(["cache-control: max-age=60"] + fields))
        _ = store.head(fill, head, at: now, unixSeconds: 0)
        _ = store.body(fill, ByteBuffer(repeating: 1, count: bytes))
        _ = store.finish(fill, at: now)
    }

    /// `hit`, or `asked` with what is held known, or `fetched`.
    private func state(_ target: String, asked: [String] = []) -> String {
        let request = RequestHead(target: HTTPBytes(target), fields: CacheScript.fields(asked))
        switch store.look(up: request, waiter: 2, at: now) {
        case .serve(_, .hit): return "hit"
        case .lead(let fill, let sent):
            _ = store.fail(fill, at: now)
            return sent.fields.contains("if-none-match") ? "asked" : "fetched"
        default: return "other"
        }
    }

    @Test func byTargetWithAllItsVariants() {
        keep("/a", ["vary: x"], asked: ["x: 1"])
        keep("/a", ["vary: x"], asked: ["x: 2"])
        keep("/a?b")
        #expect(store.purge(.target(HTTPBytes("/a")), .hard, at: now).count == 2)
        #expect(state("/a", asked: ["x: 1"]) == "fetched" && state("/a?b") == "hit")
        #expect(store.purge(.target(HTTPBytes("/a")), .hard, at: now).count == 0)
    }

    @Test func byPrefix() {
        for target in ["/a/1", "/a/2", "/ab", "/b/a/1"] { keep(target) }
        #expect(store.purge(.prefix(HTTPBytes("/a/")), .hard, at: now).count == 2)
        #expect(["/a/1", "/a/2", "/ab", "/b/a/1"].map { state($0) } == ["fetched", "fetched", "hit", "hit"])
    }

    @Test func bySurrogateKey() {
        keep("/1", ["surrogate-key: red  blue"])
        keep("/2", ["cache-tag: blue, dark green"])
        keep("/3", ["surrogate-key: redder"])
        #expect(store.purge(.surrogateKey(HTTPBytes("blue")), .hard, at: now).count == 2)
        #expect(store.purge(.surrogateKey(HTTPBytes("blue")), .hard, at: now).count == 0)
        #expect(store.purge(.surrogateKey(HTTPBytes("red")), .hard, at: now).count == 0)
        #expect(state("/3") == "hit")
    }

    @Test func aSmallerBudgetLetsGoAndALargerOneKeeps() {
        for number in 0..<10 { keep("/\(number)", bytes: 10_000) }
        #expect(store.entryCount == 10)
        store.resize(budgetBytes: 55_000, objectBytes: 12_000)
        let left = store.entryCount
        #expect(store.storedBytes <= 55_000 && (3...5).contains(left))
        keep("/large", bytes: 20_000)
        #expect(state("/large") == "fetched")
        store.resize(budgetBytes: 1 << 20, objectBytes: 1 << 18)
        keep("/large", bytes: 20_000)
        #expect(state("/large") == "hit" && store.entryCount == left + 1)
    }

    @Test func softlyItIsAskedAboutAndStandsIn() {
        keep("/a", ["etag: \"1\""])
        #expect(store.purge(.target(HTTPBytes("/a")), .soft, at: now).count == 1)
        let request = RequestHead(target: HTTPBytes("/a"))
        guard case .lead(let fill, let sent) = store.look(up: request, waiter: 3, at: now) else {
            return #expect(Bool(false), "it is not asked about")
        }
        #expect(sent.fields.contains("if-none-match"))
        guard case .deliver(3, _, .stale)? = store.fail(fill, at: now).first else {
            return #expect(Bool(false), "it does not stand in")
        }
    }

    @Test func whatIsUnderWayIsNotKept() {
        let request = RequestHead(target: HTTPBytes("/a"))
        guard case .lead(let fill, _) = store.look(up: request, waiter: 1, at: now) else { return }
        #expect(store.purge(.prefix(HTTPBytes("/")), .hard, at: now).count == 0)
        _ = store.head(
            fill, ResponseHead(status: 200, fields: CacheScript.fields(["cache-control: max-age=60"])), at: now,
            unixSeconds: 0)
        _ = store.finish(fill, at: now)
        #expect(store.entryCount == 0)
    }

    @Test func aChannelHoldsItsNewestWithinItsBudget() {
        keep("/vod/1", bytes: 10)
        for part in 0..<40 { keep("/live/demo/v/1/\(part).m4s", bytes: 2_000) }
        keep("/live/other/v/1/0.m4s", bytes: 2_000)
        #expect(store.bytes(ofChannel: HTTPBytes("demo")) <= 20_000)
        #expect(store.bytes(ofChannel: HTTPBytes("demo")) > 15_000)
        #expect(state("/live/demo/v/1/39.m4s") == "hit" && state("/live/demo/v/1/35.m4s") == "hit")
        #expect(state("/live/demo/v/1/0.m4s") == "fetched" && state("/vod/1") == "hit")
        #expect(store.bytes(ofChannel: HTTPBytes("other")) > 2_000)
        // One that is larger than the budget alone still serves those who wait for it.
        keep("/live/demo/v/1/40.m4s", bytes: 50_000)
        #expect(state("/live/demo/v/1/40.m4s") == "hit")
        #expect(store.purge(.prefix(HTTPBytes("/live/")), .hard, at: now).count >= 2)
        #expect(store.bytes(ofChannel: HTTPBytes("demo")) == 0)
    }

    /// Two event loops that hold the same object purge one object.
    @Test func whatTwoCachesHoldIsCountedOnce() {
        let key = { CacheKey(RequestHead(target: HTTPBytes($0))) }
        var first = PurgedObjects()
        first.add(key("/a"), 2)
        first.add(key("/b"), 1)
        var second = PurgedObjects()
        second.add(key("/b"), 3)
        second.add(key("/c"), 1)
        first.unite(with: second)
        #expect(first.count == 6)
    }
}
