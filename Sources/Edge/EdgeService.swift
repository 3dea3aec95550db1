import Cache
import HTTP
import Logging
import NIOCore
import NIOPosix
import NIOSSL
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

    /// `player` is the text of hls.js, where the operator keeps it in a file.
    package init(settings: EdgeSettings, player: ByteBuffer?, prometheus: PrometheusFactory, logger: Logger) {
        self.settings = settings
        self.player = player
        self.prometheus = prometheus
        var logger = logger
        logger[metadataKey: "edge"] = "\(settings.name)"
        self.logger = logger
    }

    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await run(on: group.next())
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(on eventLoop: any EventLoop) async throws {
        let plane = try await eventLoop.submit { [self] in
            NIOLoopBound(try makePlane(eventLoop: eventLoop), eventLoop: eventLoop)
        }.get()
        let service = try await eventLoop.submit {
            NIOLoopBound(
                HTTPService(responder: plane.value.responder, registry: plane.value.registry), eventLoop: eventLoop)
        }.get()
        var tls: NIOSSLContext?
        if let certificate = settings.certificatePath, let key = settings.keyPath {
            tls = try TLSMaterial.server(certificatePath: certificate, keyPath: key)
        }
        var servers: [HTTPServer] = []
        for listener in settings.http {
            let server = try await HTTPServer.listen(
                host: listener.host, port: listener.port, tls: listener.isSecure ? tls : nil, on: eventLoop,
                service: service)
            servers.append(server)
            logger.info(
                "listening",
                metadata: [
                    "protocol": listener.isSecure ? "https" : "http",
                    "address": "\(server.address?.description ?? "?")",
                ])
        }
        if let admin = settings.admin { servers += try await listen(admin, plane: plane, on: eventLoop) }
        try await eventLoop.submit { plane.value.upstreams.warmUp() }.get()

        try? await gracefulShutdown()

        logger.info("edge stopping")
        for server in servers { await server.stopAccepting() }
        let drained = eventLoop.makePromise(of: Void.self)
        eventLoop.execute {
            plane.value.status.unreadyReason = "stopping"
            plane.value.feeds.desk.endAll()
            plane.value.registry.drain(drained)
        }
        // Requests under way get a moment; what is left then is cut.
        eventLoop.scheduleTask(in: .seconds(3)) { plane.value.registry.closeAll() }
        eventLoop.execute { plane.value.adminRegistry.closeAll() }
        try? await drained.futureResult.get()
        try? await eventLoop.submit {
            plane.value.clock.cancel()
            plane.value.feeds.stop()
            plane.value.upstreams.stop()
        }.get()
        logger.info("edge stopped")
    }

    /// The operators' port: a listener and connections of its own.
    private func listen(
        _ admin: EdgeSettings.Admin, plane: NIOLoopBound<Plane>, on eventLoop: any EventLoop
    ) async throws -> [HTTPServer] {
        let service = try await eventLoop.submit { [logger] in
            let responder = AdminResponder(store: plane.value.store, isToken: admin.isToken, logger: logger)
            return NIOLoopBound(
                HTTPService(responder: responder, registry: plane.value.adminRegistry), eventLoop: eventLoop)
        }.get()
        var servers: [HTTPServer] = []
        for listener in admin.listeners {
            let server = try await HTTPServer.listen(
                host: listener.host, port: listener.port, tls: nil, on: eventLoop, service: service)
            servers.append(server)
            logger.info(
                "listening", metadata: ["protocol": "admin", "address": "\(server.address?.description ?? "?")"])
        }
        return servers
    }

    private struct Plane {
        let store: CacheStore
        let adminRegistry: ConnectionRegistry
        let registry: ConnectionRegistry
        let status: NodeStatus
        let responder: EdgeResponder
        let upstreams: UpstreamSet
        let feeds: ChannelFeeds
        let clock: RepeatedTask
    }

    private func makePlane(eventLoop: any EventLoop) throws -> Plane {
        let registry = ConnectionRegistry(limits: settings.serverLimits, eventLoop: eventLoop)
        let store = CacheStore(
            budgetBytes: settings.cacheBytes, objectBytes: settings.objectBytes, channelBytes: settings.channelBytes)
        let upstreams = try UpstreamSet(settings: settings, eventLoop: eventLoop, logger: logger)
        let feeds = ChannelFeeds(settings: settings, upstreams: upstreams, eventLoop: eventLoop, logger: logger)
        let parked = ParkedCount()
        let status = NodeStatus(prometheus: prometheus, registry: registry) { text in
            EdgeMetrics.write(
                store: store, upstreams: upstreams, feeds: feeds, parked: parked.responder?.parkedCount ?? 0,
                pushAnswers: parked.responder?.pushAnswers ?? 0, into: &text)
        }
        var playerURL: String?
        if case .url(let url) = settings.player { playerURL = url }
        let responder = EdgeResponder(
            settings: settings, store: store, upstreams: upstreams, feeds: feeds, status: status,
            watchPage: WatchPage(player: player, playerURL: playerURL), eventLoop: eventLoop)
        parked.responder = responder
        // Ready from the first connection to an upstream on; an origin that goes away later is the cache's to bridge.
        status.unreadyReason = "No upstream has been reached yet."
        let bound = NIOLoopBound((status, upstreams), eventLoop: eventLoop)
        let clock = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(100)) { task in
            let (status, upstreams) = bound.value
            guard upstreams.isConnected else {
                status.unreadyReason = "No upstream has been reached yet: \(upstreams.awayReason)."
                return
            }
            status.unreadyReason = nil
            task.cancel()
        }
        return Plane(
            store: store, adminRegistry: ConnectionRegistry(limits: ServerLimits(), eventLoop: eventLoop),
            registry: registry, status: status, responder: responder, upstreams: upstreams, feeds: feeds, clock: clock)
    }

    /// The metrics are made before the responder whose count they tell.
    private final class ParkedCount { weak var responder: EdgeResponder? }
}
