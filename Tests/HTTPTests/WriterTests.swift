import NIOCore
import Seeded
import Testing

@testable import HTTP

@Suite("Serialisation")
struct WriterTests {
    private static func response(
        _ head: ResponseHead, _ framing: HTTP1BodyFraming, keepsAlive: Bool = true, toHTTP10: Bool = false
    ) -> String {
        var buffer = ByteBuffer()
        HTTP1Writer.write(head, framing: framing, keepsAlive: keepsAlive, toHTTP10: toHTTP10, into: &buffer)
        return String(buffer: buffer)
    }

    private static func request(_ head: RequestHead, bodyLength: Int = 0) -> String {
        var buffer = ByteBuffer()
        HTTP1Writer.write(head, bodyLength: bodyLength, into: &buffer)
        return String(buffer: buffer)
    }

    private static func fields(_ pairs: KeyValuePairs<String, String>) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in pairs { fields.append(name: name.utf8, value: value.utf8) }
        return fields
    }

    @Test("A head says how its body ends, once")
    func framesResponses() {
        let head = ResponseHead(status: 200, fields: Self.fields(["ETag": "\"a\""]))
        let start = "HTTP/1.1 200 OK\r\netag: \"a\"\r\n"
        #expect(Self.response(head, .length(5)) == start + "content-length: 5\r\n\r\n")
        #expect(Self.response(head, .length(0)) == start + "content-length: 0\r\n\r\n")
        #expect(Self.response(head, .chunked) == start + "transfer-encoding: chunked\r\n\r\n")
        #expect(Self.response(head, .untilClose) == start + "connection: close\r\n\r\n")
        #expect(Self.response(head, .none) == start + "\r\n")
        #expect(Self.response(head, .none, keepsAlive: false) == start + "connection: close\r\n\r\n")
        #expect(Self.response(head, .none, toHTTP10: true) == start + "connection: keep-alive\r\n\r\n")
        #expect(
            Self.response(head, .none, keepsAlive: false, toHTTP10: true) == start + "connection: close\r\n\r\n")
    }

    @Test("A status without a phrase keeps the space before it")
    func writesUnknownStatus() {
        #expect(Self.response(ResponseHead(status: 599), .none) == "HTTP/1.1 599 \r\n\r\n")
    }

    @Test("Framing and connection fields that a head brings along are left out")
    func dropsForeignFraming() {
        let head = ResponseHead(
            status: 200,
            fields: Self.fields([
                "A": "1", "Content-Length": "99", "Transfer-Encoding": "gzip", "Connection": "x, close",
                "Keep-Alive": "timeout=5", "Proxy-Connection": "close", "Upgrade": "h2c", "TE": "trailers",
                "Trailer": "b", "Host": "c", "B": "2",
            ]))
        #expect(
            Self.response(head, .chunked) == "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\ntransfer-encoding: chunked\r\n\r\n")
        #expect(Self.response(head, .asGiven) == "HTTP/1.1 200 OK\r\na: 1\r\ncontent-length: 99\r\nb: 2\r\n\r\n")
        #expect(Self.response(head, .none) == "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\n\r\n")
    }

    @Test("A removed field is not written")
    func dropsRemovedFields() {
        var fields = Self.fields(["a": "1", "b": "2"])
        fields.remove("a")
        #expect(Self.response(ResponseHead(status: 200, fields: fields), .none) == "HTTP/1.1 200 OK\r\nb: 2\r\n\r\n")
    }

    @Test("The fields of a request that was read carry nothing else along")
    func writesReadFields() throws {
        let head = try #require(RequestTranscript("GET /secret HTTP/1.0\r\nX:y\r\n\r\n").messages.first?.head)
        #expect(
            Self.response(ResponseHead(status: 200, fields: head.fields), .none) == "HTTP/1.1 200 OK\r\nx: y\r\n\r\n")
    }

    @Test("A switch of protocols keeps what it says about the connection")
    func writesUpgrade() {
        let fields = Self.fields(["Connection": "upgrade", "Upgrade": "websocket", "Content-Length": "0"])
        #expect(
            Self.response(ResponseHead(status: 101, fields: fields), .none)
                == "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    }

    @Test("A request has Host from its authority, first and once")
    func writesRequests() {
        let head = RequestHead(
            target: HTTPBytes("/a?b"), authority: HTTPBytes("c:8080"),
            fields: Self.fields(["Host": "evil", "Accept": "*/*", "Content-Length": "9"]))
        #expect(Self.request(head) == "GET /a?b HTTP/1.1\r\nhost: c:8080\r\naccept: */*\r\n\r\n")
        #expect(
            Self.request(head, bodyLength: 3)
                == "GET /a?b HTTP/1.1\r\nhost: c:8080\r\naccept: */*\r\ncontent-length: 3\r\n\r\n")
    }

    @Test("POST, PUT and PATCH say that their body is empty", arguments: [Method.post, .put, .patch])
    func writesEmptyBodies(_ method: Method) {
        let head = RequestHead(method: method, authority: HTTPBytes("a"))
        #expect(Self.request(head) == "\(method.name) / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
    }

    @Test("An upgrade keeps Connection and Upgrade")
    func writesUpgradeRequests() {
        let head = RequestHead(
            authority: HTTPBytes("a"), fields: Self.fields(["Connection": "Upgrade", "Upgrade": "websocket"]))
        #expect(
            Self.request(head) == "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
    }

    @Test("Nothing in a head can end its line")
    func keepsLinesWhole() {
        var fields = HTTPFields()
        fields.append("x-value", "a\r\nSet-Cookie: b\u{0}\n")
        fields.append(name: "x\r\ny".utf8, value: "a".utf8)
        let response = Self.response(ResponseHead(status: 200, fields: fields), .none)
        #expect(response == "HTTP/1.1 200 OK\r\nx-value: a  Set-Cookie: b  \r\n\r\n")
        let head = RequestHead(target: HTTPBytes("/a b\r\nX: y#\u{e9}"), authority: HTTPBytes("a\r\nX: y"))
        #expect(Self.request(head) == "GET /a%20b%0D%0AX:%20y%23%C3%A9 HTTP/1.1\r\nhost: aX:y\r\n\r\n")
    }

    @Test(
        "A chunk's size is in hexadecimal digits",
        arguments: [(1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (65_535, "ffff"), (1 << 20, "100000")])
    func writesChunkSizes(_ count: Int, _ text: String) {
        var buffer = ByteBuffer()
        HTTP1Writer.chunkHead(count: count, into: &buffer)
        #expect(String(buffer: buffer) == text + "\r\n")
    }

    @Test("An empty piece is no chunk, and forbidden trailers stay away")
    func writesChunks() {
        var buffer = ByteBuffer()
        HTTP1Writer.chunk(ByteBuffer(), into: &buffer)
        HTTP1Writer.chunk(ByteBuffer(string: "abc"), into: &buffer)
        HTTP1Writer.lastChunk(trailers: Self.fields(["X": "y", "Content-Length": "5"]), into: &buffer)
        #expect(String(buffer: buffer) == "3\r\nabc\r\n0\r\nx: y\r\n\r\n")
    }

    @Test("What is written is read as it was meant", arguments: 0..<200)
    func roundTrips(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var fields = HTTPFields()
        for index in 0..<Int.random(in: 0..<12, using: &random) {
            let length = Int.random(in: 0..<40, using: &random)
            let value = (0..<length).map { _ in UInt8.random(in: 0x21...0x7e, using: &random) }
            fields.append(name: "X-\(index % 5)".utf8, value: value)
        }
        let body = (0..<Int.random(in: 0..<500, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }

        let isChunked = Bool.random(using: &random)
        var buffer = ByteBuffer()
        HTTP1Writer.write(
            ResponseHead(status: 200, fields: fields), framing: isChunked ? .chunked : .length(body.count),
            keepsAlive: true, into: &buffer)
        if isChunked {
            for piece in cut(body, into: [Int.random(in: 1..<100, using: &random)]) {
                HTTP1Writer.chunk(ByteBuffer(bytes: piece), into: &buffer)
            }
            HTTP1Writer.lastChunk(into: &buffer)
        } else {
            buffer.writeBytes(body)
        }
        let response = ResponseTranscript(Array(buffer.readableBytesView), pieces: [31])
        var read = try #require(response.head)
        read.fields.remove(isChunked ? "transfer-encoding" : "content-length")
        #expect(read.fields == fields && response.body == body && response.isComplete && response.left.isEmpty)

        let request = RequestHead(
            method: .put, target: HTTPBytes("/a?b=\(seed)"), authority: HTTPBytes("a:1"), fields: fields)
        var written = ByteBuffer()
        HTTP1Writer.write(request, bodyLength: body.count, into: &written)
        written.writeBytes(body)
        let message = try #require(RequestTranscript(Array(written.readableBytesView), pieces: [17]).messages.first)
        var heard = message.head
        heard.fields.remove("host")
        heard.fields.remove("content-length")
        #expect(heard == request && message.body == body && message.isComplete)
    }
}
