import HTTP
import NIOCore
import Testing

@testable import Cache

/// RFC 9111, 4.1: which requests an answer may be given to.
@Suite struct VaryTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let vary: String
        var response: [String] = []
        let asked: [String]
        let again: [String]
        let matches: Bool
        var testDescription: String { "\(vary): \(asked) and \(again)" }
    }

    static let rows: [Row] = [
        Row(vary: "Foo", asked: ["foo: 1"], again: ["foo: 1"], matches: true),
        Row(vary: "Foo", asked: ["foo: 1"], again: ["foo: 2"], matches: false),
        Row(vary: "Foo", asked: ["foo: 1"], again: [], matches: false),
        Row(vary: "Foo", asked: [], again: ["foo: "], matches: false),
        Row(vary: "Foo", asked: ["foo: 1"], again: ["foo: 1", "bar: 9"], matches: true),
        Row(vary: "foo, BAR", asked: ["foo: 1", "bar: 2"], again: ["bar: 2", "foo: 1"], matches: true),
        Row(vary: "foo, bar", asked: ["foo: 1", "bar: 2"], again: ["foo: 1", "bar: 3"], matches: false),
        Row(vary: "foo, bar", asked: ["foo: 1"], again: ["foo: 1"], matches: true),
        Row(vary: "foo", asked: ["foo: 1, 2"], again: ["foo: 1", "foo: 2"], matches: true),
        Row(vary: "foo", asked: ["foo: 1,2"], again: ["foo:  1 , 2 "], matches: true),
        Row(vary: "foo", asked: ["foo: A"], again: ["foo: a"], matches: false),
        Row(
            vary: "accept-encoding", asked: ["accept-encoding: gzip, br"], again: ["accept-encoding: gzip"],
            matches: true),
        Row(
            vary: "accept-encoding", asked: ["accept-encoding: gzip"], again: ["accept-encoding: gzip;q=0"],
            matches: false),
        Row(vary: "accept-encoding", asked: ["accept-encoding: br"], again: [], matches: true),
        Row(
            vary: "", response: ["content-encoding: gzip"], asked: ["accept-encoding: gzip"], again: [], matches: false),
        Row(
            vary: "accept-language", asked: ["accept-language: en, de"], again: ["accept-language: dE , En"],
            matches: true),
        Row(
            vary: "accept-language", asked: ["accept-language: en, de"], again: ["accept-language: en, de;q=0.5"],
            matches: false),
        Row(
            vary: "accept-language", asked: ["accept-language: en, fr;q=0"], again: ["accept-language: en"],
            matches: true),
        Row(
            vary: "accept-language", response: ["content-language: de"], asked: ["accept-language: en, de"],
            again: ["accept-language: fr;q=0.5, de;q=1.0"], matches: true),
        Row(
            vary: "accept-language", response: ["content-language: de"], asked: ["accept-language: en, de"],
            again: ["accept-language: fr, de;q=0.9"], matches: false),
    ]

    @Test(arguments: rows) func selects(row: Row) {
        let response = CacheScript.fields(["vary: \(row.vary)"] + row.response)
        let selection = VarySelection(response, request: CacheScript.fields(row.asked))
        #expect(selection.matches(CacheScript.fields(row.again)) == row.matches)
    }

    @Test(arguments: ["*", "*, *", ", *", "*, foo", "foo, *"]) func aStarSelectsNothing(vary: String) {
        let lines = ["cache-control: max-age=60", "vary: \(vary)"]
        let answer = CacheScript.Upstream.answer(lines)
        #expect(CacheScript.faults(of: [.ask(.fetch(answer)), .ask(.pass(.bypass))]).isEmpty)
    }

    @Test func variantsAreHeldBesideEachOther() {
        func answer(_ text: String) -> CacheScript.Upstream {
            .answer(["cache-control: max-age=60", "vary: foo"], body: text)
        }
        #expect(
            CacheScript.faults(of: [
                .get(["foo: 1"], .fetch(answer("one"))), .get(["foo: 2"], .fetch(answer("two"))),
                .get(["foo: 1"], .hit(body: "one")), .get(["foo: 2"], .hit(body: "two")), .invalidate,
                .get(["foo: 1"], .fetch(answer("one"))), .get(["foo: 2"], .fetch(answer("two"))),
            ]).isEmpty)
    }

    /// Who joined a fetch before its Vary was known, and turns out to want another variant, asks again.
    @Test func strangersInAFetchAskAgain() {
        let store = CacheStore(budgetBytes: 1 << 20, objectBytes: 1 << 18)
        let now = ContinuousClock.now
        func request(_ foo: String) -> RequestHead {
            RequestHead(target: HTTPBytes("/x"), fields: CacheScript.fields(["foo: \(foo)"]))
        }
        guard case .lead(let fill, _) = store.look(up: request("1"), waiter: 1, at: now),
            case .joined(fill) = store.look(up: request("2"), waiter: 2, at: now),
            case .joined(fill) = store.look(up: request("1"), waiter: 3, at: now)
        else { return #expect(Bool(false), "all three join") }
        let head = ResponseHead(status: 200, fields: CacheScript.fields(["cache-control: max-age=9", "vary: foo"]))
        let effects = store.head(fill, head, at: now, unixSeconds: 0).map { effect in
            switch effect {
            case .again(let waiter): "\(waiter) again"
            case .deliver(let waiter, _, _): "\(waiter) served"
            default: "other"
            }
        }
        #expect(effects == ["2 again", "1 served", "3 served"])
        // Now that the rule is known, another variant is another fetch, and the third of it joins that.
        guard case .lead(let second, _) = store.look(up: request("2"), waiter: 4, at: now), second != fill else {
            return #expect(Bool(false), "another variant is fetched by itself")
        }
        _ = store.finish(fill, at: now)
        guard case .serve(_, .hit) = store.look(up: request("1"), waiter: 5, at: now),
            case .joined(second) = store.look(up: request("2"), waiter: 6, at: now)
        else { return #expect(Bool(false), "each finds its own") }
    }

    /// A field that every client sends differently must not fill the memory with one object.
    @Test func variantsOfOneObjectAreBounded() {
        let store = CacheStore(budgetBytes: 1 << 20, objectBytes: 1 << 18)
        let now = ContinuousClock.now
        for number in 0..<100 {
            let request = RequestHead(target: HTTPBytes("/x"), fields: CacheScript.fields(["foo: \(number)"]))
            guard case .lead(let fill, _) = store.look(up: request, waiter: WaiterID(number), at: now) else { continue }
            let head = ResponseHead(status: 200, fields: CacheScript.fields(["cache-control: max-age=9", "vary: foo"]))
            _ = store.head(fill, head, at: now, unixSeconds: 0)
            _ = store.finish(fill, at: now)
        }
        #expect(store.entryCount == 32)
    }

    /// An object that is larger than any that is kept comes by its ranges, and whole for nobody.
    @Test func rangesOfAnObjectThatIsNotKeptGoByThemselves() {
        let store = CacheStore(budgetBytes: 1 << 20, objectBytes: 1_000)
        let now = ContinuousClock.now
        let range = RequestHead(target: HTTPBytes("/x"), fields: CacheScript.fields(["range: bytes=0-1"]))
        guard case .lead(let fill, _) = store.look(up: range, waiter: 1, at: now) else { return #expect(Bool(false)) }
        let head = ResponseHead(
            status: 200, fields: CacheScript.fields(["cache-control: max-age=9", "content-length: 1001"]))
        let effects = store.head(fill, head, at: now, unixSeconds: 0)
        guard case .pass(1)? = effects.first, effects.count == 1 else { return #expect(Bool(false), "\(effects)") }
        #expect(!store.isWanted(fill))
        _ = store.fail(fill, at: now)
        guard case .pass(.bypass) = store.look(up: range, waiter: 2, at: now) else { return #expect(Bool(false)) }
    }
}
