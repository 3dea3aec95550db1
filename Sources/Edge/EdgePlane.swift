import Cache
import HTTP
import Logging
import NIOCore
import Node
import Prometheus
import Wire

/// What one event loop of an edge has: its viewers' connections, its cache, and the way to what it does not hold. It is
/// made and used on that loop alone.
final class EdgePlane {
    let registry: ConnectionRegistry
    let store: CacheStore
    let upstreams: UpstreamSet
    let feeds: ChannelFeeds
    let responder: EdgeResponder
    /// Of the plane that talks to the upstreams, where there is one.
    let disk: DiskCache?
    private let eventLoop: any EventLoop
    private let isLead: Bool
    /// Among which the cache's budget is divided.
    private let eventLoops: Int
    private let status: NodeStatus
    private let parked: ParkedLedger
    /// The planes that ask this one.
    private var links: [LoopLink.Server] = []
    private var lastState: LoopState?
    /// All planes of the edge, this one among them; nil before they are there and after the edge's end.
    private var planes: EdgePlanes?
    private var clock: RepeatedTask?

    /// A plane with a `lead` asks that one for what it does not hold.
    init(
        settings: EdgeSettings, shared: EdgeShared, lead: NIOLoopBound<EdgePlane>? = nil, eventLoop: any EventLoop,
        logger: Logger
    ) throws {
        self.eventLoop = eventLoop
        isLead = lead == nil
        eventLoops = settings.eventLoops
        registry = ConnectionRegistry(
            limits: settings.serverLimits, eventLoop: eventLoop, ledger: shared.connections,
            accessLog: settings.accessLog)
        parked = shared.parked
        let files = lead == nil ? settings.disk : nil
        let budget = settings.cacheBytes / max(1, settings.eventLoops)
        store = CacheStore(
            budgetBytes: budget, objectBytes: min(settings.objectBytes, budget),
            channelBytes: min(settings.channelBytes, budget),
            disk: files.map { disk in
                DiskTier(
                    budgetBytes: disk.bytes, objectBytes: min(settings.objectBytes, budget),
                    admits: DiskAdmission.isAdmitted)
            })
        disk = files.map { [store] disk in
            DiskCache(CacheDirectory(path: disk.directory), store: store, eventLoop: eventLoop, logger: logger)
        }
        if let lead {
            let (client, server) = LoopLink.make(from: eventLoop, to: lead.eventLoop) { lead.value.service }
            lead.eventLoop.execute { lead.value.link(server) }
            upstreams = UpstreamSet(lead: client, settings: settings, eventLoop: eventLoop)
        } else {
            upstreams = try UpstreamSet(settings: settings, eventLoop: eventLoop, logger: logger)
        }
        feeds = ChannelFeeds(settings: settings, upstreams: upstreams, eventLoop: eventLoop, logger: logger)
        let scrape = Scrape()
        status = NodeStatus(prometheus: shared.prometheus) { write in
            scrape.plane?.collect { figures in write(figures.server) { EdgeMetrics.write(figures, into: &$0) } }
        }
        status.identity = shared.identity
        status.reloads = shared.reloads
        status.accessLog = settings.accessLog
        // Ready from the first connection to an upstream on; an origin that goes away later is the cache's to bridge.
        status.unreadyReason = "No upstream has been reached yet."
        responder = EdgeResponder(
            settings: settings, store: store, upstreams: upstreams, feeds: feeds, status: status, parked: parked,
            watchPage: shared.watchPage, isLead: isLead,
            eventLoop: eventLoop)
        responder.disk = disk
        scrape.plane = self
        upstreams.stateChanged = { [weak self] in self?.tell($0) }
        responder.invalidate = { [weak self] in self?.invalidate($0) }
    }

    /// The metrics are made before the plane whose counts they tell.
    private final class Scrape { weak var plane: EdgePlane? }

    // MARK: Life

    func join(_ planes: EdgePlanes) { self.planes = planes }

    /// Who answers its viewers.
    var service: HTTPService { HTTPService(responder: responder, registry: registry) }

    /// Another plane asks this one from now on.
    private func link(_ server: LoopLink.Server) {
        links.append(server)
        server.tell(upstreams.state)
    }

