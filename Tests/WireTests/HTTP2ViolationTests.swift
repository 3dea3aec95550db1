import HTTP
import NIOCore
import Testing
import Wire

/// RFC 9113 and 7541 as a server must hold them, frame by frame, in the clear and under TLS.
@Suite struct HTTP2ViolationTests {
    /// Leaves `/hang` open and answers the rest with as many bytes as are asked for.
    final class Hanging: Responder {
        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            if request.path.isEqual(to: "/hang") { return }
            let count = request.queryValue("bytes")?.decimalValue ?? 2
            exchange.respond(ResponseHead(status: 200), body: .bytes(ByteBuffer(repeating: 0x61, count: count)))
        }
        func cancelled(_ exchange: Exchange) {}
    }

    static var fewStreams: ServerLimits {
        var limits = ServerLimits()
        limits.concurrentStreams = 4
        return limits
    }

    @Test(arguments: HTTP2Violation.all, [false, true])
    func isRefusedAsItMust(row: HTTP2Violation, isSecure: Bool) async throws {
        try await LoopbackServer.with(isSecure: isSecure, limits: Self.fewStreams, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.open(row.settings)
            let pong = [UInt8]("pingpong".utf8)
            await client.send(row.frames + [Frame(.ping, pong)])
            let (frames, isClosed) = try await client.received { frames in
                switch row.outcome {
                case .ignored: frames.contains { $0.type == 6 && $0.payload == pong }
                case .streamError:
                    frames.contains { $0.type == 3 && $0.stream == 1 } || frames.contains { $0.type == 7 }
                case .connectionError: false
                }
            }
            let goAway = frames.last { $0.type == 7 }
            switch row.outcome {
            case .ignored:
                #expect(!isClosed && goAway == nil, "\(frames)")
                #expect(frames.contains { $0.type == 6 && $0.payload == pong })
            case .streamError(let code):
                let reset = frames.first { $0.type == 3 && $0.stream == 1 }
                #expect((reset ?? goAway)?.code == code, "\(frames)")
            case .connectionError(let codes):
                #expect(isClosed)
                let code = goAway?.code ?? frames.first { $0.type == 3 }?.code
                #expect(code.map { codes.contains($0) } == true, "\(frames)")
            }
            await client.close()
        }
    }

    /// 5.1: the stream is over on both sides before another frame comes on it.
    @Test(arguments: [false, true]) func dataOnAStreamThatWasAnsweredEndsTheConnection(isSecure: Bool) async throws {
        try await LoopbackServer.with(isSecure: isSecure, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.open()
            await client.send([
                Frame(.headers, flags: Frame.endStream | Frame.endHeaders, stream: 1, Block.request("/"))
            ])
            _ = try await client.received { $0.contains { $0.type == 0 && $0.flags & Frame.endStream != 0 } }
            await client.send([Frame(.data, flags: Frame.endStream, stream: 1, [1, 2, 3, 4])])
            let (frames, isClosed) = try await client.received { _ in false }
            #expect(isClosed && frames.last { $0.type == 7 }?.code == 5, "\(frames)")
        }
    }

    /// 5.4.2: what a client had on its way when it was reset is its right, also where there are many such streams.
    @Test func dataThatCrossesAResetIsPassedOver() async throws {
        var limits = ServerLimits()
        limits.requestBodyBytes = 100
        try await LoopbackServer.with(isSecure: false, limits: limits, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.open()
            let count = 70
            let body = [UInt8](repeating: 0, count: 200)
            for index in 0..<count {
                let stream = UInt32(2 * index + 1)
                await client.send([
                    Frame(.headers, flags: Frame.endHeaders, stream: stream, Block.request("/", method: "POST")),
                    Frame(.data, stream: stream, body),
                ])
            }
            _ = try await client.received { frames in frames.count { $0.type == 3 } == count }
            await client.send((0..<count).map { Frame(.data, stream: UInt32(2 * $0 + 1), body) })
            await client.send([Frame(.ping, [1, 2, 3, 4, 5, 6, 7, 8])])
            let (frames, isClosed) = try await client.received { $0.contains { $0.type == 6 } }
            #expect(!isClosed && !frames.contains { $0.type == 7 }, "\(frames)")
            await client.close()
        }
    }

    /// 3.4, where a port takes both versions: what could be no request of HTTP/1.1 is answered in the words of HTTP/2.
    @Test(arguments: [
        ("INVALID CONNECTION PREFACE\r\n\r\n", true), ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", true),
        ("GET / HTTQ/1.1\r\n\r\n", false), ("GET nowhere HTTP/1.1\r\n\r\n", false), ("hello\r\n\r\n", false),
        ("GET  / HTTP/1.1\r\n\r\n", false), ("\u{16}\u{3}\u{1} a b\r\n", false),
    ])
    func aBrokenPrefaceIsToldApart(text: String, isHTTP2: Bool) async throws {
        try await LoopbackServer.with(isSecure: false, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.send(Array(text.utf8))
            let (bytes, isClosed) = try await client.receivedBytes()
            #expect(isClosed)
            if isHTTP2 {
                let frames = Frame.all(in: bytes)
                #expect(frames.map(\.type) == [4, 7] && frames.last?.code == 1, "\(frames)")
            } else {
                #expect(bytes.starts(with: Array("HTTP/1.1 400 ".utf8)))
            }
        }
    }

    /// However the bytes are cut: each DATA and a PRIORITY that depends on itself are found, and nothing else is.
    @Test func framesAreWalkedOverInAnyPieces() {
        func priority(_ stream: UInt32, _ other: UInt32) -> Frame {
            Frame(.priority, stream: stream, Frame.word(other) + [16])
        }
        let rows: [(frame: Frame, finding: FrameWalk.Finding?)] = [
            (Frame(.settings), nil), (Frame(.headers, stream: 1, [UInt8](repeating: 2, count: 300)), nil),
            // Within a payload nothing is a frame.
            (Frame(.data, stream: 1, priority(3, 3).bytes), .data(stream: 1)),
            (Frame(.data, stream: 5), .data(stream: 5)),
            (Frame(.priority, stream: 5, [0, 0, 0]), nil), (Frame(.priority, stream: 1, [0, 0, 0, 1]), nil),
            (Frame(.ping, [0, 0, 0, 0, 2, 0, 0, 0]), nil), (priority(1, 3), nil), (priority(0x0100_0001, 1), nil),
            (priority(7, 7), .selfDependence), (priority(7, 0x8000_0007), .selfDependence),
            (priority(0x8000_0007, 7), .selfDependence), (Frame(.data, stream: 0x7fff_ffff, [1]), .data(stream: .max)),
            (Frame(.ping, [UInt8](repeating: 0, count: 8)), nil),
        ]
        let bytes = RawHTTP2.preface + rows.flatMap(\.frame.bytes)
        var starts: [Int] = []
        var next = RawHTTP2.preface.count
        for row in rows {
            if row.finding != nil { starts.append(next) }
            next += row.frame.bytes.count
        }
        for size in Array(1...40) + [bytes.count] {
            var walk = FrameWalk()
            var findings: [FrameWalk.Finding] = []
            var places: [Int] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                let piece = Array(bytes[start..<min(bytes.count, start + size)])
                piece.withUnsafeBytes { raw in
                    var index = 0
                    while let (finding, place) = walk.next(in: raw, from: &index) {
                        findings.append(finding)
                        places.append(start + place)
                    }
                }
            }
            #expect(findings == rows.compactMap(\.finding), "in pieces of \(size)")
            // All that stands before a finding may be taken before it is judged, and nothing of what is behind it.
            for (place, start) in zip(places, starts) {
                #expect(place == start || place / size > start / size && place % size == 0 && place < start + 13)
            }
            if size == bytes.count { #expect(places == starts) }
        }
    }

    @Test(arguments: [false, true]) func theFirstFrameIsSettings(isSecure: Bool) async throws {
        try await LoopbackServer.with(isSecure: isSecure, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.send(RawHTTP2.preface + Frame(.ping, [UInt8](repeating: 0, count: 8)).bytes)
            let (frames, isClosed) = try await client.received { _ in false }
            #expect(isClosed && frames.contains { $0.type == 7 && $0.code == 1 }, "\(frames)")
        }
    }

    @Test func underTLSTheProtocolIsWhatWasAgreed() async throws {
        try await LoopbackServer.with(isSecure: true, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            let (frames, isClosed) = try await client.received { _ in false }
            #expect(isClosed && !frames.contains { $0.type == 1 }, "\(frames)")
        }
    }

    @Test(arguments: [false, true]) func settingsAndPingsAreAnswered(isSecure: Bool) async throws {
        try await LoopbackServer.with(isSecure: isSecure, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.open()
            await client.send([Frame(.ping, [1, 2, 3, 4, 5, 6, 7, 8])])
            let (frames, _) = try await client.received { $0.contains { $0.type == 6 } }
            // Ours first (RFC 9113, 3.4), then the answers in their order.
            #expect(frames.first?.type == 4 && frames.first?.flags == 0)
            #expect(frames.filter { $0.type == 4 && $0.flags == Frame.ack }.count == 1)
            #expect(frames.last == Frame(.ping, flags: Frame.ack, [1, 2, 3, 4, 5, 6, 7, 8]))
            await client.close()
        }
    }

    /// 6.9.2: what is sent keeps to a window of 0, then of one byte, then of all.
    @Test(arguments: [false, true]) func windowsAreKept(isSecure: Bool) async throws {
        try await LoopbackServer.with(isSecure: isSecure, responder: { Hanging() }) { server in
            let client = try await RawHTTP2(server)
            await client.open(Frame.setting(4, 0))
            await client.send([
                Frame(.headers, flags: Frame.endStream | Frame.endHeaders, stream: 1, Block.request("/?bytes=10")),
                Frame(.ping, [UInt8](repeating: 1, count: 8)),
            ])
            var (frames, _) = try await client.received { $0.contains { $0.type == 6 } }
            #expect(frames.contains { $0.type == 1 } && !frames.contains { $0.type == 0 })
            await client.send([Frame(.windowUpdate, stream: 1, Frame.word(1))])
            (frames, _) = try await client.received { $0.contains { $0.type == 0 } }
            #expect(frames.last { $0.type == 0 }?.payload.count == 1)
            await client.send([Frame(.settings, Frame.setting(4, 100))])
            (frames, _) = try await client.received { $0.contains { $0.type == 0 && $0.flags == Frame.endStream } }
            #expect(frames.filter { $0.type == 0 }.reduce(0) { $0 + $1.payload.count } == 10)
            await client.close()
        }
    }
}
