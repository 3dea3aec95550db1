import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Wire

/// A listening socket for publishers: RTMP in the clear, RTMPS where a TLS context is given.
struct IngestListener: Sendable {
    private let channel: any Channel

    var address: SocketAddress? { channel.localAddress }

    static func listen(
        host: String, port: Int, tls: ServerIdentity?, on group: any EventLoopGroup, desk: PublishDesk,
        registry: PublisherRegistry, logger: Logger
    ) async throws -> IngestListener {
        let bootstrap = ServerBootstrap(group: group)
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
                        PublisherConnection(desk: desk, registry: registry, logger: logger))
                }
            }
        return IngestListener(channel: try await bootstrap.bind(host: host, port: port).get())
    }

    func close() async { try? await channel.close().get() }
}
