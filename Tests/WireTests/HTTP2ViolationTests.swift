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
