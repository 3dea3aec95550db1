import AccessLog
import Foundation
import HTTP
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

/// What is told of each exchange that ends, however it ends, over real sockets.
@Suite struct AccessTests {
    private final class Stage: Responder, BodySource {
        private var held: [Exchange] = []
        /// Succeeds each time that a client has gone.
        var left: EventLoopPromise<Void>?
        /// Succeeds when a request is held.
        var arrived: EventLoopPromise<Void>?
        private var pieces = 0

        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            let answer = ResponseBody.bytes(ByteBuffer(repeating: 0x61, count: 3_000))
            switch request.path.text {
            case "/hit": exchange.respond(ResponseHead(status: 200), body: answer, cache: .hit)
            case "/fetched":
                exchange.fetched(in: .microseconds(1_500))
                exchange.respond(ResponseHead(status: 200), body: answer, cache: .miss)
            case "/hold":
                exchange.parked()
                held.append(exchange)
                arrived?.succeed()
                arrived = nil
            case "/release":
                for waiting in held {
                    waiting.released()
                    waiting.respond(ResponseHead(status: 200), body: answer, cache: .pushed)
                }
                held = []
                exchange.respond(ResponseHead(status: 204))
            case "/abort": exchange.abort()
            case "/torn": exchange.respond(ResponseHead(status: 200), body: .stream(self, length: 5_000))
            case "/huge":
                let piece = ByteBuffer(repeating: 0x61, count: 1 << 20)
                exchange.respond(
                    ResponseHead(status: 200), body: .slices(Array(repeating: piece, count: 64)), cache: .hit)
            default: exchange.respond(ResponseHead(status: 404))
            }
        }

        func cancelled(_ exchange: Exchange) {
            held.removeAll { $0 == exchange }
            left?.succeed()
            left = nil
        }

