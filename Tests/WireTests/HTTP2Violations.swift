/// What a server must refuse, section by section, and with which error code.
struct HTTP2Violation: Sendable, CustomStringConvertible {
    enum Outcome: Sendable, Equatable {
        /// GOAWAY with one of these codes, and the connection ends.
        case connectionError([UInt32])
        /// RST_STREAM on stream 1 with this code; a connection error of the same kind is as good (RFC 9113, 5.4.2).
        case streamError(UInt32)
        /// Nothing happens to the connection: a PING is answered.
        case ignored
    }

    let name: String
    let settings: [UInt8]
    let frames: [Frame]
    let outcome: Outcome
    var description: String { name }

    init(_ name: String, settings: [UInt8] = [], _ frames: [Frame], _ outcome: Outcome) {
        self.name = name
        self.settings = settings
        self.frames = frames
        self.outcome = outcome
    }

    private static let protocolError: UInt32 = 1
    private static let flowControl: UInt32 = 3
    private static let streamClosed: UInt32 = 5
    private static let frameSize: UInt32 = 6
    private static let refused: UInt32 = 7
    private static let compression: UInt32 = 9

    private static let whole = Frame.endStream | Frame.endHeaders
    private static func headers(
        _ block: [UInt8] = Block.request("/hang"), flags: UInt8 = whole, stream: UInt32 = 1
    ) -> Frame {
        Frame(.headers, flags: flags, stream: stream, block)
    }

    static let all = frames + states + kinds + settingsRows + windows + messages + compressionRows

