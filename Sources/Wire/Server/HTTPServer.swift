import HTTP
import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A listening socket that serves HTTP/1.1 and HTTP/2: in the clear (HTTP/2 by prior knowledge) or over TLS with ALPN.
package struct HTTPServer: Sendable {
    private let channel: any Channel
    private let services: HTTPServices

    /// The address that is listened on, with the port that the system chose when 0 was asked for.
    package var address: SocketAddress? { channel.localAddress }

    /// Listens on `host` and `port`. Every connection lives on one of the services' event loops.
    ///
    /// - Throws: `IOError` when the address cannot be had, which the caller turns into a sentence for the operator.
    package static func listen(
        host: String, port: Int, tls: ServerIdentity?, services: HTTPServices
    ) async throws -> HTTPServer {
        let channel = try await bootstrap(tls: tls, services: services).bind(host: host, port: port).get()
        return HTTPServer(channel: channel, services: services)
    }

    /// The same on a socket that listens already, which is the server's from now on. It accepts nothing before
    /// `startAccepting`: one process at a time does.
    package static func listen(
        on descriptor: Int32, tls: ServerIdentity?, services: HTTPServices
    ) async throws -> HTTPServer {
        let channel = try await bootstrap(tls: tls, services: services)
            .serverChannelOption(.autoRead, value: false)
            .withBoundSocket(descriptor).get()
        return HTTPServer(channel: channel, services: services)
    }

    /// Accepts what waits to be, and what comes.
    package func startAccepting() async throws {
        try await channel.setOption(.autoRead, value: true).get()
    }

    /// The listening socket once more, the caller's to close: connections are accepted from either.
    package func duplicate() async throws -> Int32? {
        try await channel.eventLoop.submit { [channel] in
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                fcntl($0, F_DUPFD_CLOEXEC, 0)
            }
        }.get()
    }

    private static func bootstrap(tls: ServerIdentity?, services: HTTPServices) -> ServerBootstrap {
        ServerBootstrap(group: services.loops, childGroup: services.loops)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: OutputQueue.waterMark(isTLS: tls != nil))
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let service = services.service(of: channel.eventLoop) else {
                        channel.close(promise: nil)
                        return
                    }
                    guard service.registry.admits(channel.remoteAddress) else {
                        service.registry.counters.refusedConnections &+= 1
                        channel.close(promise: nil)
                        return
                    }
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLServerHandler(context: tls.context(for: .http)))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ServerConnection(
                            responder: service.responder, limits: service.registry.limits, isTLS: tls != nil,
                            registry: service.registry))
                }
            }
    }

    /// Stops accepting. Connections that are open stay open: `ConnectionRegistry.drain` ends them.
    /// Those that are accepted and on their way to their loop have arrived when this returns.
    package func stopAccepting() async {
        try? await channel.setOption(.autoRead, value: false).get()
        // From here to its loop to be set up, back, and there again to be registered: closed meanwhile, the listener would
        // drop it.
        for _ in 0..<2 {
            await services.passAll()
            try? await channel.eventLoop.submit {}.get()
        }
        try? await channel.close().get()
    }
}
