import HTTP
import NIOCore
import NIOPosix

@testable import Origin
@testable import Wire

/// An origin's data plane behind a real socket, on a loop of its own; clients live on another.
final class SocketOrigin {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    private let loop: any EventLoop
    let clients: any EventLoop
    private let origin: NIOLoopBound<LiveOrigin>
    private let listener: any Channel
    let port: Int

    init(_ make: @escaping @Sendable (any EventLoop) throws -> LiveOrigin) throws {
        let loop = group.next()
        self.loop = loop
        clients = group.next()
        let origin = try loop.submit { NIOLoopBound(try make(loop), eventLoop: loop) }.wait()
        self.origin = origin
        listener = try ServerBootstrap(group: loop, childGroup: loop)
            .serverChannelOption(.backlog, value: 4096)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ServerConnection(
                            responder: origin.value.responder, limits: ServerLimits(), isTLS: false,
                            registry: origin.value.registry))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        port = listener.localAddress?.port ?? 0
    }

    /// Does something on the origin's loop.
    func on<Value: Sendable>(_ body: @escaping @Sendable (LiveOrigin) throws -> Value) throws -> Value {
        let origin = origin
        return try loop.submit { try body(origin.value) }.wait()
    }

    func stop() {
        try? listener.close().wait()
        try? on { $0.registry.closeAll() }
        try? group.syncShutdownGracefully()
    }

    // MARK: HTTP/1.1

    /// One connection that sends what it is told to and hears everything.
    final class Plain: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var received = ByteBuffer()
        private var waiting: EventLoopPromise<LiveOrigin.Answer>?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received.writeImmutableBuffer(unwrapInboundIn(data))
            guard let answer = LiveOrigin.Answer(received), let length = answer.fields["content-length"],
                answer.body.readableBytes >= Int(length) ?? 0
            else { return }
            received.clear()
            waiting?.succeed(answer)
            waiting = nil
        }

        func channelInactive(context: ChannelHandlerContext) {
            waiting?.fail(ChannelError.eof)
            waiting = nil
        }

        fileprivate func ask(_ path: String, on channel: any Channel, _ promise: EventLoopPromise<LiveOrigin.Answer>) {
            waiting = promise
            channel.writeAndFlush(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nhost: origin\r\n\r\n"), promise: nil)
        }
    }

    /// A connection, of an address of this machine.
    func connect(from host: String = "127.0.0.1") throws -> any Channel {
        try ClientBootstrap(group: clients)
            .bind(to: SocketAddress(ipAddress: host, port: 0))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Plain()) }
            }
            .connect(host: "127.0.0.1", port: port).wait()
    }

    func ask(_ path: String, on channel: any Channel) -> EventLoopFuture<LiveOrigin.Answer> {
        channel.eventLoop.flatSubmit {
            let promise = channel.eventLoop.makePromise(of: LiveOrigin.Answer.self)
            do {
                try channel.pipeline.syncOperations.handler(type: Plain.self).ask(path, on: channel, promise)
            } catch {
                promise.fail(error)
            }
            return promise.futureResult
        }
    }

    func get(_ path: String) throws -> LiveOrigin.Answer {
        let channel = try connect()
        defer { channel.close(promise: nil) }
        return try ask(path, on: channel).wait()
    }

    // MARK: HTTP/2

    /// Whole answers over one connection of HTTP/2; the fetch can be cancelled.
    final class Streams {
        private let client: NIOLoopBound<HTTPClient>
        private let loop: any EventLoop

        fileprivate init(_ origin: SocketOrigin) throws {
            let (loop, port) = (origin.clients, origin.port)
            self.loop = loop
            client = try loop.submit {
                NIOLoopBound(
                    HTTPClient(
                        address: UpstreamAddress(isSecure: false, host: "127.0.0.1", port: port), tls: nil,
                        limits: ClientLimits(), eventLoop: loop), eventLoop: loop)
            }.wait()
        }

        func ask(_ path: String) -> (answer: EventLoopFuture<(UInt16, ByteBuffer)>, cancel: @Sendable () -> Void) {
            let promise = loop.makePromise(of: (UInt16, ByteBuffer).self)
            let (client, loop) = (client, loop)
            let fetch = loop.submit {
                NIOLoopBound(
                    client.value.fetch(RequestHead(target: HTTPBytes(path.utf8)), receiver: Collector(promise)),
                    eventLoop: loop)
            }
            return (promise.futureResult, { fetch.whenSuccess { $0.value.cancel() } })
        }

        func stop() {
            let client = client
            loop.execute { client.value.stop() }
        }
    }

    func streams() throws -> Streams { try Streams(self) }

    private final class Collector: FetchReceiver {
        private let promise: EventLoopPromise<(UInt16, ByteBuffer)>
        private var status: UInt16 = 0
        private var body = ByteBuffer()
        init(_ promise: EventLoopPromise<(UInt16, ByteBuffer)>) { self.promise = promise }
        /// A cancelled fetch says nothing to its receiver.
        deinit { promise.fail(ChannelError.eof) }
        func fetch(_ fetch: Fetch, received head: ResponseHead) { status = head.status }
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { body.writeImmutableBuffer(bytes) }
        func fetchEnded(_ fetch: Fetch) { promise.succeed((status, body)) }
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) { promise.fail(failure) }
    }
}
