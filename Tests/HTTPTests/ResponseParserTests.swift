import NIOCore
import Testing

@testable import HTTP

@Suite("Responses")
struct ResponseParserTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let rule: String
        let text: String
        var method = Method.get
        /// Whether the connection ends behind the bytes.
        var closes = false
        var status: UInt16 = 200
        var kind = HTTP1BodyKind.none
        var body = ""
        var keepsAlive = true
        /// Bytes that belong to no response.
        var left = ""

        var testDescription: String { rule }
    }

    static let rows: [Row] = [
        Row(
            rule: "a length", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", kind: .length(5),
            body: "hello",
            left: "HTTP"),
        Row(rule: "a length of 0", text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx", left: "x"),
        Row(
            rule: "chunks", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nx",
            kind: .chunked, body: "abc", left: "x"),
        Row(
            rule: "neither: until the close", text: "HTTP/1.1 200 OK\r\n\r\nhello", closes: true, kind: .untilClose,
            body: "hello", keepsAlive: false),
        Row(
            rule: "HTTP/1.0 until the close", text: "HTTP/1.0 200 OK\r\n\r\n", closes: true, kind: .untilClose,
            keepsAlive: false),
        Row(
            rule: "HTTP/1.0 with a length", text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", kind: .length(2),
            body: "hi", keepsAlive: false),
        Row(
            rule: "HTTP/1.0 that stays",
            text: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", kind: .length(2),
            body: "hi"),
        Row(
            rule: "Connection: close", text: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
            kind: .length(2), body: "hi", keepsAlive: false),
        Row(
            rule: "HEAD with a length", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", method: .head, left: "x"),
        Row(
            rule: "HEAD with chunks", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", method: .head,
            left: "x"),
        Row(rule: "HEAD with neither", text: "HTTP/1.1 200 OK\r\n\r\nx", method: .head, left: "x"),
        Row(rule: "204", text: "HTTP/1.1 204 No Content\r\n\r\nx", status: 204, left: "x"),
        Row(
            rule: "204 with a length is not trusted", text: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
            status: 204, keepsAlive: false, left: "hello"),
        Row(
            rule: "204 with chunks is not trusted",
            text: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 204,
            keepsAlive: false, left: "0\r\n\r\n"),
        Row(rule: "304", text: "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\nx", status: 304, left: "x"),
        Row(
            rule: "304 with the length of what it stands for",
            text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\nx", status: 304, left: "x"),
        Row(rule: "no reason", text: "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", status: 404),
        Row(rule: "no reason and no space", text: "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", status: 404),
        Row(
            rule: "a reason in another language", text: "HTTP/1.1 404 Ärgerlich\r\nContent-Length: 0\r\n\r\n",
            status: 404),
        Row(
            rule: "a status that nobody registered", text: "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n", status: 599),
    ]

    @Test("Are read alike whole and in pieces", arguments: rows)
    func reads(_ row: Row) {
        let bytes = Array(row.text.utf8)
        let whole = ResponseTranscript(bytes, to: row.method, closes: row.closes)
        #expect(whole.violation == nil && whole.isComplete)
        #expect(whole.head?.status == row.status)
        #expect(whole.kind == row.kind)
        #expect(whole.body == Array(row.body.utf8))
        #expect(whole.keepsAlive == row.keepsAlive)
        #expect(whole.left == Array(row.left.utf8))
        for size in 1..<bytes.count {
            #expect(ResponseTranscript(bytes, to: row.method, closes: row.closes, pieces: [size]) == whole)
        }
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        let rule: String
        let text: String
        let violation: HTTP1Violation
        var closes = false
        var testDescription: String { rule }

        init(_ rule: String, _ text: String, _ violation: HTTP1Violation, closes: Bool = false) {
            self.rule = rule
            self.text = text
            self.violation = violation
            self.closes = closes
        }

        /// A response with these framing lines, otherwise in order.
        static func framing(_ rule: String, _ lines: String, _ violation: HTTP1Violation) -> Self {
            Self(rule, "HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n0\r\n\r\n", violation)
        }
    }

    static let refusals: [Refusal] = [
        Refusal("HTTP/2 settings", "\0\0\u{12}\u{4}\0\0\0\0\0", .notHTTP),
        Refusal("an SSH server", "SSH-2.0-OpenSSH\r\n", .notHTTP),
        Refusal("HTTP/0.9", "<html>", .notHTTP),
        Refusal("an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", .notHTTP),
        Refusal("a word that begins alike", "Hello\r\n", .malformedStatusLine),
        Refusal("another protocol", "HTTQ/1.1 200 OK\r\n\r\n", .malformedStatusLine),
        Refusal("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
        Refusal("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", .unsupportedVersion),
        Refusal("a lower-case version", "Http/1.1 200 OK\r\n\r\n", .malformedStatusLine),
        Refusal("no status", "HTTP/1.1 \r\n\r\n", .malformedStatusLine),
        Refusal("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine),
        Refusal("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
        Refusal("a status of letters", "HTTP/1.1 2OO OK\r\n\r\n", .malformedStatusLine),
        Refusal("a status below 100", "HTTP/1.1 099 OK\r\n\r\n", .malformedStatusLine),
        Refusal("a status above 599", "HTTP/1.1 600 OK\r\n\r\n", .malformedStatusLine),
        Refusal("two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
        Refusal("a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", .malformedStatusLine),
        Refusal("a CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", .bareCarriageReturn),
        Refusal("a NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", .malformedStatusLine),
        Refusal("LF alone", "HTTP/1.1 200 OK\n\n", .bareLineFeed),
        Refusal("a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", .foldedLine),
        Refusal("a blank before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", .blankBeforeColon),
        Refusal("an empty field name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", .invalidFieldName),
        Refusal("a NUL in a value", "HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", .invalidFieldValue),
        .framing(
            "a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked", .lengthAndTransferEncoding),
        .framing(
            "chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5", .lengthAndTransferEncoding),
        .framing("different lengths", "Content-Length: 5\r\nContent-Length: 6", .repeatedContentLength),
        .framing("equal lengths", "Content-Length: 5\r\nContent-Length: 5", .repeatedContentLength),
        .framing("lengths in a list", "Content-Length: 5, 5", .invalidContentLength),
        .framing("a negative length", "Content-Length: -5", .invalidContentLength),
        .framing("an empty length", "Content-Length:", .invalidContentLength),
        .framing("a length too large", "Content-Length: 99999999999999999999", .contentLengthOverflow),
        .framing("another coding", "Transfer-Encoding: gzip", .invalidTransferEncoding),
        .framing("another coding before chunked", "Transfer-Encoding: gzip, chunked", .unknownTransferCoding),
        .framing("chunked twice", "Transfer-Encoding: chunked, chunked", .invalidTransferEncoding),
        .framing("an empty coding", "Transfer-Encoding:", .invalidTransferEncoding),
        Refusal(
            "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
        Refusal(
            "a contradiction in a response without a body",
            "HTTP/1.1 304 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndTransferEncoding),
        Refusal(
            "a contradiction in an interim response",
            "HTTP/1.1 100 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", .repeatedContentLength),
        Refusal("an upgrade that nobody asked for", "HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n", .upgradeNotRequested),
        Refusal(
            "interim responses without end", String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 17),
            .tooManyInterimResponses(limit: 16)),
        Refusal(
            "a status line that never ends", "HTTP/1.1 200 " + String(repeating: "x", count: 9000),
            .requestLineTooLong(limit: 8192)),
        Refusal(
            "a head that never ends", "HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 101),
            .tooManyFields(limit: 100)),
        Refusal(
            "a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", .invalidChunkSize),
        // The connection's end.
        Refusal("the end before a byte", "", .truncated, closes: true),
        Refusal("the end in the head", "HTTP/1.1 200 OK\r\n", .truncated, closes: true),
        Refusal("the end behind an interim response", "HTTP/1.1 100 Continue\r\n\r\n", .truncated, closes: true),
        Refusal(
            "the end before a length is full", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", .truncated,
            closes: true),
        Refusal(
            "the end before the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            .truncated, closes: true),
        Refusal(
            "the end in the trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", .truncated,
            closes: true),
    ]

    @Test("Are refused where their end could be read in two ways, or never comes", arguments: refusals)
    func refuses(_ row: Refusal) {
        let bytes = Array(row.text.utf8)
        let whole = ResponseTranscript(bytes, closes: row.closes)
        #expect(whole.violation == row.violation)
        #expect(!whole.isComplete && !whole.keepsAlive)
        #expect(ResponseTranscript(bytes, closes: row.closes, pieces: [1]) == whole)
        #expect(ResponseTranscript(bytes, closes: row.closes, pieces: [9, 4]) == whole)
    }

    @Test("Interim responses are told apart from the final one")
    func tellsInterim() {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        let whole = ResponseTranscript(Array(text.utf8))
        #expect(whole.interim.map(\.status) == [100, 103])
        #expect(whole.interim.last?.fields.text("link") == "</a>")
        #expect(whole.head?.status == 200 && whole.isComplete)
        #expect(whole.head?.fields.contains("link") == false)
    }

    @Test("Trailers come behind the last chunk")
    func keepsTrailers() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"
        #expect(ResponseTranscript(Array(text.utf8)).trailers.text("x-sum") == "1")
    }

    @Test("A switch of protocols that was asked for is the end of parsing")
    func upgrades() {
        let text = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}"
        let whole = ResponseTranscript(Array(text.utf8), allowsUpgrade: true)
        #expect(whole.isUpgraded && whole.isComplete && !whole.keepsAlive)
        #expect(whole.left == [1, 2])
    }

    @Test("The connection's end behind a complete response says nothing new")
    func endsTwice() throws {
        var parser = HTTP1ResponseParser(requestMethod: .get)
        var input = ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        while try parser.feed(&input) != nil {}
        #expect(try parser.eof() == nil)
        #expect(parser.keepsAlive)
    }
}
