import Harness
import NIOCore
import NIOPosix
import NIOSSL

typealias Frame = HTTP2Frame
typealias Block = HTTP2Block

/// One connection of a client that sends frames as a test wants them.
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