    private func tell(_ state: LoopState) {
        guard state != lastState else { return }
        lastState = state
        for link in links { link.tell(state) }
    }

    /// What is held of these targets is void. Every unsafe request passes through the lead, which tells the others.
    private func invalidate(_ targets: [HTTPBytes]) {
        for target in targets { store.invalidate(target) }
        if isLead { planes?.invalidateBehindLead(targets) }
    }

    /// Connects to the upstreams, and tells when one is reached.
    func start() {
        disk?.start()
        upstreams.warmUp()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        clock = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(100)) { task in
            bound.value.lookOut(task)
        }
    }

    private func lookOut(_ task: RepeatedTask) {
        guard upstreams.isConnected else {
            status.unreadyReason = "No upstream has been reached yet: \(upstreams.awayReason)."
            return
        }
        status.unreadyReason = nil
        task.cancel()
    }

    /// Why it cannot serve yet; nil once it can.
    var unreadyReason: String? { status.unreadyReason }

    /// From now on it says that it does not take viewers.
    func retire() {
        clock?.cancel()
        status.unreadyReason = "stopping"
    }

    /// Ends the connections once their requests are answered; the future tells how many were cut at the deadline. What
    /// viewers wait for still comes from the upstreams.
    func drain(within limit: TimeAmount, quiet: TimeAmount) -> EventLoopFuture<Int> {
        feeds.desk.endAll()
        return registry.drain(within: limit, quiet: quiet)
    }

    func stop() {
        planes = nil
        feeds.stop()
        upstreams.stop()
    }

    /// Purges what it holds. The future tells of what that was, when the disk holds none of it any more.
    func purge(_ selector: PurgeSelector, _ mode: PurgeMode) -> EventLoopFuture<PurgedObjects> {
        let purged = store.purge(selector, mode, at: .now)
        guard let disk else { return eventLoop.makeSucceededFuture(purged) }
        return disk.settle().map { purged }
    }

    /// Other settings, as far as they can change while it runs.
    func apply(_ settings: EdgeSettings, watchPage: WatchPage) {
        registry.limits = settings.serverLimits
        parked.setLimits(settings.parkedLimits)
        let budget = settings.cacheBytes / max(1, eventLoops)
        store.resize(budgetBytes: budget, objectBytes: min(settings.objectBytes, budget))
        responder.watchPage = watchPage
    }

    // MARK: Figures

    /// What it has counted. Requests that went on to the lead are counted there, by what they met.
    var figures: EdgeFigures {
        var figures = EdgeFigures(
            server: registry.counters, store: store, upstreams: upstreams, feeds: feeds, parked: parked.total,
            pushAnswers: responder.pushAnswers)
        if !isLead {
            figures.cache.misses = 0
            figures.cache.passed = 0
        }
        return figures
    }

    /// Brings together what all planes have counted.
    private func collect(_ tell: @escaping (EdgeFigures) -> Void) {
        guard let planes, planes.count > 1 else { return tell(figures) }
        let bound = NIOLoopBound(tell, eventLoop: eventLoop)
        planes.figures(on: eventLoop).whenSuccess { figures in
            if let figures { bound.value(figures) }
        }
    }
}

/// What the planes of an edge have together.
struct EdgeShared: Sendable {
    let connections = ConnectionLedger()
    let parked: ParkedLedger
    let prometheus: PrometheusFactory
    let watchPage: WatchPage
    /// The certificates of its listeners; nil where there are none.
    let identity: ServerIdentity?
    /// Nil where nobody reads the configuration again.
    let reloads: ReloadRecord?

    /// `player` is the text of hls.js.
    init(
        _ settings: EdgeSettings, prometheus: PrometheusFactory, player: ByteBuffer?, identity: ServerIdentity?,
        reloads: ReloadRecord?
    ) {
        self.identity = identity
        parked = ParkedLedger(limits: settings.parkedLimits)
        self.reloads = reloads
        self.prometheus = prometheus
        watchPage = WatchPage(settings, player: player)
    }
}

extension EdgeSettings {
    var parkedLimits: ParkedCounts.Limits {
        .init(node: parkedRequests, channel: parkedRequestsPerChannel, address: parkedRequestsPerAddress)
    }
}
