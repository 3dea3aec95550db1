import Logging
import NIOCore
import NIOPosix
import Node
import Prometheus
import ServiceLifecycle
import Wire

/// The origin as a service: RTMP in on its own loops, the data plane on one, stopped gracefully.
package struct OriginService: Service {
    private let settings: OriginSettings
    private let prometheus: PrometheusFactory
    private let logger: Logger
    private let identity: ServerIdentity?
    private let control: OriginControl
    private let reloads: ReloadRecord?

    /// `identity` is for listeners that are secure; `control` changes settings while it runs, and `reloads` tells how that
    /// went.
    package init(
        settings: OriginSettings, identity: ServerIdentity?, control: OriginControl, reloads: ReloadRecord?,
        prometheus: PrometheusFactory, logger: Logger
    ) {
        self.identity = identity
        self.control = control
        self.reloads = reloads
        self.settings = settings
        self.prometheus = prometheus
        self.logger = logger
    }

    package func run() async throws {
        // Before anything else: what another origin keeps there is not touched.
        let lock = try settings.stateDirectory.map { path throws(StateError) in try DirectoryLock(path: path) }
        defer { withExtendedLifetime(lock) {} }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let dataPlane = group.next()
        let ingest = group.next()
        settings.mediaDirectory?.start(logger: logger)
        do {
            try await run(dataPlane: dataPlane, ingest: ingest)
        } catch {
            try? await group.shutdownGracefully()
            await settings.mediaDirectory?.stop()
            throw error
        }
        await settings.mediaDirectory?.stop()
        try await group.shutdownGracefully()
    }

    private func run(dataPlane: any EventLoop, ingest: any EventLoop) async throws {
        let publishers = PublisherRegistry(
            limit: settings.publishers, halfOpenLimit: settings.halfOpenPublishers)
        let keeper = try settings.stateDirectory.map { path throws(StateError) in
            try StateKeeper(path: path, logger: logger)
        }
        let plane = try await dataPlane.submit { [self] in
            NIOLoopBound(
                try makePlane(publishers: publishers, keeper: keeper, eventLoop: dataPlane), eventLoop: dataPlane)
        }.get()
        control.run(
            try await dataPlane.submit {
                NIOLoopBound(
                    OriginControl.Parts(hub: plane.value.hub, registry: plane.value.registry), eventLoop: dataPlane)
            }.get())
        let (gateway, service) = try await dataPlane.submit { [settings] in
            (
                IngestGateway(
                    limits: settings.rtmpLimits, hub: NIOLoopBound(plane.value.hub, eventLoop: dataPlane),
                    dataPlane: dataPlane),
                NIOLoopBound(
                    HTTPService(responder: plane.value.responder, registry: plane.value.registry),
                    eventLoop: dataPlane)
            )
        }.get()

        var servers: [HTTPServer] = []
        for listener in settings.http {
            let name = listener.isSecure ? "https" : "http"
            let server = try await ListenFailure.naming("\(name).listen", host: listener.host, port: listener.port) {
                try await HTTPServer.listen(
                    host: listener.host, port: listener.port, tls: listener.isSecure ? identity : nil,
                    services: HTTPServices(service))
            }
            servers.append(server)
            logListening(name, server.address)
        }
        var ingests: [IngestListener] = []
        for listener in settings.rtmp {
            let name = listener.isSecure ? "rtmps" : "rtmp"
            let opened = try await ListenFailure.naming("\(name).listen", host: listener.host, port: listener.port) {
                try await IngestListener.listen(
                    host: listener.host, port: listener.port, tls: listener.isSecure ? identity : nil, on: ingest,
                    gateway: gateway, registry: publishers, logger: logger)
            }
            ingests.append(opened)
            logListening(name, opened.address)
        }
        try await dataPlane.submit { plane.value.status.unreadyReason = nil }.get()
        logger.info("origin ready")

        try? await gracefulShutdown()

        logger.info("origin stopping")
        try await dataPlane.submit { plane.value.status.unreadyReason = "stopping" }.get()
        for ingest in ingests { await ingest.close() }
        for server in servers { await server.stopAccepting() }
        let limit = TimeAmount(control.drainTimeout)
        let cut = try await dataPlane.flatSubmit { [settings] in
            plane.value.hub.stop()
            settings.mediaDirectory?.keep(plane.value.hub.resumable)
            plane.value.hub.push.desk.endAll()
            return plane.value.registry.drain(within: limit)
        }.get()
        for ingest in ingests { await ingest.cutConnections() }
        // The loops end one before the other: what publishers said of their end, and what they were told, has crossed by then.
        for eventLoop in [dataPlane, ingest] { try await eventLoop.submit {}.get() }
        await keeper?.close()
        try await dataPlane.submit { plane.value.book?.handovers }.get()?.close()
        logger.info("origin stopped", metadata: ["cut_connections": "\(cut)"])
    }

    private struct Plane {
        let hub: ChannelHub
        let book: EpochBook?
        let registry: ConnectionRegistry
        let status: NodeStatus
        let responder: OriginResponder
        let clocks: [RepeatedTask]
    }

    private func makePlane(
        publishers: PublisherRegistry, keeper: StateKeeper?, eventLoop: any EventLoop
    ) throws -> Plane {
        let book = try settings.epochBook.map { path throws(StateError) in
            try EpochBook(path: path, origin: EpochBook.identity(in: settings.stateDirectory), logger: logger)
        }
        let parking = ParkingIndex(limits: settings.parking, eventLoop: eventLoop)
        let hub = ChannelHub(
            channels: settings.channels, openChannel: settings.openChannel, parking: parking, keeper: keeper,
            book: book, logger: logger)
        let registry = ConnectionRegistry(
            limits: settings.serverLimits, eventLoop: eventLoop, accessLog: settings.accessLog)
        let directory = settings.mediaDirectory
        directory?.removeAllBut(hub.resumable)
        let status = NodeStatus(prometheus: prometheus, registry: registry) { text in
            OriginMetrics.write(hub: hub, publishers: publishers, directory: directory, into: &text)
        }
        status.identity = identity
        status.reloads = reloads
        status.accessLog = settings.accessLog
        let bound = NIOLoopBound(hub, eventLoop: eventLoop)
        let clock = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(250), delay: .milliseconds(250)) { _ in
            bound.value.tick(at: .now())
        }
        let gaps = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(40), delay: .milliseconds(40)) { _ in
            bound.value.keepAlive()
        }
        return Plane(
            hub: hub, book: book, registry: registry, status: status,
            responder: OriginResponder(hub: hub, status: status),
            clocks: [clock, gaps])
    }

    private func logListening(_ name: String, _ address: SocketAddress?) {
        logger.info("listening", metadata: ["protocol": "\(name)", "address": "\(address?.description ?? "?")"])
    }
}
