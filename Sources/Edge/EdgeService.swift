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
    private let takeOver: TakeOver?
    private let control: EdgeControl
    private let reloads: ReloadRecord?

    /// `player` is the text of hls.js, where the operator keeps it in a file; `identity` is for listeners that are secure;
    /// `takeOver` has the listening sockets of the edge that this one replaces; `control` changes settings while it runs,
    /// and `reloads` tells how that went.
    package init(
        settings: EdgeSettings, player: ByteBuffer?, identity: ServerIdentity?, takeOver: TakeOver?,
        control: EdgeControl, reloads: ReloadRecord?, prometheus: PrometheusFactory, logger: Logger
    ) {
        self.takeOver = takeOver
        self.control = control
        self.reloads = reloads
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
            shared: EdgeShared(
                settings, prometheus: prometheus, player: player, identity: identity,
                reloads: reloads),
            on: group, logger: logger)
        let cut: Int
        do {
            cut = try await serve(on: planes)
        } catch {
            await planes.stop()
            throw error
        }
        await planes.stop()
        logger.info("edge stopped", metadata: ["cut_connections": "\(cut)"])
    }

    /// Serves until it is told to stop, or another process has taken its place. Returns how many connections were cut.
    private func serve(on planes: EdgePlanes) async throws -> Int {
        control.run(planes)
        // Whoever takes over is ready before it accepts: until then the edge that runs does the work.
        if takeOver != nil { try await becomeReady(planes) }
        let listeners = try await EdgeListeners.open(
            settings, identity: identity, planes: planes, takeOver: takeOver, logger: logger)
        if let takeOver {
            do throws(TakeOverFailure) {
                try takeOver.complete()
                logger.info("took over")
            } catch {
                // The sockets are here, whatever has become of it.
                logger.warning("took over from an edge that did not say goodbye", metadata: ["reason": "\(error)"])
            }
            try await listeners.startAccepting()
        } else {
            await planes.forEach { $0.start() }
        }
        let offer = try await settings.handoverSocket.asyncMap { path in
            try ListenerOffer(at: path, sockets: try await listeners.sockets(), logger: logger)
        }

        let isTaken = await ends(or: offer)
        logger.info("edge stopping", metadata: ["reason": isTaken ? "another has taken over" : "told to stop"])
        if !isTaken { await planes.forEach { $0.retire() } }
        await listeners.stopAccepting()
        await offer?.end()
        // Nobody can see that this process leaves where another serves the same address: a client between two requests may
        // take all the time there is to send the next, which is answered.
        let limit = control.drainTimeout
        let quiet = isTaken ? max(.seconds(1), limit - .seconds(2)) : .seconds(1)
        return await planes.drain(within: limit, quiet: quiet)
    }

    /// Waits for the upstreams, as long as an operator who takes over would.
    private func becomeReady(_ planes: EdgePlanes) async throws {
        await planes.forEach { $0.start() }
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(10)
        while let reason = await planes.unreadyReason {
            guard clock.now < deadline else { throw TakeOverFailure.notReady(reason) }
            try await clock.sleep(for: .milliseconds(20))
        }
    }

    /// Returns when the node is told to stop, or whether another process has taken its place.
    private func ends(or offer: ListenerOffer?) async -> Bool {
        guard let offer else {
            try? await gracefulShutdown()
            return false
        }
        let isTaken = await cancelWhenGracefulShutdown {
            for await _ in offer.taken { return true }
            return false
        }
        // An offer that came to nothing is not the node's end.
        if !isTaken, !Task.isShuttingDownGracefully { try? await gracefulShutdown() }
        return isTaken
    }
}

extension Optional {
    func asyncMap<T>(_ body: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
