import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy that a fault can slow, delay, cut, or make swallow what passes. It knows nothing of what passes.
package final class LinkProxy: Sendable {
    /// What is wrong with the link now.
    package struct Condition: Equatable, Sendable {
        /// Nothing passes, and all of it does once this is over.
        package var isCut = false
        /// What clients say is taken and lost; connections are accepted all the same. With the next one: a black hole.
        package var swallowsRequests = false
        /// What the target says is taken and lost: a link that is cut one way.
        package var swallowsAnswers = false
        /// Bits a second, each way; nil for as fast as it goes.
        package var bitsPerSecond: Int?
        package var delay = TimeAmount.zero
    }

    package let port: Int
    private let target: (host: String, port: Int)
    private let listener: any Channel
    fileprivate let condition = Mutex(Condition())
    /// Nanoseconds at which each way is free for the next byte: connections share the link.
    fileprivate let free = Mutex<[NIODeadline]>([.uptimeNanoseconds(0), .uptimeNanoseconds(0)])

    package static func open(
        on host: String, to target: (host: String, port: Int), loops group: any EventLoopGroup
    ) throws -> LinkProxy {
        let box = Box()
        let listener = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { near in
                near.eventLoop.makeCompletedFuture {
                    guard let proxy = box.proxy.withLock({ $0 }) else { return }
                    try near.pipeline.syncOperations.addHandler(Opening(proxy))
                }
            }
            .bind(host: host, port: 0).wait()
        let proxy = LinkProxy(listener: listener, target: target)
        box.proxy.withLock { $0 = proxy }
        return proxy
    }

    private final class Box: Sendable { let proxy = Mutex<LinkProxy?>(nil) }

    private init(listener: any Channel, target: (host: String, port: Int)) {
        self.listener = listener
        self.target = target
        port = listener.localAddress?.port ?? 0
    }

    package func set(_ change: (inout Condition) -> Void) { condition.withLock { change(&$0) } }

    package func close() { listener.close(promise: nil) }

    /// Opens the far side of a connection that came, then leaves both to their pumps.
    private final class Opening: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let proxy: LinkProxy

        init(_ proxy: LinkProxy) { self.proxy = proxy }

        func channelActive(context: ChannelHandlerContext) {
            let near = context.channel
            let proxy = proxy
            ClientBootstrap(group: near.eventLoop)
                .channelOption(.autoRead, value: false)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: proxy.target.host, port: proxy.target.port)
                .flatMapThrowing { far in
                    try near.pipeline.syncOperations.addHandler(Pump(proxy, way: 0, to: far))
                    try far.pipeline.syncOperations.addHandler(Pump(proxy, way: 1, to: near))
                    far.read()
                    near.read()
                }
                .whenFailure { _ in near.close(promise: nil) }
        }
    }

    /// Moves bytes one way. It reads again when what it read is on, so that a slow link pushes back on its sender.
    private final class Pump: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let proxy: LinkProxy
        private let way: Int
        private let target: any Channel
        private var context: ChannelHandlerContext?

        init(_ proxy: LinkProxy, way: Int, to target: any Channel) {
            self.proxy = proxy
            self.way = way
            self.target = target
        }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }
        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { pass(unwrapInboundIn(data), delayed: false) }

        private func pass(_ bytes: ByteBuffer, delayed: Bool) {
            let condition = proxy.condition.withLock { $0 }
            if way == 0 ? condition.swallowsRequests : condition.swallowsAnswers {
                context?.read()
                return
            }
            if condition.isCut { return later(.milliseconds(20), bytes, delayed: delayed) }
            if !delayed, condition.delay > .zero { return later(condition.delay, bytes, delayed: true) }
            let now = NIODeadline.now()
            var due = now
            if let rate = condition.bitsPerSecond, rate > 0 {
                due = proxy.free.withLock { free in
                    let start = max(now, free[way])
                    free[way] = start + .nanoseconds(Int64(Double(bytes.readableBytes) * 8e9 / Double(rate)))
                    return free[way]
                }
            }
            if due > now { return write(bytes, at: due) }
            write(bytes)
        }

        private func later(_ time: TimeAmount, _ bytes: ByteBuffer, delayed: Bool) {
            guard let loop = context?.eventLoop else { return }
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.scheduleTask(in: time) { bound.value.pass(bytes, delayed: delayed) }
        }

        private func write(_ bytes: ByteBuffer, at due: NIODeadline) {
            guard let loop = context?.eventLoop else { return }
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.scheduleTask(deadline: due) { bound.value.write(bytes) }
        }

        private func write(_ bytes: ByteBuffer) {
            guard let context else { return }
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            target.writeAndFlush(bytes).whenComplete { _ in bound.value.context?.read() }
        }

        func channelInactive(context: ChannelHandlerContext) { target.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
