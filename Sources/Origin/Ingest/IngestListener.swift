import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Wire

/// A listening socket for publishers: RTMP in the clear, RTMPS where a TLS context is given.
struct IngestListener: Sendable {
    private let channel: any Channel
    /// Publishers' connections that are open, on the loop where they live.
    private let connections: NIOLoopBoundBox<[ObjectIdentifier: any Channel]>

    var address: SocketAddress? { channel.localAddress }

    static func listen(
        host: String, port: Int, tls: ServerIdentity?, on eventLoop: any EventLoop, gateway: IngestGateway,
        registry: PublisherRegistry, logger: Logger
    ) async throws -> IngestListener {
        let connections = NIOLoopBoundBox<[ObjectIdentifier: any Channel]>.makeBoxSendingValue(
            [:], eventLoop: eventLoop)
        let bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1_024, initial: 8_192, maximum: 262_144)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard registry.admits else {
                        channel.close(promise: nil)
                        return
                    }
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLServerHandler(context: tls.context(for: .unnamed)))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        PublisherConnection(gateway: gateway, registry: registry, logger: logger))
                    connections.value[ObjectIdentifier(channel)] = channel
                    channel.closeFuture.whenComplete { _ in connections.value[ObjectIdentifier(channel)] = nil }
                }
            }
        return IngestListener(
            channel: try await bootstrap.bind(host: host, port: port).get(), connections: connections)
    }

    /// Accepts no more publishers.
    func close() async { try? await channel.close().get() }

    /// Cuts the connections that are left, and returns when they have given back what they had: their loop may end then.
    func cutConnections() async {
        let ends = channel.eventLoop.flatSubmit { [channel, connections] in
            let open = Array(connections.value.values)
            for connection in open {
                let handler = try? connection.pipeline.syncOperations.context(handlerType: PublisherConnection.self)
                handler?.cut(isPolite: true)
            }
            return EventLoopFuture.andAllComplete(open.map(\.closeFuture), on: channel.eventLoop)
        }
        try? await ends.get()
    }
}
