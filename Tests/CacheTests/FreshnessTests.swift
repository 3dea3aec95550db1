import HTTP
import Testing

@testable import Cache

/// RFC 9111 row by row: what is kept, for how long, and how old it was.
@Suite struct FreshnessTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        var status: UInt16 = 200
        var request: [(String, String)] = []
        let response: [(String, String)]
        let verdict: Freshness.Verdict
        var lifetime: Double = 0
        var age = 0
        var testDescription: String { name }
    }

    static let rows = [
        Row(name: "5.2.2.1 max-age", response: [("cache-control", "max-age=60")], verdict: .store, lifetime: 60),
        Row(
            name: "5.2.2.10 s-maxage before max-age", response: [("cache-control", "max-age=60, s-maxage=5")],
            verdict: .store, lifetime: 5),
        Row(name: "quoted seconds", response: [("cache-control", "max-age=\"7\"")], verdict: .store, lifetime: 7),
        Row(
            name: "1.2.2 seconds that overflow", response: [("cache-control", "max-age=99999999999999999999")],
            verdict: .store, lifetime: Double(1 << 31)),
        Row(name: "5.2.2.5 no-store", response: [("cache-control", "no-store, max-age=60")], verdict: .pass),
        Row(name: "no-store in capitals", response: [("cache-control", "NO-STORE")], verdict: .pass),
        Row(name: "5.2.2.7 private", response: [("cache-control", "private, max-age=60")], verdict: .pass),
        Row(
            name: "5.2.2.4 no-cache is kept to be asked about",
            response: [("cache-control", "no-cache, max-age=60")], verdict: .store),
        Row(
            name: "RFC 9213 targeted field wins",
            response: [("cache-control", "no-store"), ("cdn-cache-control", "max-age=9")], verdict: .store,
            lifetime: 9),
        Row(
            name: "5.3 Expires",
            response: [
                ("date", "Thu, 01 Jan 1970 00:16:40 GMT"), ("expires", "Thu, 01 Jan 1970 00:17:00 GMT"),
            ], verdict: .store, lifetime: 20),
        Row(name: "5.3 malformed Expires is past", response: [("expires", "0")], verdict: .store),
        Row(
            name: "4.2.2 a tenth of the time since modification",
            response: [
                ("date", "Thu, 01 Jan 1970 00:16:40 GMT"), ("last-modified", "Thu, 01 Jan 1970 00:15:00 GMT"),
            ], verdict: .store, lifetime: 10),
        Row(
            name: "4.2.3 Age counts", response: [("cache-control", "max-age=60"), ("age", "12")], verdict: .store,
            lifetime: 60, age: 12),
        Row(
            name: "4.2.3 an old Date counts",
            response: [("cache-control", "max-age=60"), ("date", "Thu, 01 Jan 1970 00:16:10 GMT")], verdict: .store,
            lifetime: 60, age: 30),
        Row(
            name: "4.1 Vary on more than the coding selects",
            response: [("cache-control", "max-age=60"), ("vary", "accept-encoding, cookie")], verdict: .store,
            lifetime: 60),
        Row(name: "4.1 Vary: *", response: [("cache-control", "max-age=60"), ("vary", "a, *")], verdict: .pass),
        Row(
            name: "4.1 Vary on the coding", response: [("cache-control", "max-age=60"), ("vary", "Accept-Encoding")],
            verdict: .store, lifetime: 60),
        Row(
            name: "3.5 Authorization", request: [("authorization", "x")],
            response: [("cache-control", "max-age=60")], verdict: .pass),
        Row(
            name: "3.5 Authorization with public", request: [("authorization", "x")],
            response: [("cache-control", "public, max-age=60")], verdict: .store, lifetime: 60),
        Row(name: "cookies", response: [("cache-control", "max-age=60"), ("set-cookie", "a=b")], verdict: .pass),
        Row(
            name: "7.3 cookies that are for all",
            response: [("cache-control", "public, max-age=60"), ("set-cookie", "a=b")],
            verdict: .store, lifetime: 60),
        Row(name: "3.3 parts", status: 206, response: [("cache-control", "max-age=60")], verdict: .pass),
        Row(name: "nothing said", response: [], verdict: .pass),
        Row(name: "500", status: 500, response: [], verdict: .pass),
        Row(name: "a tag alone is kept to be asked about", response: [("etag", "\"1\"")], verdict: .store),
        Row(
            name: "3 any final status with a lifetime", status: 599, response: [("cache-control", "max-age=9")],
            verdict: .store, lifetime: 9),
        Row(
            name: "3 an error with a lifetime", status: 503, response: [("cache-control", "max-age=9")],
            verdict: .store, lifetime: 9),
        Row(
            name: "5.2.2.3 must-understand, understood",
            response: [("cache-control", "max-age=9, no-store, must-understand")],
            verdict: .store, lifetime: 9),
        Row(
            name: "5.2.2.3 must-understand, not understood", status: 599,
            response: [("cache-control", "max-age=9, no-store, must-understand")], verdict: .pass),
        Row(name: "4.2.1 a malformed lifetime is none", response: [("cache-control", "max-age='9'")], verdict: .store),
        Row(name: "4.2.1 a negative one too", response: [("cache-control", "max-age=-9")], verdict: .store),
        Row(
            name: "4.2.1 of two the first counts", response: [("cache-control", "max-age=9, max-age=1")],
            verdict: .store, lifetime: 9),
        Row(
            name: "5.2 what is quoted is no directive",
            response: [("cache-control", "x=\"max-age=9, no-store\", max-age=1")],
            verdict: .store, lifetime: 1),
        Row(
            name: "5.2.2.4 no-cache with names withholds them alone",
            response: [("cache-control", "no-cache=\"a, b\", max-age=9")], verdict: .store, lifetime: 9),
        Row(
            name: "5.2.2.7 private with names too", response: [("cache-control", "private=\"a\", max-age=9")],
            verdict: .store, lifetime: 9),
        Row(
            name: "5.1 the first Age counts", response: [("cache-control", "max-age=9"), ("age", "7, 3")],
            verdict: .store, lifetime: 9, age: 7),
        Row(
            name: "5.1 Age of two lines", response: [("cache-control", "max-age=9"), ("age", "7"), ("age", "3")],
            verdict: .store, lifetime: 9, age: 7),
        Row(
            name: "5.1 Age that is none", response: [("cache-control", "max-age=9"), ("age", "-7")], verdict: .store,
            lifetime: 9),
        Row(
            name: "5.1 Age with a fraction", response: [("cache-control", "max-age=9"), ("age", "7.5")],
            verdict: .store, lifetime: 9),
        Row(
            name: "5.1 Age beyond all numbers",
            response: [("cache-control", "max-age=9"), ("age", "99999999999999999999")],
            verdict: .store, lifetime: 9, age: 1 << 31),
        Row(
            name: "5.3 Expires twice",
            response: [("expires", "Thu, 01 Jan 1970 00:17:00 GMT"), ("expires", "Thu, 01 Jan 1970 00:18:00 GMT")],
            verdict: .store),
        Row(
            name: "5.3 Expires of RFC 850", response: [("expires", "Thursday, 01-Jan-70 00:17:00 GMT")],
            verdict: .store, lifetime: 20),
        Row(
            name: "5.3 Expires of asctime", response: [("expires", "Thu Jan  1 00:17:00 1970")], verdict: .store,
            lifetime: 20),
        Row(
            name: "5.3 a Date that is none", response: [("date", "foo"), ("expires", "Thu, 01 Jan 1970 00:17:00 GMT")],
            verdict: .store, lifetime: 20),
        Row(
            name: "4.2.2 no heuristic for a refusal", status: 403,
            response: [("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")],
            verdict: .pass),
        Row(
            name: "4.2.2 heuristic for what is public", status: 599,
            response: [("cache-control", "public"), ("last-modified", "Thu, 01 Jan 1970 00:15:00 GMT")],
            verdict: .store, lifetime: 10),
        Row(
            name: "RFC 9213 2.1 a malformed targeted field is passed over",
            response: [("cache-control", "no-store"), ("cdn-cache-control", "max-age=9, &&")], verdict: .pass),
        Row(
            name: "RFC 9213 2.1 a value of another type too",
            response: [("cache-control", "no-store"), ("cdn-cache-control", "max-age=\"9\"")], verdict: .pass),
        Row(
            name: "RFC 9213 2.2 Expires yields as well",
            response: [("cdn-cache-control", "max-age=0"), ("expires", "Thu, 01 Jan 1970 00:17:00 GMT")],
            verdict: .store),
    ]

    @Test(arguments: rows) func isKeptAsItShould(row: Row) {
        var request = RequestHead(target: HTTPBytes("/x"))
        for (name, value) in row.request { request.fields.append(name: HTTPBytes(name), value: HTTPBytes(value)) }
        var response = ResponseHead(status: row.status)
        for (name, value) in row.response { response.fields.append(name: HTTPBytes(name), value: HTTPBytes(value)) }
        let freshness = Freshness(request: request, response: response, unixSeconds: 1_000, policy: FreshnessPolicy())
        #expect(freshness.verdict == row.verdict)
        #expect(freshness.lifetime == row.lifetime)
        #expect(freshness.initialAge == row.age)
    }
}