    private static let frames: [HTTP2Violation] = [
        Self("4.1 an unknown type", [Frame(type: 0x7f, stream: 0, [1, 2, 3])], .ignored),
        Self("4.1 unknown flags", [Frame(.ping, flags: 0xfe, [UInt8](repeating: 0, count: 8))], .ignored),
        Self("4.1 the reserved bit", [Frame(.ping, stream: 0x8000_0000, [UInt8](repeating: 0, count: 8))], .ignored),
        Self(
            "4.2 DATA beyond the frame size",
            [
                headers(Block.request("/hang", method: "POST"), flags: Frame.endHeaders),
                Frame(.data, stream: 1, [UInt8](repeating: 0, count: 16_385)),
            ], .streamError(frameSize)),
        Self(
            "4.2 HEADERS beyond the frame size", [headers([UInt8](repeating: 0, count: 16_385))],
            .connectionError([frameSize])),
        Self(
            "4.2 SETTINGS beyond the frame size", [Frame(.settings, [UInt8](repeating: 0, count: 16_386))],
            .connectionError([frameSize])),
        Self(
            "4.3 a block that is none", [headers([0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
            .connectionError([compression])),
        Self(
            "4.3 another frame within a block",
            [headers(flags: Frame.endStream), Frame(.priority, stream: 1, [0, 0, 0, 0, 1])],
            .connectionError([protocolError])),
        Self(
            "4.3 another stream within a block", [headers(flags: Frame.endStream), headers(stream: 3)],
            .connectionError([protocolError])),
        Self(
            "5.5 an unknown type within a block",
            [headers(flags: Frame.endStream), Frame(type: 0x7f, stream: 0)], .connectionError([protocolError])),
    ]

    private static let states: [HTTP2Violation] = [
        Self(
            "5.1 DATA on an idle stream", [Frame(.data, flags: Frame.endStream, stream: 1, [1])],
            .connectionError([protocolError])),
        Self(
            "5.1 RST_STREAM on an idle stream", [Frame(.reset, stream: 1, Frame.word(8))],
            .connectionError([protocolError])),
        Self(
            "5.1 WINDOW_UPDATE on an idle stream", [Frame(.windowUpdate, stream: 1, Frame.word(1))],
            .connectionError([protocolError])),
        Self(
            "5.1 CONTINUATION on an idle stream", [Frame(.continuation, flags: Frame.endHeaders, stream: 1, [])],
            .connectionError([protocolError])),
        Self(
            "5.1 DATA behind the end", [headers(), Frame(.data, flags: Frame.endStream, stream: 1, [1])],
            .streamError(streamClosed)),
        Self(
            "5.1 DATA behind a reset",
            [
                headers(Block.request("/hang", method: "POST"), flags: Frame.endHeaders),
                Frame(.reset, stream: 1, Frame.word(8)), Frame(.data, flags: Frame.endStream, stream: 1, [1]),
            ], .connectionError([streamClosed])),
        Self(
            "7540 5.3.1 PRIORITY that depends on itself", [Frame(.priority, stream: 1, [0x80, 0, 0, 1, 255])],
            .connectionError([protocolError])),
        Self(
            "7540 5.3.1 HEADERS that depend on themselves",
            [headers([0, 0, 0, 1, 255] + Block.request("/hang"), flags: whole | 0x20)],
            .connectionError([protocolError])),
        Self(
            "5.1 DATA on a stream that was passed over", [headers(stream: 5), Frame(.data, stream: 3, [1])],
            .connectionError([protocolError])),
        Self("5.1 HEADERS behind the end", [headers(), headers()], .streamError(streamClosed)),
        Self(
            "5.1 CONTINUATION behind the end",
            [headers(), Frame(.continuation, flags: Frame.endHeaders, stream: 1, [])],
            .connectionError([protocolError, streamClosed])),
        Self(
            "5.1 WINDOW_UPDATE behind a reset",
            [headers(), Frame(.reset, stream: 1, Frame.word(8)), Frame(.windowUpdate, stream: 1, Frame.word(1))],
            .ignored),
        Self(
            "5.1 PRIORITY behind a reset",
            [headers(), Frame(.reset, stream: 1, Frame.word(8)), Frame(.priority, stream: 1, [0, 0, 0, 0, 1])], .ignored
        ),
        Self("5.1 PRIORITY on an idle stream", [Frame(.priority, stream: 9, [0, 0, 0, 0, 1])], .ignored),
        Self("5.1.1 an even stream", [headers(stream: 2)], .connectionError([protocolError])),
        Self(
            "5.1.1 a stream before the last", [headers(stream: 5), headers(stream: 3)],
            .connectionError([protocolError])),
        Self(
            "5.1 HEADERS on a stream that has ended", [headers(Block.request("/")), headers(Block.request("/"))],
            .connectionError([streamClosed])),
        Self(
            "5.1 trailers that cross a reset of ours",
            [
                headers(Block.request("/hang", method: "POST") + Block.literal("X", "y"), flags: Frame.endHeaders),
                headers(Block.literal("x", "y")),
            ], .streamError(protocolError)),
        Self(
            "5.1.2 a stream too many", (0..<5).map { headers(stream: UInt32($0 * 2 + 1)) },
            .connectionError([protocolError, refused])),
    ]

    private static let kinds: [HTTP2Violation] = [
        Self("6.1 DATA on stream 0", [Frame(.data, stream: 0, [1])], .connectionError([protocolError])),
        Self(
            "6.1 DATA padded beyond its end",
            [
                headers(Block.request("/hang", method: "POST"), flags: Frame.endHeaders),
                Frame(.data, flags: Frame.padded | Frame.endStream, stream: 1, [6, 1, 2, 3, 4, 5]),
            ], .connectionError([protocolError])),
        Self("6.2 HEADERS on stream 0", [headers(stream: 0)], .connectionError([protocolError])),
        Self(
            "6.2 HEADERS padded beyond their end", [headers([0xff, 1, 2], flags: whole | Frame.padded)],
            .connectionError([protocolError])),
        Self(
            "6.3 PRIORITY on stream 0", [Frame(.priority, stream: 0, [0, 0, 0, 0, 1])],
            .connectionError([protocolError])),
        Self("6.3 PRIORITY of four bytes", [Frame(.priority, stream: 1, [0, 0, 0, 1])], .connectionError([frameSize])),
        Self(
            "6.4 RST_STREAM on stream 0", [Frame(.reset, stream: 0, Frame.word(8))], .connectionError([protocolError])),
        Self(
            "6.4 RST_STREAM of three bytes", [headers(), Frame(.reset, stream: 1, [0, 0, 8])],
            .connectionError([frameSize])),
        Self("6.4 an unknown code", [headers(), Frame(.reset, stream: 1, Frame.word(0xff))], .ignored),
        Self(
            "6.6 PUSH_PROMISE of a client", [Frame(.push, flags: Frame.endHeaders, stream: 1, Frame.word(2))],
            .connectionError([protocolError])),
        Self(
            "6.7 PING on a stream", [Frame(.ping, stream: 1, [UInt8](repeating: 0, count: 8))],
            .connectionError([protocolError])),
        Self("6.7 PING of six bytes", [Frame(.ping, [UInt8](repeating: 0, count: 6))], .connectionError([frameSize])),
        Self(
            "6.7 an answer that nothing asked for", [Frame(.ping, flags: Frame.ack, [UInt8](repeating: 7, count: 8))],
            .ignored),
        Self(
            "6.8 GOAWAY on a stream", [Frame(.goAway, stream: 1, Frame.word(0) + Frame.word(0))],
            .connectionError([protocolError])),
        Self("6.8 GOAWAY of four bytes", [Frame(.goAway, Frame.word(0))], .connectionError([frameSize])),
        Self("6.9 WINDOW_UPDATE of three bytes", [Frame(.windowUpdate, [0, 0, 1])], .connectionError([frameSize])),
        Self("6.9 an increment of 0", [Frame(.windowUpdate, Frame.word(0))], .connectionError([protocolError])),
        Self(
            "6.9 an increment of 0 on a stream", [headers(), Frame(.windowUpdate, stream: 1, Frame.word(0))],
            .streamError(protocolError)),
        Self("6.10 CONTINUATION on stream 0", [Frame(.continuation, stream: 0, [])], .connectionError([protocolError])),
        Self(
            "6.10 CONTINUATION behind a whole block",
            [headers(flags: Frame.endHeaders), Frame(.continuation, flags: Frame.endHeaders, stream: 1, [])],
            .connectionError([protocolError])),
        Self(
            "6.10 CONTINUATION on another stream",
            [headers(flags: Frame.endStream), Frame(.continuation, flags: Frame.endHeaders, stream: 3, [])],
            .connectionError([protocolError])),
    ]

    private static let settingsRows: [HTTP2Violation] = [
        Self("6.5 SETTINGS on a stream", [Frame(.settings, stream: 1)], .connectionError([protocolError])),
        Self("6.5 SETTINGS of five bytes", [Frame(.settings, [0, 1, 0, 0, 0])], .connectionError([frameSize])),
        Self(
            "6.5 an acknowledgement with content", [Frame(.settings, flags: Frame.ack, [0])],
            .connectionError([frameSize])),
        Self("6.5.2 ENABLE_PUSH of 2", [Frame(.settings, Frame.setting(2, 2))], .connectionError([protocolError])),
        Self("6.5.2 a window of 2^31", [Frame(.settings, Frame.setting(4, 1 << 31))], .connectionError([flowControl])),
        Self(
            "6.5.2 frames of 16,383 bytes", [Frame(.settings, Frame.setting(5, 16_383))],
            .connectionError([protocolError])),
        Self(
            "6.5.2 frames of 2^24 bytes", [Frame(.settings, Frame.setting(5, 1 << 24))],
            .connectionError([protocolError])),
        Self("6.5.2 an unknown setting", [Frame(.settings, Frame.setting(0xff, 1))], .ignored),
        Self(
            "RFC 9218 2.1 a priority setting of 2", [Frame(.settings, Frame.setting(9, 2))],
            .connectionError([protocolError])),
    ]

    private static let windows: [HTTP2Violation] = [
        Self(
            "6.9.1 a connection's window beyond 2^31", [Frame(.windowUpdate, Frame.word(0x7fff_ffff))],
            .connectionError([flowControl])),
        Self(
            "6.9.1 a stream's window beyond 2^31",
            [headers(), Frame(.windowUpdate, stream: 1, Frame.word(0x7fff_ffff))],
            .streamError(flowControl)),
        Self(
            "6.9.2 a setting that pushes a window beyond 2^31",
            [
                headers(), Frame(.windowUpdate, stream: 1, Frame.word(0x7000_0000)),
                Frame(.settings, Frame.setting(4, 0x7fff_ffff)),
            ],
            .streamError(flowControl)),
    ]

    private static func refusedBlock(_ name: String, _ block: [UInt8]) -> HTTP2Violation {
        Self(name, [headers(block)], .streamError(protocolError))
    }

    private static let base = Block.request("/hang")

    private static let messages: [HTTP2Violation] = [
        Self(
            "8.1 trailers that end nothing",
            [
                headers(Block.request("/hang", method: "POST"), flags: Frame.endHeaders),
                headers(Block.literal("x", "y"), flags: Frame.endHeaders),
            ],
            .streamError(protocolError)),
        Self(
            "8.1 a pseudo field in trailers",
            [
                headers(Block.request("/hang", method: "POST"), flags: Frame.endHeaders),
                headers(Block.literal(":method", "GET")),
            ],
            .streamError(protocolError)),
        refusedBlock("8.2.1 a name with a capital", base + Block.literal("X-A", "b")),
        refusedBlock("8.2.2 connection", base + Block.literal("connection", "close")),
        refusedBlock("8.2.2 keep-alive", base + Block.literal("keep-alive", "1")),
        refusedBlock("8.2.2 proxy-connection", base + Block.literal("proxy-connection", "close")),
        refusedBlock("8.2.2 transfer-encoding", base + Block.literal("transfer-encoding", "chunked")),
        refusedBlock("8.2.2 upgrade", base + Block.literal("upgrade", "h2c")),
        refusedBlock("8.2.2 te other than trailers", base + Block.literal("te", "gzip")),
        refusedBlock("8.3 an unknown pseudo field", base + Block.literal(":x", "y")),
        refusedBlock("8.3 a response's pseudo field", base + Block.literal(":status", "200")),
        refusedBlock(
            "8.3 a pseudo field behind others",
            Block.literal(":method", "GET") + Block.literal(":scheme", "http") + Block.literal("x", "y")
                + Block.literal(":path", "/hang")),
        refusedBlock(
            "8.3.1 no method",
            Block.literal(":scheme", "http") + Block.literal(":path", "/hang") + Block.literal(":authority", "a")),
        refusedBlock(
            "8.3.1 no scheme",
            Block.literal(":method", "GET") + Block.literal(":path", "/hang") + Block.literal(":authority", "a")),
        refusedBlock(
            "8.3.1 no path",
            Block.literal(":method", "GET") + Block.literal(":scheme", "http") + Block.literal(":authority", "a")),
        refusedBlock("8.3.1 an empty path", Block.request("")),
        refusedBlock("8.3.1 two methods", Block.literal(":method", "GET") + base),
        refusedBlock("8.3.1 two schemes", Block.literal(":scheme", "http") + base),
        refusedBlock("8.3.1 two paths", Block.literal(":path", "/") + base),
        Self(
            "8.1.1 a length that DATA does not reach",
            [
                headers(Block.request("/hang", method: "POST", [("content-length", "2")]), flags: Frame.endHeaders),
                Frame(.data, flags: Frame.endStream, stream: 1, [1]),
            ], .streamError(protocolError)),
        Self(
            "8.1.1 a length that DATA exceeds",
            [
                headers(Block.request("/hang", method: "POST", [("content-length", "1")]), flags: Frame.endHeaders),
                Frame(.data, stream: 1, [1]), Frame(.data, flags: Frame.endStream, stream: 1, [1]),
            ], .streamError(protocolError)),
        Self(
            "8.1.1 a length of words", [headers(base + Block.literal("content-length", "x"))],
            .streamError(protocolError)),
    ]

    private static func block(_ name: String, _ block: [UInt8]) -> HTTP2Violation {
        Self(name, [headers(block)], .connectionError([compression]))
    }

    private static let compressionRows: [HTTP2Violation] = [
        block("7541 2.3.3 an index beyond the tables", base + [0xff, 0x00]),
        block("7541 2.3.3 a name's index beyond the tables", base + [0x7f, 0x20, 0x01, 0x61]),
        block("7541 4.2 a table larger than allowed", [0x3f, 0xe1, 0xff, 0xff, 0x03] + base),
        block("7541 4.2 a new size at the end of a block", base + [0x20]),
        block("7541 5.1 an integer without an end", base + [0xff] + [UInt8](repeating: 0xff, count: 12)),
        block("7541 5.2 padding of a whole byte", base + [0x00, 0x82, 0x1f, 0xff, 0x01, 0x61]),
        block("7541 5.2 padding of zeros", base + [0x00, 0x81, 0x18, 0x01, 0x61]),
        block("7541 5.2 the end of strings in a string", base + [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, 0x61]),
        block("7541 6.1 an index of 0", base + [0x80]),
        block("7541 6.2 a string that the block cuts short", base + [0x00, 0x05, 0x61]),
    ]
}