        func next(limit: Int) -> BodyPiece {
            pieces += 1
            return pieces % 2 == 1 ? .bytes(ByteBuffer(repeating: 0x61, count: 1_000), isLast: false) : .failed
        }
    }

    /// A server with a log in a file, and its lines once `body` is through.
    private func lines(
        isSecure: Bool, limits: ServerLimits = ServerLimits(),
        _ body: (LoopbackServer, NIOLoopBound<Stage>) async throws -> Void
    ) async throws -> [[String: Any]] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        let writer = try AccessLogWriter(
            .file(file.path), format: .json, bound: 1 << 20,
            clock: { Int64(Date().timeIntervalSince1970 * 1_000_000) }, tell: { _ in })
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let stage = try await loop.submit { NIOLoopBound(Stage(), eventLoop: loop) }.get()
        try await LoopbackServer.with(
            isSecure: isSecure, limits: limits, accessLog: writer, on: loop, responder: { stage.value }
        ) { server in
            try await body(server, stage)
            try await server.access { $0.flush() }
        }
        writer.close()
        let text = try String(contentsOf: file, encoding: .utf8)
        return try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
        }
    }

    @discardableResult
    private func curl(_ server: LoopbackServer, _ path: String, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["curl", "-sk", "--max-time", "10", "-A", "agent \"7\"", "-e", "http://b/", "-o", "/dev/null"] + arguments
            + ["-w", "%{http_code} %{size_download}", "\(server.address)\(path)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    @Test(arguments: [false, true], ["--http1.1", "--http2-prior-knowledge", "--http2"])
    func everyAnswerIsTold(isSecure: Bool, version: String) async throws {
        if isSecure, version == "--http2-prior-knowledge" { return }
        let isHTTP2 = version == "--http2-prior-knowledge" || version == "--http2" && isSecure
        let told = try await lines(isSecure: isSecure) { server, _ in
            let answers = [
                try curl(server, "/hit?a=1", version), try curl(server, "/hit", version, "-I"),
                try curl(server, "/fetched", version), try curl(server, "/nothing", version, "-d", "x=1"),
                try curl(server, "/huge", version),
            ]
            #expect(answers == ["200 3000", "200 0", "200 3000", "404 0", "200 \(64 << 20)"])
        }
        let rows: [(method: String, target: String, status: Int, bytes: Int, cache: String?, upstream: Double?)] = [
            ("GET", "/hit?a=1", 200, 3_000, "hit", nil), ("HEAD", "/hit", 200, 0, "hit", nil),
            ("GET", "/fetched", 200, 3_000, "fwd=miss", 1.5), ("POST", "/nothing", 404, 0, nil, nil),
            ("GET", "/huge", 200, 64 << 20, "hit", nil),
        ]
        try #require(told.count == rows.count)
        for (line, row) in zip(told, rows) {
            #expect(line["method"] as? String == row.method)
            #expect(line["target"] as? String == row.target)
            #expect(line["status"] as? Int == row.status)
            #expect(line["bytes"] as? Int == row.bytes)
            #expect(line["cache"] as? String == row.cache)
            #expect(line["upstream_ms"] as? Double == row.upstream)
            #expect(line["hold_ms"] is NSNull)
            #expect(line["end"] as? String == "whole")
            #expect(line["protocol"] as? String == (isHTTP2 ? "h2" : "http/1.1"))
            #expect(line["tls"] as? Bool == isSecure)
            #expect(line["peer"] as? String == "127.0.0.1")
            #expect(line["user_agent"] as? String == "agent \"7\"")
            #expect(line["referer"] as? String == "http://b/")
        }
    }

    private static let whole = Frame.endStream | Frame.endHeaders

    private func headers(_ path: String, _ stream: UInt32) -> Frame {
        Frame(.headers, flags: Self.whole, stream: stream, Block.request(path))
    }

    /// What a line must say.
    private struct Row: Equatable {
        let target: String
        let status: Int?
        let bytes: Int?
        let end: String
        let isHeld: Bool

        init(_ target: String, _ status: Int?, _ bytes: Int?, _ end: String, isHeld: Bool = false) {
            (self.target, self.status, self.bytes, self.end, self.isHeld) = (target, status, bytes, end, isHeld)
        }

        func isTold(by line: [String: Any]) -> Bool {
            line["target"] as? String == target && line["status"] as? Int == status && line["end"] as? String == end
                && (line["hold_ms"] is Double) == isHeld && (bytes == nil || line["bytes"] as? Int == bytes)
        }
    }

    @Test(arguments: [false, true]) func holdsAndEndsAreTold(isSecure: Bool) async throws {
        let told = try await lines(isSecure: isSecure) { server, stage in
            let clue = { (note: @escaping @Sendable (Stage, EventLoopPromise<Void>) -> Void) in
                try await server.loop.submit {
                    let promise = server.loop.makePromise(of: Void.self)
                    note(stage.value, promise)
                    return promise.futureResult
                }.get()
            }
            let nextArrival = { try await clue { $0.arrived = $1 } }
            let nextLeaving = { try await clue { $0.left = $1 } }
            // Held, then answered.
            var arrival = try await nextArrival()
            let client = try await RawHTTP2(server)
            await client.open()
            await client.send([headers("/hold", 1)])
            try await arrival.get()
            await client.send([headers("/release", 3)])
            _ = try await client.received { frames in
                frames.contains { $0.type == 0 && $0.stream == 1 && $0.flags & 1 == 1 }
            }
            // Held, and its client wants it no more.
            arrival = try await nextArrival()
            var leaving = try await nextLeaving()
            await client.send([headers("/hold", 5)])
            try await arrival.get()
            await client.send([Frame(.reset, stream: 5, Frame.word(8))])
            try await leaving.get()
            // Broken off by this side: at once, and in its body.
            await client.send([headers("/abort", 7)])
            _ = try await client.received { $0.contains { $0.type == 3 && $0.stream == 7 } }
            await client.send([headers("/torn", 9)])
            _ = try await client.received { $0.contains { $0.type == 3 && $0.stream == 9 } }
            // Not a request at all, to libnghttp2 and to us.
            await client.send([
                Frame(.headers, flags: Self.whole, stream: 11, Block.request("/x") + Block.literal("X", "y"))
            ])
            _ = try await client.received { $0.contains { $0.type == 3 && $0.stream == 11 } }
            let connect = Block.literal(":method", "CONNECT") + Block.literal(":authority", "a:1")
            await client.send([Frame(.headers, flags: Self.whole, stream: 13, connect)])
            _ = try await client.received { $0.contains { $0.type == 0 && $0.stream == 13 && $0.flags & 1 == 1 } }
            // Held while its connection goes.
            arrival = try await nextArrival()
            leaving = try await nextLeaving()
            await client.send([headers("/hold", 15)])
            try await arrival.get()
            await client.close()
            try await leaving.get()
        }
        let rows = [
            Row("/hold", 200, 3_000, "whole", isHeld: true), Row("/release", 204, 0, "whole"),
            Row("/hold", nil, 0, "gone", isHeld: true), Row("/abort", nil, 0, "cut"), Row("/torn", 200, 1_000, "cut"),
            Row("/x", nil, 0, "cut"), Row("", 501, nil, "whole"), Row("/hold", nil, 0, "gone", isHeld: true),
        ]
        #expect(told.count == rows.count)
        // What ended in one burst is told in no order of ours.
        for row in rows {
            #expect(told.count { row.isTold(by: $0) } == rows.count { $0 == row }, "\(row): \(told)")
        }
        for line in told {
            guard let held = line["hold_ms"] as? Double, let duration = line["duration_ms"] as? Double else { continue }
            #expect(held > 0 && held <= duration)
        }
    }

    @Test func whatIsNoRequestOfHTTP1IsToldToo() async throws {
        var limits = ServerLimits()
        limits.requestBodyBytes = 10
        let told = try await lines(isSecure: false, limits: limits) { server, stage in
            for text in [
                "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "\u{1}nonsense\r\n\r\n",
                "POST /hit HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n01234567890123456789",
            ] {
                let client = try await RawHTTP2(server)
                await client.send(Array(text.utf8))
                _ = try await client.received { _ in false }
            }
            // One whose client takes a little of a large answer and goes.
            let left = try await server.loop.submit {
                let promise = server.loop.makePromise(of: Void.self)
                stage.value.left = promise
                return promise.futureResult
            }.get()
            let client = try await RawHTTP2(server)
            await client.stopReading()
            await client.send(Array("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            for _ in 0..<100_000 { if try await server.counters().bytesSent >= 100_000 { break } }
            await client.close()
            try await left.get()
        }
        #expect(told.map { $0["status"] as? Int } == [400, 400, 413, 200])
        #expect(told.map { $0["end"] as? String } == ["whole", "whole", "whole", "gone"])
        #expect(told.map { $0["method"] as? String } == [nil, nil, "POST", "GET"])
        #expect(told.map { $0["target"] as? String } == [nil, nil, "/hit", "/huge"])
        let taken = try #require(told.last?["bytes"] as? Int)
        #expect(taken > 0 && taken < 64 << 20)
    }

    /// Kept whether there is a log or not.
    @Test func timesAreCountedByCacheResult() async throws {
        try await LoopbackServer.with(isSecure: false, responder: { Stage() }) { server in
            for path in ["/hit", "/hit", "/fetched", "/nothing"] { try curl(server, path) }
            let client = try await RawHTTP2(server)
            await client.open()
            await client.send([headers("/hold", 1), headers("/release", 3)])
            _ = try await client.received { frames in
                frames.contains { $0.type == 0 && $0.stream == 1 && $0.flags & 1 == 1 }
            }
            let times = try await server.counters().times
            do {
                func count(_ family: LatencyHistograms.Family, _ cache: CacheResult) -> UInt64 {
                    family.buckets(cache)?.reduce(0, +) ?? 0
                }
                #expect(count(times.durations, .hit) == 2 && count(times.durations, .miss) == 1)
                #expect(count(times.durations, .none) == 2 && count(times.durations, .pushed) == 1)
                #expect(count(times.holds, .pushed) == 1 && count(times.holds, .hit) == 0)
                // 1.5 ms lies below the fifth bound, 2.5 ms.
                #expect(times.upstreams.buckets(.miss)?.firstIndex(of: 1) == 4)
                #expect(times.upstreams.sum(.miss) == 1_500_000)
                #expect(times.holds.sum(.pushed) <= times.durations.sum(.pushed))
                var both = times
                both.add(times)
                #expect(count(both.durations, .hit) == 4)
            }
            await client.close()
        }
    }
}
