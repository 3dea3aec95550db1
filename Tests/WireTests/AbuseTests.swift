import HTTP
import NIOCore
import Testing
import Wire

/// Floods that HTTP/2 has seen, each over a real socket: the attacker is cut after a number of frames that is known, and
/// another client of the same server is answered while it goes on.
@Suite struct AbuseTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let name: String
        var settings: [UInt8] = []
        var opening: [Frame] = []
        /// What is sent again and again: the frames of the n-th time.
        let frames: @Sendable (UInt32) -> [Frame]
        /// Times after which it must have been cut.
        let bound: UInt32
        /// Whether GOAWAY says why; a session that is beyond repair is closed without.
        var isTold = true
        var testDescription: String { name }
    }

    private static let whole = Frame.endStream | Frame.endHeaders

    private static func open(_ number: UInt32, _ path: String = "/hang") -> Frame {
        Frame(.headers, flags: whole, stream: number * 2 + 1, Block.request(path))
    }

    /// A field of 4,000 bytes that goes into the table, and then is named by one byte each time.
    private static let bomb: [UInt8] =
        Block.request("/hang") + [0x40] + Block.text("a") + Block.text(String(repeating: "b", count: 4_000))
        + [UInt8](repeating: 0xbe, count: 12_000)

    static let attacks = [
        Attack(
            name: "rapid reset", frames: { [open($0), Frame(.reset, stream: $0 * 2 + 1, Frame.word(8))] }, bound: 700),
        Attack(
            name: "MadeYouReset by a window beyond its bounds",
            frames: { [open($0), Frame(.windowUpdate, stream: $0 * 2 + 1, Frame.word(0x7fff_ffff))] }, bound: 700),
        Attack(
            name: "MadeYouReset by a malformed head",
            frames: {
                [Frame(.headers, flags: whole, stream: $0 * 2 + 1, Block.request("/hang", [("Connection", "x")]))]
            },
            bound: 700),
        Attack(
            name: "CONTINUATION", opening: [Frame(.headers, stream: 1, Block.request())],
            frames: { _ in [Frame(.continuation, stream: 1, [])] }, bound: 300, isTold: false),
        Attack(name: "PING", frames: { _ in [Frame(.ping, [UInt8](repeating: 0, count: 8))] }, bound: 8_000),
        Attack(name: "SETTINGS", frames: { _ in [Frame(.settings, Frame.setting(3, 100))] }, bound: 4_000),
        Attack(
            name: "empty DATA",
            opening: [Frame(.headers, flags: Frame.endHeaders, stream: 1, Block.request("/hang", method: "POST"))],
            frames: { _ in [Frame(.data, stream: 1, [])] }, bound: 4_000),
        Attack(
            name: "DATA of one byte",
            opening: [Frame(.headers, flags: Frame.endHeaders, stream: 1, Block.request("/hang", method: "POST"))],
            frames: { _ in [Frame(.data, stream: 1, [0])] }, bound: 4_000),
        Attack(
            name: "WINDOW_UPDATE", opening: [open(0)],
            frames: { _ in [Frame(.windowUpdate, stream: 1, Frame.word(1))] },
            bound: 8_000),
        Attack(name: "PRIORITY", frames: { [Frame(.priority, stream: $0 * 2 + 1, [0, 0, 0, 0, 1])] }, bound: 8_000),
        Attack(
            name: "PRIORITY_UPDATE", frames: { _ in [Frame(type: 0x10, [0, 0, 0, 1] + Array("u=1".utf8))] },
            bound: 8_000),
        Attack(name: "HPACK bomb", frames: { [Frame(.headers, flags: whole, stream: $0 * 2 + 1, bomb)] }, bound: 2),
        Attack(
            name: "windows of one byte", settings: Frame.setting(4, 1), opening: [open(0, "/?bytes=1000000")],
            frames: { _ in [Frame(.windowUpdate, stream: 1, Frame.word(1))] }, bound: 8_000),
        Attack(
            name: "heads too large",
            frames: {
                [
                    Frame(
                        .headers, flags: whole, stream: $0 * 2 + 1,
                        Block.request(
                            "/",
                            [("x", String(repeating: "y", count: 9_000)), ("z", String(repeating: "y", count: 7_000))]))
                ]
            }, bound: 400),
    ]

    @Test(arguments: attacks) func theAttackerIsCut(attack: Attack) async throws {
        var limits = ServerLimits()
        limits.head.headerBytes = 12_000
        try await LoopbackServer.with(
            isSecure: false, limits: limits, responder: { HTTP2ViolationTests.Hanging() }
        ) { server in
            let attacker = try await RawHTTP2(server)
            await attacker.open(attack.settings)
            await attacker.send(attack.opening)
            var count: UInt32 = attack.opening.isEmpty ? 0 : 1
            let end = count + attack.bound
            while count < end, !attacker.isClosed {
                let batch = (count..<min(end, count + 50)).flatMap { attack.frames($0) }
                await attacker.send(batch)
                count += 50
                if count % 500 < 50 { #expect(try await isAnswered(by: server)) }
            }
            // Whatever was sent, the connection ends: nobody else has to end it.
            let (frames, isClosed) = try await attacker.received { _ in false }
            #expect(isClosed)
            let code = frames.last { $0.type == 7 }?.code
            #expect(try await isAnswered(by: server))
            guard attack.isTold else { return }
            // Many streams in one read are more than may be open at once, which ends it sooner (RFC 9113, 5.1.2).
            #expect(code == 11 || code == 1, "\(frames.suffix(3))")
            if code == 11 { #expect(try await server.counters().abusiveConnections == 1) }
        }
    }

    private func isAnswered(by server: LoopbackServer) async throws -> Bool {
        let other = try await RawHTTP2(server)
        await other.open()
        await other.send([Self.open(0, "/?bytes=5")])
        let (frames, _) = try await other.received { $0.contains { $0.type == 0 && $0.flags == Frame.endStream } }
        await other.close()
        return frames.contains { $0.type == 0 && $0.payload.count == 5 }
    }

    /// What honest clients do costs nothing that adds up: a viewer's life of parts, windows and cancelled requests.
    @Test func honestClientsAreLeftAlone() {
        var now: UInt64 = 0
        var budget = GlitchBudget(now: now)
        var refused = 0
        func spend(_ glitch: GlitchBudget.Glitch, _ times: Int = 1) {
            for _ in 0..<times where !budget.spend(glitch, now: now) { refused += 1 }
        }
        for second in 0..<3_600 {
            now += 1_000_000_000
            // A part of 100 kB three times a second, with a window update each 16 kB; pings, and now and then a change.
            for _ in 0..<3 {
                budget.carried(100_000)
                spend(.windowUpdate, 7)
            }
            spend(.priority, 10)
            spend(.ping)
            if second % 10 == 0 { spend(.reset, 5) }
            if second % 60 == 0 { spend(.settings) }
        }
        #expect(refused == 0)
    }

    @Test(arguments: GlitchBudget.Glitch.allCases) func aFloodRunsOut(glitch: GlitchBudget.Glitch) {
        var budget = GlitchBudget(now: 7)
        func flood(at now: UInt64) -> Int {
            var sent = 0
            while sent < 10_000, budget.spend(glitch, now: now) { sent += 1 }
            return sent
        }
        let burst = GlitchBudget.capacity / glitch.cost
        #expect(flood(at: 7) == burst)
        // A clock that stands still or goes back brings nothing.
        #expect(flood(at: 0) == 0)
        // Time brings points back, and so does what is carried, up to a burst.
        let later: UInt64 = 7 + 1_000_000_000
        #expect(flood(at: later) == GlitchBudget.perSecond / glitch.cost)
        budget.carried(1 << 30)
        #expect(flood(at: later) == burst)
    }
}
