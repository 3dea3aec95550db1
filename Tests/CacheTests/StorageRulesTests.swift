import HTTP
import Testing

@testable import Cache

/// RFC 9111 and its companions as stories, each row named by its section.
@Suite struct StorageRulesTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let steps: [CacheScript.Step]
        init(_ name: String, _ steps: CacheScript.Step...) { (self.name, self.steps) = (name, steps) }
        var testDescription: String { name }
    }

    private static let kept = CacheScript.Upstream.answer(["cache-control: max-age=60"])
    private static let short = CacheScript.Upstream.answer(["cache-control: max-age=2"])
    private static let sentTag = "if-none-match: \"1\""

    static let rows = reuse + validation + requests + responses + others

    private static let reuse: [Row] = [
        Row("4 a fresh answer is reused", .ask(.fetch(kept)), .wait(seconds: 59), .ask(.hit(age: 59))),
        Row("4.2 a stale one is not", .ask(.fetch(kept)), .wait(seconds: 60), .ask(.fetch(kept))),
        Row(
            "4.2.3 the age of arrival counts", .ask(.fetch(.answer(["cache-control: max-age=60", "age: 50"]))),
            .wait(seconds: 9), .ask(.hit(age: 59)), .wait(seconds: 1), .ask(.fetch(kept))),
        Row(
            "4.2.4 an upstream that dies is bridged", .ask(.fetch(short)), .wait(seconds: 3),
            .ask(.fetch(.dies(served: .stale)))),
        Row(
            "4.2.4 but not for ever", .ask(.fetch(short)), .wait(seconds: 33), .ask(.fetch(.dies(served: nil)))),
        Row("9.3.2 HEAD is answered from GET", .ask(.fetch(kept)), .peek(.hit())),
        Row("9.3.2 HEAD of nothing held goes by itself", .peek(.pass(.method))),
    ]

    private static let validation: [Row] = [
        Row(
            "4.3.1 a tag is asked about",
            .ask(.fetch(.answer(["cache-control: max-age=1", "etag: \"1\""], body: "a"))),
            .wait(seconds: 2),
            .ask(.send(has: [sentTag], .answer(["cache-control: max-age=9"], status: 304, served: .revalidated))),
            .wait(seconds: 8), .ask(.hit(body: "a"))),
        Row(
            "4.3.1 a date is asked about",
            .ask(.fetch(.answer(["cache-control: max-age=1", "last-modified: Thu, 01 Jan 1970 00:00:01 GMT"]))),
            .wait(seconds: 2),
            .ask(
                .send(
                    has: ["if-modified-since: Thu, 01 Jan 1970 00:00:01 GMT"],
                    .answer(status: 304, served: .revalidated)))),
        Row(
            "4.3.3 a full answer replaces what was asked about",
            .ask(.fetch(.answer(["cache-control: max-age=1", "etag: \"1\""], body: "a"))), .wait(seconds: 2),
            .ask(.send(has: [sentTag], .answer(["cache-control: max-age=9"], body: "b"))), .ask(.hit(body: "b"))),
        Row(
            "4.3.3 an error of the upstream does not", .ask(.fetch(.answer(["cache-control: max-age=1"], body: "a"))),
            .wait(seconds: 2), .ask(.fetch(.answer(status: 503, served: .stale)))),
        Row(
            "4.3.3 an error of the client does", .ask(.fetch(.answer(["cache-control: max-age=1"], body: "a"))),
            .wait(seconds: 2), .ask(.fetch(.answer(["cache-control: max-age=9"], status: 404, body: "no"))),
            .ask(.hit(body: "no"))),
        Row(
            "4.3.5 HEAD freshens", .ask(.fetch(.answer(["cache-control: max-age=1", "etag: \"1\""], body: "a"))),
            .wait(seconds: 2), .headed(["cache-control: max-age=60", "etag: \"1\""]), .ask(.hit(body: "a"))),
        Row(
            "4.3.5 HEAD shows a change", .ask(.fetch(.answer(["cache-control: max-age=60", "etag: \"1\""]))),
            .headed(["cache-control: max-age=60", "etag: \"2\""]), .ask(.send(lacks: ["if-none-match"], kept))),
        Row("4.4 an unsafe method voids", .ask(.fetch(kept)), .invalidate, .ask(.fetch(kept))),
    ]

    private static let requests: [Row] = [
        Row(
            "5.2.1.1 max-age of a request", .ask(.fetch(kept)), .wait(seconds: 5),
            .get(["cache-control: max-age=5"], .hit()), .get(["cache-control: max-age=4"], .fetch(kept))),
        Row(
            "5.2.1.2 max-stale", .ask(.fetch(short)), .wait(seconds: 10),
            .get(["cache-control: max-stale=8"], .stale()),
            .get(["cache-control: max-stale"], .stale()), .get(["cache-control: max-stale=7"], .fetch(kept))),
        Row(
            "5.2.1.2 max-stale yields to must-revalidate",
            .ask(.fetch(.answer(["cache-control: max-age=2, must-revalidate"]))), .wait(seconds: 3),
            .get(["cache-control: max-stale"], .fetch(kept))),
        Row(
            "5.2.1.3 min-fresh", .ask(.fetch(kept)), .wait(seconds: 10), .get(["cache-control: min-fresh=50"], .hit()),
            .get(["cache-control: min-fresh=51"], .fetch(kept))),
        Row("5.2.1.4 no-cache of a request", .ask(.fetch(kept)), .get(["cache-control: no-cache"], .fetch(kept))),
        Row("5.4 Pragma stands in for it", .ask(.fetch(kept)), .get(["pragma: no-cache"], .fetch(kept))),
        Row(
            "5.4 but not beside Cache-Control", .ask(.fetch(kept)),
            .get(["pragma: no-cache", "cache-control: max-age=60"], .hit())),
        Row("5.2.1.5 no-store of a request goes by", .get(["cache-control: no-store"], .pass(.request))),
        Row("5.2.1.7 only-if-cached", .get(["cache-control: only-if-cached"], .notCached)),
        Row("5.2.1.7 only-if-cached, held", .ask(.fetch(kept)), .get(["cache-control: only-if-cached"], .hit())),
    ]

    private static let responses: [Row] = [
        Row(
            "5.2.2.2 must-revalidate is never bridged",
            .ask(.fetch(.answer(["cache-control: max-age=2, must-revalidate"]))), .wait(seconds: 3),
            .ask(.fetch(.dies(served: nil)))),
        Row(
            "5.2.2.8 nor is proxy-revalidate", .ask(.fetch(.answer(["cache-control: max-age=2, proxy-revalidate"]))),
            .wait(seconds: 3), .ask(.fetch(.dies(served: nil)))),
        Row(
            "5.2.2.10 nor is s-maxage", .ask(.fetch(.answer(["cache-control: s-maxage=2"]))), .wait(seconds: 3),
            .ask(.fetch(.dies(served: nil)))),
        Row(
            "5.2.2.4 no-cache is asked about each time",
            .ask(.fetch(.answer(["cache-control: no-cache, max-age=60", "etag: \"1\""], body: "a"))),
            .ask(.send(has: [sentTag], .answer(status: 304, served: .revalidated))), .ask(.fetch(.dies(served: nil)))),
        Row(
            "3 what may not be kept overtakes what is held", .ask(.fetch(short)), .wait(seconds: 3),
            .ask(.fetch(.answer(["cache-control: no-store"]))), .wait(seconds: 3), .ask(.fetch(.dies(served: nil)))),
    ]

    private static let others: [Row] = [
        Row(
            "RFC 5861 3 served while it is asked about",
            .ask(.fetch(.answer(["cache-control: max-age=1, stale-while-revalidate=5"], body: "a"))), .wait(seconds: 3),
            .ask(.refresh(.answer(["cache-control: max-age=60"], body: "b"))), .ask(.hit(body: "b"))),
        Row(
            "RFC 5861 3 and no longer", .ask(.fetch(.answer(["cache-control: max-age=1, stale-while-revalidate=5"]))),
            .wait(seconds: 6), .ask(.fetch(kept))),
        Row(
            "RFC 5861 4 a window of its own", .ask(.fetch(.answer(["cache-control: max-age=1, stale-if-error=60"]))),
            .wait(seconds: 60), .ask(.fetch(.dies(served: .stale)))),
        Row(
            "RFC 5861 4 a window that is shut", .ask(.fetch(.answer(["cache-control: max-age=1, stale-if-error=0"]))),
            .wait(seconds: 2), .ask(.fetch(.dies(served: nil)))),
        Row(
            "RFC 8246 a reload asks nothing", .ask(.fetch(.answer(["cache-control: max-age=60, immutable"]))),
            .wait(seconds: 5), .get(["cache-control: max-age=0"], .hit()),
            .get(["cache-control: no-cache"], .fetch(kept))),
        Row(
            "RFC 9213 the targeted field goes before",
            .ask(.fetch(.answer(["cache-control: max-age=60", "cdn-cache-control: max-age=2"]))), .wait(seconds: 3),
            .ask(.fetch(kept))),
        Row("RFC 9110 13.1.1 If-Match is the origin's to judge", .get(["if-match: \"1\""], .pass(.request))),
        Row("RFC 9110 13.1.4 so is If-Unmodified-Since", .get(["if-unmodified-since: x"], .pass(.request))),
        Row(
            "RFC 9110 13.1.2 conditions are met here, from the whole",
            .get(["if-none-match: \"7\"", "range: bytes=0-1"], .send(lacks: ["if-none-match", "range"], kept))),
        Row(
            "RFC 9110 7.6.1 what ends here goes no further",
            .get(
                ["connection: x-mine, te", "x-mine: 1", "te: gzip", "x-yours: 2", "proxy-authorization: a"],
                .send(has: ["x-yours: 2"], lacks: ["connection", "x-mine", "te", "proxy-authorization"], kept))),
    ]

    @Test(arguments: rows) func goesAsTold(row: Row) {
        #expect(CacheScript.faults(of: row.steps).isEmpty)
    }

    /// Players reload with no-cache all day: on live paths the origin's word alone counts.
    @Test func liveReloadsAreAnsweredFromWhatIsHeld() {
        #expect(
            CacheScript.faults(
                of: [
                    .get(
                        ["authorization: a", "cookie: b"],
                        .send(has: ["authorization: a"], lacks: ["cookie"], Self.public)),
                    .get(["cache-control: no-cache", "pragma: no-cache"], .hit()),
                    .get(["cache-control: max-age=0"], .hit()), .get(["cache-control: no-store"], .hit()),
                ], target: "/live/a/v/1.m4s"
            ).isEmpty)
    }

    private static let `public` = CacheScript.Upstream.answer(["cache-control: public, max-age=60"])
}
