import NIOCore
import Testing

@testable import HTTP

@Suite("Requests")
struct RequestParserTests {
    /// A request's first line, fields and framing, and what must be read from them.
    struct Row: CustomTestStringConvertible, Sendable {
        let rule: String
        let text: String
        var method = Method.get
        var target = "/"
        var authority = "a"
        var kind = HTTP1BodyKind.none
        var body = ""
        var keepsAlive = true

        var testDescription: String { rule }
    }

    private static let host = "Host: a\r\n"

    static let rows: [Row] = [
        Row(rule: "the smallest request", text: "GET / HTTP/1.1\r\nHost:a\r\n\r\n"),
        Row(rule: "one empty line before it", text: "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Row(rule: "path and query", text: "GET /a/b?c=d&e HTTP/1.1\r\n\(host)\r\n", target: "/a/b?c=d&e"),
        Row(
            rule: "percent-encoding is left alone", text: "GET /%2e%2F%00 HTTP/1.1\r\n\(host)\r\n", target: "/%2e%2F%00"
        ),
        Row(
            rule: "bytes that browsers leave as they are", text: "GET /a?b={c}|^`[] HTTP/1.1\r\n\(host)\r\n",
            target: "/a?b={c}|^`[]"),
        Row(rule: "two slashes are a path", text: "GET //a/b HTTP/1.1\r\n\(host)\r\n", target: "//a/b"),
        Row(
            rule: "the longest request line",
            text: "GET /\(String(repeating: "a", count: 8178)) HTTP/1.1\r\n\(host)\r\n",
            target: "/" + String(repeating: "a", count: 8178)),
        Row(rule: "HEAD", text: "HEAD / HTTP/1.1\r\n\(host)\r\n", method: .head),
        Row(rule: "DELETE", text: "DELETE / HTTP/1.1\r\n\(host)\r\n", method: .delete),
        Row(rule: "TRACE", text: "TRACE / HTTP/1.1\r\n\(host)\r\n", method: .trace),
        Row(rule: "OPTIONS of a path", text: "OPTIONS /a HTTP/1.1\r\n\(host)\r\n", method: .options, target: "/a"),
        Row(rule: "OPTIONS of the server", text: "OPTIONS * HTTP/1.1\r\n\(host)\r\n", method: .options, target: "*"),
        Row(rule: "methods are case-sensitive", text: "get / HTTP/1.1\r\n\(host)\r\n", method: .other("get")),
        Row(
            rule: "a method of every token character", text: "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n\(host)\r\n",
            method: .other("!#$%&'*+-.^_`|~09azAZ")),
        Row(
            rule: "a method of 32 bytes", text: "\(String(repeating: "M", count: 32)) / HTTP/1.1\r\n\(host)\r\n",
            method: .other(String(repeating: "M", count: 32))),
        // Host and absolute targets.
        Row(
            rule: "Host in lower case", text: "GET / HTTP/1.1\r\nHOST: EXAMPLE.Com:80\r\n\r\n",
            authority: "example.com:80"),
        Row(rule: "an IPv4 Host", text: "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", authority: "127.0.0.1:8080"),
        Row(rule: "an IPv6 Host", text: "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", authority: "[::1]:8080"),
        Row(rule: "an empty port", text: "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", authority: "a:"),
        Row(rule: "an underscore in Host", text: "GET / HTTP/1.1\r\nHost: a_b-c.d\r\n\r\n", authority: "a_b-c.d"),
        Row(
            rule: "an absolute target wins over Host", text: "GET http://B:81/x?y HTTP/1.1\r\n\(host)\r\n",
            target: "/x?y",
            authority: "b:81"),
        Row(
            rule: "an absolute target without a path", text: "GET http://b HTTP/1.1\r\n\(host)\r\n", target: "/",
            authority: "b"),
        Row(
            rule: "an absolute target with a query alone", text: "GET HTTP://b?x=/y HTTP/1.1\r\n\(host)\r\n",
            target: "/?x=/y", authority: "b"),
        Row(
            rule: "an absolute target over TLS", text: "GET https://b/x HTTP/1.1\r\n\(host)\r\n", target: "/x",
            authority: "b"),
        Row(
            rule: "OPTIONS of a whole server by URI", text: "OPTIONS http://b:8001 HTTP/1.1\r\n\(host)\r\n",
            method: .options, target: "*", authority: "b:8001"),
        // Bodies.
        Row(
            rule: "a body with a length", text: "POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhello",
            method: .post,
            kind: .length(5), body: "hello"),
        Row(
            rule: "a length with leading zeros", text: "POST / HTTP/1.1\r\n\(host)Content-Length: 0005\r\n\r\nhello",
            method: .post, kind: .length(5), body: "hello"),
        Row(
            rule: "blanks around a length", text: "POST / HTTP/1.1\r\n\(host)Content-Length: \t 5 \t\r\n\r\nhello",
            method: .post, kind: .length(5), body: "hello"),
        Row(
            rule: "a length of 0", text: "POST / HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", method: .post,
            kind: .none),
        Row(rule: "POST without a body", text: "POST / HTTP/1.1\r\n\(host)\r\n", method: .post, kind: .none),
        Row(
            rule: "GET with a body", text: "GET / HTTP/1.1\r\n\(host)Content-Length: 2\r\n\r\nhi", kind: .length(2),
            body: "hi"),
        Row(
            rule: "a body with LF and CR in it", text: "PUT / HTTP/1.1\r\n\(host)Content-Length: 4\r\n\r\n\r\n\n\r",
            method: .put, kind: .length(4), body: "\r\n\n\r"),
        Row(
            rule: "a chunked body",
            text:
                "PATCH / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            method: .patch, kind: .chunked, body: "abc0123456789"),
        Row(
            rule: "chunked in capitals", text: "PUT / HTTP/1.1\r\n\(host)transfer-encoding: Chunked \r\n\r\n0\r\n\r\n",
            method: .put, kind: .chunked),
        Row(
            rule: "chunk sizes with leading zeros",
            text: "PUT / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0000000000000003\r\nabc\r\n000\r\n\r\n",
            method: .put, kind: .chunked, body: "abc"),
        Row(
            rule: "chunk extensions are skipped",
            text: "PUT / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d e\"\r\nabc\r\n0;x\r\n\r\n",
            method: .put, kind: .chunked, body: "abc"),
        Row(
            rule: "chunk extensions of 256 bytes",
            text: "PUT / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
                + "3;\(String(repeating: "e", count: 255))\r\nabc\r\n0\r\n\r\n",
            method: .put, kind: .chunked, body: "abc"),
        // Persistence.
        Row(
            rule: "HTTP/1.1 closes when asked", text: "GET / HTTP/1.1\r\n\(host)Connection: close\r\n\r\n",
            keepsAlive: false),
        Row(
            rule: "close in a list", text: "GET / HTTP/1.1\r\n\(host)Connection: TE, Close\r\n\r\n", keepsAlive: false),
        Row(
            rule: "close on a second line",
            text: "GET / HTTP/1.1\r\n\(host)Connection: keep-alive\r\nConnection: close\r\n\r\n", keepsAlive: false),
        Row(rule: "closed is not close", text: "GET / HTTP/1.1\r\n\(host)Connection: closed\r\n\r\n"),
        Row(rule: "HTTP/1.0 without Host", text: "GET / HTTP/1.0\r\n\r\n", authority: "", keepsAlive: false),
        Row(rule: "HTTP/1.0 with Host", text: "GET / HTTP/1.0\r\n\(host)\r\n", keepsAlive: false),
        Row(rule: "HTTP/1.0 stays when asked", text: "GET / HTTP/1.0\r\n\(host)Connection: Keep-Alive\r\n\r\n"),
        Row(
            rule: "HTTP/1.0 with a length", text: "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", method: .post,
            authority: "", kind: .length(2), body: "hi", keepsAlive: false),
    ]

    @Test("Are read alike whole and in pieces", arguments: rows)
    func reads(_ row: Row) throws {
        let whole = RequestTranscript(row.text)
        let message = try #require(whole.messages.first)
        #expect(whole.violation == nil && whole.messages.count == 1 && whole.left.isEmpty && message.isComplete)
        #expect(message.head.method == row.method)
        #expect(message.head.target.text == row.target)
        #expect(message.head.authority.text == row.authority)
        #expect(message.kind == row.kind)
        #expect(message.body == Array(row.body.utf8))
        #expect(message.keepsAlive == row.keepsAlive)
        #expect(RequestTranscript(row.text, pieces: [1]) == whole)
        #expect(RequestTranscript(row.text, pieces: [5, 2, 11]) == whole)
    }

    @Test("Keep their fields in order, with names in lower case and values without the blanks around them")
    func keepsFields() throws {
        let text =
            "GET / HTTP/1.1\r\nHost: a\r\nX-One:  a b \t\r\nx-two:\r\nX-ONE: \u{e9}\r\nZ!#$%&'*+-.^_`|~9: c:d\r\n\r\n"
        let head = try #require(RequestTranscript(text).messages.first?.head)
        #expect(
            head.fields.map { [$0.name.text, $0.value.text] } == [
                ["host", "a"], ["x-one", "a b"], ["x-two", ""], ["x-one", "\u{e9}"],
                ["z!#$%&'*+-.^_`|~9", "c:d"],
            ])
        #expect(head.version == .http11)
    }

    @Test("An absolute target's authority takes the place of Host")
    func replacesHost() throws {
        let text = "GET http://B/ HTTP/1.1\r\nHost: a\r\n\r\n"
        let head = try #require(RequestTranscript(text).messages.first?.head)
        #expect(head.fields.all("host").map(\.text) == ["b"])
        #expect(head.scheme == .http)
    }

    @Test("100 fields and 32 KiB of them pass, one more of either does not")
    func limitsAreExact() {
        let line = "GET / HTTP/1.1\r\n"
        let hundred = line + "Host: a\r\n" + (1..<100).map { "x\($0): y\r\n" }.joined() + "\r\n"
        #expect(RequestTranscript(hundred).violation == nil)
        let used = "Host: a\r\nX: \r\n".utf8.count
        for (extra, violation) in [(0, nil), (1, HTTP1Violation.headerTooLarge(limit: 32 * 1024))] {
            let value = String(repeating: "v", count: 32 * 1024 - used + extra)
            let text = line + "Host: a\r\nX: \(value)\r\n\r\n"
            #expect(RequestTranscript(text).violation == violation)
            #expect(RequestTranscript(text, pieces: [1021]).violation == violation)
        }
    }

    @Test("Trailer fields are kept apart from the head")
    func keepsTrailers() throws {
        let text =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n"
        let message = try #require(RequestTranscript(text).messages.first)
        #expect(message.trailers.all("x-sum").map(\.text) == ["1", "2"])
        #expect(!message.head.fields.contains("x-sum"))
    }

    @Test("A pipeline is read one request after another, each trailer with its own")
    func readsPipelines() {
        let text =
            "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: u\r\n\r\n"
            + "\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nGET"
            + "GET /3 HTTP/1.1\r\nHost: c\r\n\r\nGET /4 HTTP/1.1\r\nHo"
        let whole = RequestTranscript(text)
        #expect(whole.messages.map(\.head.target.text) == ["/1", "/2", "/3"])
        #expect(whole.messages.map { String(decoding: $0.body, as: UTF8.self) } == ["x", "GET", ""])
        #expect(whole.messages.map(\.trailers.count) == [1, 0, 0])
        #expect(String(decoding: whole.left, as: UTF8.self) == "GET /4 HTTP/1.1\r\nHo")
        for size in 1...text.utf8.count { #expect(RequestTranscript(text, pieces: [size]) == whole) }
    }

    @Test("Any two pieces give what the whole gives, wherever they are cut")
    func cutsAnywhere() {
        for row in Self.rows where row.text.utf8.count < 300 {
            let whole = RequestTranscript(row.text)
            for first in 1..<row.text.utf8.count {
                #expect(RequestTranscript(row.text, pieces: [first, row.text.utf8.count]) == whole)
            }
        }
    }

    @Test("Nothing is consumed before a head is complete")
    func leavesPartialHeads() throws {
        var parser = HTTP1RequestParser()
        var input = ByteBuffer()
        #expect(parser.isBetweenRequests)
        for byte in "GET / HTTP/1.1\r\nHost: a\r\n\r".utf8 {
            input.writeInteger(byte)
            #expect(try parser.feed(&input) == nil)
            #expect(!parser.isBetweenRequests)
        }
        #expect(input.readerIndex == 0)
        input.writeString("\n")
        #expect(try parser.feed(&input) != nil)
        #expect(input.readableBytes == 0)
        #expect(try parser.feed(&input) == .end)
        #expect(try parser.feed(&input) == nil)
        #expect(parser.isBetweenRequests)
    }

    @Test("A body's pieces share the memory that was fed")
    func sharesBodies() throws {
        var input = ByteBuffer(string: "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        input.writeBytes(repeatElement(7, count: 1000))
        let fed = input.withUnsafeReadableBytes { $0.baseAddress }
        var parser = HTTP1RequestParser()
        _ = try parser.feed(&input)
        guard case .body(let piece)? = try parser.feed(&input) else {
            Issue.record("no body")
            return
        }
        let offset = piece.withUnsafeReadableBytes { body in
            fed.flatMap { start in body.baseAddress.map { $0 - start } }
        }
        #expect(piece.readableBytes == 1000)
        #expect(offset == "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".utf8.count)
    }

    @Test(
        "100-continue is asked for by HTTP/1.1 requests with a body alone",
        arguments: [
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false),
            ("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", false),
        ])
    func expectsContinue(_ text: String, _ expected: Bool) {
        #expect(RequestTranscript(text).messages.first?.expectsContinue == expected)
    }

    @Test(
        "An upgrade takes Upgrade, its name in Connection, and HTTP/1.1",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false),
        ])
    func asksForUpgrade(_ text: String, _ expected: Bool) {
        #expect(RequestTranscript(text).messages.first?.requestsUpgrade == expected)
    }

    @Test("An upgrade is the end of parsing, behind the request's own body, until it is declined")
    func upgradeEndsParsing() throws {
        let text =
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi"
        let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
        let transcript = RequestTranscript(text + next)
        #expect(transcript.messages.count == 1)
        #expect(transcript.messages.first?.body == Array("hi".utf8))
        #expect(transcript.messages.first?.keepsAlive == false)
        #expect(transcript.left == Array(next.utf8))

        var parser = HTTP1RequestParser()
        var input = ByteBuffer(string: text + next)
        while try parser.feed(&input) != nil {}
        parser.declineUpgrade()
        #expect(parser.keepsAlive)
        guard case .head(let head, .none)? = try parser.feed(&input) else {
            Issue.record("the next request was not read")
            return
        }
        #expect(head.target.text == "/next")
    }
}
