import NIOCore

@testable import RTMP

/// The publisher's side of a connection, written for these tests: it makes bytes, and reads nothing.
struct Publisher {
    var bytes = ByteBuffer()
    var chunkSize = 128

    /// C0, C1 with a version of zero, and any C2.
    mutating func handshake() {
        bytes.writeInteger(UInt8(3))
        bytes.writeRepeatingByte(0, count: 8)
        bytes.writeRepeatingByte(7, count: 1_528)
        bytes.writeRepeatingByte(9, count: 1_536)
    }

    /// A message in chunks of the current size: format 0 first, 3 after.
    mutating func message(
        _ type: UInt8, _ payload: ByteBuffer, lane: UInt32 = 3, stream: UInt32 = 0, timestamp: UInt32 = 0
    ) {
        basicHeader(0, lane)
        let field = min(timestamp, 0xFF_FFFF)
        write24(field)
        write24(UInt32(payload.readableBytes))
        bytes.writeInteger(type)
        bytes.writeInteger(stream, endianness: .little)
        if field == 0xFF_FFFF { bytes.writeInteger(timestamp) }
        var rest = payload
        while true {
            var piece = rest.readSlice(length: min(chunkSize, rest.readableBytes)) ?? ByteBuffer()
            bytes.writeBuffer(&piece)
            if rest.readableBytes == 0 { return }
            basicHeader(3, lane)
            if field == 0xFF_FFFF { bytes.writeInteger(timestamp) }
        }
    }

    mutating func basicHeader(_ format: UInt8, _ lane: UInt32) {
        switch lane {
        case 2..<64: bytes.writeInteger(format << 6 | UInt8(lane))
        case 64..<320: bytes.writeBytes([format << 6, UInt8(lane - 64)])
        default:
            bytes.writeInteger(format << 6 | 1)
            bytes.writeInteger(UInt16(lane - 64), endianness: .little)
        }
    }

    mutating func write24(_ value: UInt32) {
        bytes.writeBytes([UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)])
    }

    mutating func command(_ values: AMFValue..., type: UInt8 = 20, stream: UInt32 = 0) {
        var payload = ByteBuffer()
        if type == 17 || type == 15 { payload.writeInteger(UInt8(0)) }
        for value in values { payload.write(amf: value) }
        message(type, payload, stream: stream)
    }

    mutating func connect(app: String = "live") {
        command(
            .string("connect"), .number(1),
            .object([("app", .string(app)), ("flashVer", .string("test")), ("tcUrl", .string("rtmp://h/live"))]))
    }

    mutating func publish(_ name: String = "demo", transaction: Double = 5) {
        command(.string("publish"), .number(transaction), .null, .string(name), .string("live"), stream: 1)
    }
}

/// A session under test, its effects collected.
struct Listening {
    var session: PublisherSession
    var effects: [PublisherSession.Effect] = []
    let start = ContinuousClock.now

    init(_ limits: RTMPLimits = RTMPLimits()) {
        session = PublisherSession(limits: limits, at: start, randomSeed: 1)
    }

    mutating func receive(_ bytes: ByteBuffer, piece: Int = .max) {
        var rest = bytes
        while rest.readableBytes > 0, let next = rest.readSlice(length: min(piece, rest.readableBytes)) {
            session.receive(next, at: start, into: &effects)
            if case .authorize? = effects.last { session.authorized(.accepted, at: start, into: &effects) }
        }
    }

    var close: CloseReason? {
        for case .close(let reason) in effects { return reason }
        return nil
    }

    var video: [VideoTag] { effects.compactMap { if case .video(let tag) = $0 { tag } else { nil } } }
    var audio: [AudioTag] { effects.compactMap { if case .audio(let tag) = $0 { tag } else { nil } } }
    var requests: [PublishRequest] {
        effects.compactMap { if case .authorize(let request) = $0 { request } else { nil } }
    }

    /// Everything that was sent, as text with the unprintable left out, for looking up status codes.
    var sent: String {
        var all = ""
        for case .send(let bytes) in effects {
            all += String(decoding: bytes.readableBytesView.filter { (0x20..<0x7f).contains($0) }, as: UTF8.self)
        }
        return all
    }
}
