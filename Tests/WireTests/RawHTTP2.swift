import NIOCore
import NIOPosix
import NIOSSL

/// HTTP/2 as bytes: frames that no honest client sends, and what the server has to say to them.
struct Frame: Equatable, CustomStringConvertible {
    enum Kind: UInt8 {
        case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.init(type: kind.rawValue, flags: flags, stream: stream, payload)
    }

    init(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    static let endStream: UInt8 = 1
    static let ack: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8

    var bytes: [UInt8] {
        let count = payload.count
        return [
            UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
            UInt8(truncatingIfNeeded: count),
        ]
            + [type, flags] + Frame.word(stream) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    static func setting(_ identifier: UInt16, _ value: UInt32) -> [UInt8] {
        [UInt8(identifier >> 8), UInt8(truncatingIfNeeded: identifier)] + word(value)
    }

    /// The error code of GOAWAY or RST_STREAM.
    var code: UInt32? {
        let start = type == Kind.goAway.rawValue ? 4 : type == Kind.reset.rawValue ? 0 : nil
        guard let start, payload.count >= start + 4 else { return nil }
        return payload[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    var description: String { "\(type)/\(flags)/\(stream)\(code.map { " code \($0)" } ?? " \(payload.count) bytes")" }

    /// The whole frames at the front of `bytes`.
    static func all(in bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var start = 0
        while bytes.count - start >= 9 {
            let count = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            guard bytes.count - start >= 9 + count else { break }
            let stream = bytes[start + 5..<start + 9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            frames.append(
                Frame(
                    type: bytes[start + 3], flags: bytes[start + 4], stream: stream,
                    Array(bytes[start + 9..<start + 9 + count])))
            start += 9 + count
        }
        return frames
    }
}

/// A field block by hand (RFC 7541), everything as literals that no table keeps.
enum Block {
    static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + text(name) + text(value) }

    /// A string without Huffman coding, of up to 16,000 bytes.
    static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        let rest = bytes.count - 127
        return [127, UInt8(rest & 0x7f | 0x80), UInt8(rest >> 7)] + bytes
    }

    static func request(
        _ path: String = "/", method: String = "GET", _ fields: [(String, String)] = [], scheme: String = "http"
    ) -> [UInt8] {
        literal(":method", method) + literal(":scheme", scheme) + literal(":path", path) + literal(":authority", "a")
            + fields.flatMap { literal($0.0, $0.1) }
    }
}

/// One connection of such a client.
final class RawHTTP2: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var bytes: [UInt8] = []
        var isClosed = false
        var wanted: (([UInt8]) -> Bool)?
        var promise: EventLoopPromise<([UInt8], Bool)>?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += unwrapInboundIn(data).readableBytesView
            look()
        }

        func channelInactive(context: ChannelHandlerContext) {
            isClosed = true
            look()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func look() {
            guard let promise, let wanted else { return }
            guard isClosed || wanted(bytes) else { return }
            self.promise = nil
            self.wanted = nil
            promise.succeed((bytes, isClosed))
        }
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// With `isHTTP1` it offers what the server's client offers by ALPN, and is no HTTP/2 at all.
    init(_ server: LoopbackServer, isHTTP1: Bool = false) async throws {
        let made = try await ClientBootstrap(group: server.loop).channelInitializer {
            [tls = isHTTP1 ? server.tls : server.http2TLS] channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: tls, serverHostname: nil))
                }
                try channel.pipeline.syncOperations.addHandler(Inbox())
            }
        }.connect(host: server.address.host, port: server.address.port).get()
        channel = made
        inbox = try await made.eventLoop.submit {
            NIOLoopBound(try made.pipeline.syncOperations.handler(type: Inbox.self), eventLoop: made.eventLoop)
        }.get()
    }

    /// Preface and SETTINGS of ours, an acknowledgement of theirs.
    func open(_ settings: [UInt8] = []) async {
        await send(Self.preface + Frame(.settings, settings).bytes + Frame(.settings, flags: Frame.ack).bytes)
    }

    func send(_ bytes: [UInt8]) async {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func send(_ frames: [Frame]) async { await send(frames.flatMap(\.bytes)) }

    /// From now on whatever comes is left where it is.
    func stopReading() async { try? await channel.setOption(.autoRead, value: false).get() }

    var isClosed: Bool { !channel.isActive }

    func startReading() async { try? await channel.setOption(.autoRead, value: true).get() }

    /// What has come once `wanted` is true or the connection has ended.
    func received(
        until wanted: @escaping @Sendable ([Frame]) -> Bool
    ) async throws -> (frames: [Frame], isClosed: Bool) {
        let (bytes, isClosed) = try await receivedBytes { wanted(Frame.all(in: $0)) }
        return (Frame.all(in: bytes), isClosed)
    }

    /// The same in bytes.
    func receivedBytes(
        until wanted: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
    ) async throws -> (bytes: [UInt8], isClosed: Bool) {
        let inbox = inbox
        let future = channel.eventLoop.flatSubmit { [channel] in
            let promise = channel.eventLoop.makePromise(of: ([UInt8], Bool).self)
            inbox.value.promise = promise
            inbox.value.wanted = wanted
            inbox.value.look()
            return promise.futureResult
        }
        // The server lets nobody wait for ever; should it do so, the test fails and does not hang.
        let guardTask = channel.eventLoop.scheduleTask(in: .seconds(10)) { [channel] in channel.close(promise: nil) }
        let result = try await future.get()
        guardTask.cancel()
        return result
    }

    func close() async { try? await channel.close().get() }
}
