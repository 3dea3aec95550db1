import Logging
import NIOCore
import NIOPosix
import Node
import Prometheus
import ServiceLifecycle
import Wire

/// An edge as a service: viewers on one side, upstreams on the other, stopped gracefully.
package struct EdgeService: Service {
    private let settings: EdgeSettings
    private let prometheus: PrometheusFactory
    private let logger: Logger
    private let player: ByteBuffer?
    private let identity: ServerIdentity?

    /// `player` is the text of hls.js, where the operator keeps it in a file; `identity` is for listeners that are secure.
    package init(
        settings: EdgeSettings, player: ByteBuffer?, identity: ServerIdentity?, prometheus: PrometheusFactory,
        logger: Logger
    ) {
        self.identity = identity
        self.settings = settings
        self.player = player
        self.prometheus = prometheus
        var logger = logger
        logger[metadataKey: "edge"] = "\(settings.name)"
        self.logger = logger
    }

    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, settings.eventLoops))
        do {
            try await run(on: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(on group: MultiThreadedEventLoopGroup) async throws {
        let planes = try await EdgePlanes.make(
            settings: settings,
            shared: EdgeShared(settings, prometheus: prometheus, player: player, identity: identity),
            on: group, logger: logger)
        let services = try await planes.services()
        var servers: [HTTPServer] = []
        for listener in settings.http {
            let server = try await HTTPServer.listen(
                host: listener.host, port: listener.port, tls: listener.isSecure ? identity : nil,
                services: services)
            servers.append(server)
            logListening(listener.isSecure ? "https" : "http", server.address)
        }
        let admin = try await settings.admin.asyncMap { try await AdminPort.open($0, planes: planes, logger: logger) }
        for server in admin?.servers ?? [] { logListening("admin", server.address) }
        servers += admin?.servers ?? []
        await planes.forEach { $0.start() }

        try? await gracefulShutdown()

        logger.info("edge stopping")
        await planes.forEach { $0.retire() }
        for server in servers { await server.stopAccepting() }
        admin?.close()
        let cut = await planes.drain(within: settings.drainTimeout)
        await planes.stop()
        logger.info("edge stopped", metadata: ["cut_connections": "\(cut)"])
    }

    private func logListening(_ name: String, _ address: SocketAddress?) {
        logger.info("listening", metadata: ["protocol": "\(name)", "address": "\(address?.description ?? "?")"])
    }
}

extension Optional {
    fileprivate func asyncMap<T>(_ body: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
