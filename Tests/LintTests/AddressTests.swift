import HLS
import Testing

@testable import Lint

/// URLs and what references mean beside them; names that follow from others.
struct AddressTests {
    @Test(
        "what is a URL, and its normal form",
        arguments: [
            ("http://example.com", "http://example.com/"), ("HTTPS://Example.com:443/a?b#c", "https://example.com/a?b"),
            ("http://127.0.0.1:8080/live/x/index.m3u8", "http://127.0.0.1:8080/live/x/index.m3u8"),
            ("http://[::1]:81/a/./b/../c", "http://[::1]:81/a/c"), ("http://h?x=1", "http://h/?x=1"),
        ])
    func address(text: String, expected: String) { #expect(WebAddress(text)?.description == expected) }

    @Test(
        "what is none",
        arguments: [
            "", "example.com", "ftp://a/b", "http://", "http://a:0/", "http://a:99999/", "http://u@h/", "http://a/b c",
        ])
    func none(text: String) { #expect(WebAddress(text) == nil) }

    @Test(
        "RFC 3986, 5.4: references beside http://a/b/c/d?q",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
            ("//g", "http://g/"), ("?y", "http://a/b/c/d?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d?q"),
            ("", "http://a/b/c/d?q"), (".", "http://a/b/c/"), ("..", "http://a/b/"), ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"), ("../c/../d/e.m3u8", "http://a/b/d/e.m3u8"), ("https://x/y", "https://x/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
        ])
    func references(text: String, expected: String) throws {
        let base = try #require(WebAddress("http://a/b/c/d?q"))
        #expect(base.resolving(text)?.description == expected)
    }

    @Test("references that cannot be fetched, and queries that are added")
    func others() throws {
        let base = try #require(WebAddress("http://a/b"))
        #expect(base.resolving("data:text/plain,x") == nil)
        #expect(base.resolving("with space") == nil)
        #expect(base.adding(query: "x=1").adding(query: "y=2").target == "/b?x=1&y=2")
    }

    @Test(
        "the name after the next",
        arguments: [
            ("e/7.4.m4s", "e/7.3.m4s", "e/7.5.m4s"), ("part-99.mp4", "part-98.mp4", "part-100.mp4"),
            ("e/8.0.m4s", "e/7.5.m4s", nil), ("a.m4s", "b.m4s", nil), ("9", "8", "10"),
        ])
    func names(next: String, last: String, expected: String?) {
        #expect(MediaNames.following(next, after: last) == expected)
    }
}
