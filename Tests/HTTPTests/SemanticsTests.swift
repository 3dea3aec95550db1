import NIOCore
import Testing

@testable import HTTP

@Suite("Meaning of messages")
struct SemanticsTests {
    @Test(
        "Path and query are split at the first question mark",
        arguments: [
            ("/", "/", nil), ("/a?", "/a", ""), ("/a?b", "/a", "b"), ("/a?b?c", "/a", "b?c"), ("*", "*", nil),
        ] as [(String, String, String?)])
    func splitsTargets(_ target: String, _ path: String, _ query: String?) {
        let head = RequestHead(target: HTTPBytes(target))
        #expect(head.path.text == path)
        #expect(head.query?.text == query)
    }

    @Test("Query items are read as they came, empty ones skipped")
    func readsQueries() {
        let head = RequestHead(target: HTTPBytes("/a?_HLS_msn=12&&x&y=&_HLS_part=3&z=a=b&=c&_HLS_msn=9"))
        #expect(
            head.queryItems.map { "\($0.name.text)>\($0.value.text)" } == [
                "_HLS_msn>12", "x>", "y>", "_HLS_part>3", "z>a=b", ">c", "_HLS_msn>9",
            ])
        #expect(head.queryValue("_HLS_msn")?.decimalValue == 12)
        #expect(head.queryValue("x")?.isEmpty == true)
        #expect(head.queryValue("w") == nil)
        #expect(RequestHead().queryValue("x") == nil)
    }

    @Test(
        "A number is one to eighteen digits and nothing else",
        arguments: [
            ("0", 0), ("007", 7), ("999999999999999999", 999_999_999_999_999_999), ("", nil),
            ("1000000000000000000", nil),
            ("-1", nil), ("+1", nil), ("1 ", nil), ("1a", nil), ("٣", nil),
        ] as [(String, Int?)])
    func readsNumbers(_ text: String, _ value: Int?) {
        #expect(HTTPBytes(text).decimalValue == value)
    }

    @Test(
        "Targets and authorities that HTTP/2 brings are held to the same rules",
        arguments: [
            ("/", true), ("/a%20b", true), ("", false), ("*", false), ("a", false), ("/ ", false), ("/%2", false),
        ])
    func checksTargets(_ target: String, _ isValid: Bool) {
        #expect(TargetRule.isOriginForm(HTTPBytes(target)) == isValid)
    }

    @Test(
        "Authorities",
        arguments: [
            ("a", true), ("a:1", true), ("[::1]", true), ("[::ffff:1.2.3.4]:65535", true), ("", false),
            ("a:65536", false),
            ("u@a", false), ("[", false), ("[::1", false),
        ])
    func checksAuthorities(_ authority: String, _ isValid: Bool) {
        #expect(AuthorityRule.isValid(HTTPBytes(authority)) == isValid)
    }

    @Test(
        "Percent-encoding is undone within bounds",
        arguments: [
            ("", 0, ""), ("abc", 3, "abc"), ("a%20b", 3, "a b"), ("%C3%bc", 2, "ü"), ("a+b", 3, "a+b"),
            ("%2525", 3, "%25"),
            ("abcd", 3, nil), ("%41%42", 1, nil), ("%", 9, nil), ("%4", 9, nil), ("%4g", 9, nil), ("a%", 9, nil),
            ("%00", 9, nil), ("a%00b", 9, nil),
        ] as [(String, Int, String?)])
    func decodes(_ text: String, _ limit: Int, _ expected: String?) {
        #expect(PercentCoding.decode(HTTPBytes(text), limit: limit) == expected.map { Array($0.utf8) })
    }

    @Test("What is encoded comes back, and only unreserved characters are left alone")
    func encodes() {
        #expect(PercentCoding.encode("aZ09-._~ /?#%&+ü") == "aZ09-._~%20%2F%3F%23%25%26%2B%C3%BC")
        #expect(PercentCoding.decode(HTTPBytes(PercentCoding.encode("ü/%+")), limit: 10) == Array("ü/%+".utf8))
    }

    @Test(
        "Dates are written as IMF-fixdate and read back",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)])
    func writesDates(_ seconds: Int64, _ text: String) {
        #expect(String(decoding: HTTPDate.format(unixSeconds: seconds), as: UTF8.self) == text)
        #expect(HTTPDate.parse(HTTPBytes(text)) == seconds)
    }

    @Test("Days all over 400 years come back")
    func readsDaysBack() {
        for day in stride(from: Int64(0), to: 146_097, by: 5) {
            let seconds = day * 86_400 + day % 86_400
            guard HTTPDate.parse(HTTPDate.format(unixSeconds: seconds)[...]) == seconds else {
                Issue.record("day \(day) does not come back")
                return
            }
        }
    }

    @Test("Moments outside the years 1970 to 9999 become the nearest one inside")
    func clampsDates() {
        #expect(HTTPDate.format(unixSeconds: .min) == HTTPDate.format(unixSeconds: 0))
        #expect(HTTPDate.format(unixSeconds: .max) == HTTPDate.format(unixSeconds: 253_402_300_799))
    }

    @Test(
        "The obsolete forms and other letters mean the same moment",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994", "SUN, 06 nov 1994 08:49:37 gmt", "sunday, 06-NOV-94 08:49:37 GMT",
        ])
    func readsObsoleteDates(_ text: String) {
        #expect(HTTPDate.parse(HTTPBytes(text), now: 1_790_000_000) == 784_111_777)
    }

    @Test(
        "Two digits of a year are at most fifty years ahead",
        arguments: [("76", 2076), ("77", 1977), ("50", 2050), ("99", 1999), ("26", 2026)])
    func readsCenturies(_ digits: String, _ year: Int) {
        // In the year 2026.
        let read = HTTPDate.parse(HTTPBytes("Sunday, 01-Jan-\(digits) 00:00:00 GMT"), now: 1_790_000_000)
        #expect(read == HTTPDate.parse(HTTPBytes("Sun, 01 Jan \(year) 00:00:00 GMT")))
    }

    @Test(
        "What is in none of the three forms is no date",
        arguments: [
            "", "0", "-1", "Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun, 06-Nov-94 08:49:37 GMT",
            "Xxx, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06  Nov  1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 31 Jun 1994 08:49:37 GMT",
            "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
        ])
    func refusesDates(_ text: String) {
        #expect(HTTPDate.parse(HTTPBytes(text)) == nil)
    }

    @Test("The Date field changes with the second")
    func cachesDates() {
        var cache = HTTPDateCache()
        #expect(cache.value(unixMicroseconds: 0).text == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(cache.value(unixMicroseconds: 999_999).text == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(cache.value(unixMicroseconds: 1_000_000).text == "Thu, 01 Jan 1970 00:00:01 GMT")
        #expect(cache.value(unixMicroseconds: 0).text == "Thu, 01 Jan 1970 00:00:00 GMT")
    }

    @Test(
        "A coding is chosen by weight, then by the server's order",
        arguments: [
            (nil, .identity), ("", .identity), ("gzip", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip), ("zstd", .zstd),
            ("gzip, zstd", .zstd), ("gzip;q=1.0, zstd;q=0.5", .gzip), ("gzip;q=0.001", .gzip), ("gzip;q=0", .identity),
            ("gzip;q=0.000", .identity), ("*", .zstd), ("*;q=0.5, gzip;q=0.6", .gzip), ("gzip, *;q=0", .gzip),
            ("*;q=0", .identity), ("identity", .identity), ("identity, gzip", .gzip),
            ("identity;q=1, gzip;q=0.5", .identity), ("identity;q=0", .identity), ("br", .identity),
            ("gzip;q=2", .identity), ("gzip;q=", .identity), ("gzip;x=1", .identity), ("gzip;q=0.1234", .identity),
            ("gzip;q=1.001", .identity), ("gzip ; q=1", .gzip), ("gzip; q=0.x", .identity),
            ("deflate, gzip;q=0.8, br;q=0.9", .gzip),
        ] as [(String?, ContentCoding)])
    func negotiates(_ value: String?, _ coding: ContentCoding) {
        var fields = HTTPFields()
        if let value { fields.append("accept-encoding", value) }
        #expect(ContentCoding.negotiate(fields, offered: [.zstd, .gzip]) == coding)
        #expect(ContentCoding.negotiate(fields, offered: []) == .identity)
    }

    @Test(
        "Media types follow a path's ending",
        arguments: [
            ("/live/a/index.m3u8", "application/vnd.apple.mpegurl"), ("/a/1.2.m4s", "video/mp4"),
            ("/a/init.mp4", "video/mp4"), ("/a.M4A", "audio/mp4"), ("/a.html", "text/html; charset=utf-8"),
            ("/a", "application/octet-stream"), ("/a.", "application/octet-stream"),
            ("/a.b", "application/octet-stream"),
        ])
    func namesMediaTypes(_ path: String, _ type: String) {
        #expect("\(ContentType.of(path: HTTPBytes(path)))" == type)
    }

    @Test("A problem is a JSON document with a stable type, and is not kept by caches")
    func writesProblems() {
        let problem = Problem(name: "no-such-channel", status: 404, detail: "\"a\\b\"\n\u{1}<é\u{7f}")
        #expect(
            String(buffer: problem.body)
                == #"{"type":"urn:needletail:problem:no-such-channel","title":"Not Found","status":404,"#
                + #""detail":"\"a\\b\"\n\u0001\u003cé\u007f"}"# + "\n")
        #expect(problem.head.status == 404)
        #expect(problem.head.fields.text("content-type") == "application/problem+json")
        #expect(problem.head.fields.text("cache-control") == "no-store")
    }

    @Test("Methods are named as they are written, and only the safe ones may be repeated without thought")
    func namesMethods() {
        let known: [Method] = [.get, .head, .post, .put, .delete, .options, .patch, .connect, .trace]
        for method in known { #expect(Method(token: HTTPBytes(method.name)) == method) }
        #expect(Method(token: HTTPBytes("PROPFIND")) == .other("PROPFIND"))
        #expect(known.filter(\.isSafe) == [.get, .head, .options, .trace])
        #expect(known.filter(\.isIdempotent) == [.get, .head, .put, .delete, .options, .trace])
    }
}
