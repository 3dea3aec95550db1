import HTTP
import Logging
import NIOCore
import NIOSSL
import Wire

/// The upstreams of an edge in their order, and what is known of each.
final class UpstreamSet: UpstreamObserver {
    struct Counters {
        var fetches: UInt64 = 0
        var failures: UInt64 = 0
        var disconnects: UInt64 = 0
        var probes: UInt64 = 0
        var hedges: UInt64 = 0
    }

    private(set) var clients: [any Upstream] = []
    private(set) var counters: [String: Counters] = [:]
    private(set) var health: [UpstreamHealth] = []
    private var probes: [Int: UpstreamProbe] = [:]
    private let logger: Logger
    /// Told when an upstream begins to offer pushes, or goes away.
    weak var feeds: ChannelFeeds?
    /// Called when `state` may have changed.
    var stateChanged: (LoopState) -> Void = { _ in }

    /// The upstreams of the settings.
    convenience init(settings: EdgeSettings, eventLoop: any EventLoop, logger: Logger) throws {
        var clients: [any Upstream] = []
        for upstream in settings.upstreams {
            var limits = ClientLimits()
            limits.responseTimeout = upstream.timeout
            limits.firstBackoff = settings.firstBackoff
            limits.longestBackoff = settings.longestBackoff
            limits.takesPush = upstream.takesPush
            limits.clearHTTP2 = upstream.clearHTTP2
            let tls =
                upstream.address.isSecure
                ? try TLSMaterial.client(
                    authorityPath: upstream.authorityPath, verifies: upstream.verifiesCertificate,
                    protocols: upstream.clearHTTP2 == .never ? ["http/1.1"] : ["h2", "http/1.1"]) : nil
            clients.append(HTTPClient(address: upstream.address, tls: tls, limits: limits, eventLoop: eventLoop))
        }
        self.init(clients, settings: settings, eventLoop: eventLoop, logger: logger)
    }

    /// Another plane, which has the upstreams of the settings. What happens to them is told there.
    convenience init(lead: LoopClient, settings: EdgeSettings, eventLoop: any EventLoop) {
        self.init(
            [lead], settings: settings, eventLoop: eventLoop,
            logger: Logger(label: "", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    private init(_ clients: [any Upstream], settings: EdgeSettings, eventLoop: any EventLoop, logger: Logger) {
        self.clients = clients
        self.logger = logger
        health = clients.map { _ in UpstreamHealth(first: settings.firstBackoff, longest: settings.longestBackoff) }
        for client in clients { client.observer = self }
        let bound = NIOLoopBound(Weak(upstreams: self), eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(50)) { task in
            guard let upstreams = bound.value.upstreams else { return task.cancel() }
            upstreams.tick()
        }
    }

    private struct Weak { weak var upstreams: UpstreamSet? }

    /// What other planes are told of the upstreams.
    var state: LoopState {
        let isConnected = isConnected
        return LoopState(
            isConnected: isConnected, offersPush: offersPush, awayReason: isConnected ? nil : awayReason)
    }

    /// Whether there is a choice: with one upstream nobody need know how it compares.
    var areSeveral: Bool { clients.count > 1 }

    /// Whether any upstream pushes.
    var offersPush: Bool { clients.contains { $0.offersPush } }

    /// Connects to all, so that the first viewer need not wait for it.
    func warmUp() { for client in clients { client.warmUp() } }

    func stop() { for client in clients { client.stop() } }

    /// Whether any upstream can be asked now.
    var isConnected: Bool { clients.contains { $0.isConnected } }

    /// Why none can be asked, in words for an operator.
    var awayReason: String {
        clients.map { "\($0.address): \($0.awayReason ?? "connected")" }.joined(separator: "; ")
    }

    /// Asks the first upstream that is connected, sound and not among those `tried`; where none is, one that is at least
    /// connected; else the first untried one.
    func fetch(
        _ request: RequestHead, body: ByteBuffer = ByteBuffer(), tried: Set<Int>, receiver: any FetchReceiver
    ) -> (fetch: Fetch, upstream: Int)? {
        let untried = clients.indices.filter { !tried.contains($0) }
        let now = ContinuousClock.now
        let connected = untried.filter { clients[$0].isConnected }
        guard
            let chosen = connected.first(where: { health[$0].admits(at: now) }) ?? connected.first ?? untried.first
        else { return nil }
        health[chosen].asked(at: now)
        counters[clients[chosen].address.description, default: Counters()].fetches += 1
        return (clients[chosen].fetch(request, body: body, receiver: receiver), chosen)
    }

    func failed(upstream: Int) {
        guard clients.indices.contains(upstream) else { return }
        counters[clients[upstream].address.description, default: Counters()].failures += 1
        change(upstream) { $0.failed(at: .now) }
    }

    func succeeded(upstream: Int) {
        guard clients.indices.contains(upstream) else { return }
        change(upstream) { $0.succeeded(at: .now) }
    }

    /// It was silent or too slow, and another has taken its place.
    func wasLeft(_ upstream: Int) {
        guard clients.indices.contains(upstream) else { return }
        change(upstream) { $0.left(at: .now) }
    }

    /// It is silent, or what it was asked for is late; until that is known others are asked first.
    func suspect(_ upstream: Int, for time: Duration) {
        if clients.indices.contains(upstream) { health[upstream].suspected(until: .now + time) }
    }

    /// Whether an upstream other than those `tried` could be asked as well.
    func hasAlternative(to tried: Set<Int>) -> Bool {
        clients.indices.contains { !tried.contains($0) && clients[$0].isConnected && health[$0].admits(at: .now) }
    }

    func hedged(from upstream: Int) {
        guard clients.indices.contains(upstream) else { return }
        counters[clients[upstream].address.description, default: Counters()].hedges += 1
    }

    private func change(_ upstream: Int, _ body: (inout UpstreamHealth) -> Void) {
        let wasSound = health[upstream].isSound
        body(&health[upstream])
        guard wasSound != health[upstream].isSound else { return }
        if wasSound {
            logger.warning("upstream left", metadata: ["upstream": "\(clients[upstream].address)"])
        } else {
            logger.info("upstream sound again", metadata: ["upstream": "\(clients[upstream].address)"])
        }
    }

    // MARK: Probes

    private func tick() {
        let now = ContinuousClock.now
        for index in clients.indices {
            if let probe = probes[index] {
                guard probe.deadline <= now else { continue }
                probes[index] = nil
                probe.cancel()
                change(index) { $0.failed(at: now) }
            } else if health[index].needsProbe(at: now), clients[index].isConnected {
                counters[clients[index].address.description, default: Counters()].probes += 1
                let probe = UpstreamProbe(upstream: index, upstreams: self, deadline: now + .seconds(1))
                probes[index] = probe
                probe.start(clients[index])
            }
        }
    }

    func probed(_ upstream: Int, isThere: Bool) {
        probes[upstream] = nil
        change(upstream) { health in
            if isThere { health.probed(at: .now) } else { health.failed(at: .now) }
        }
    }

    // MARK: Comings and goings

    func upstreamConnected(_ upstream: any Upstream, isHTTP2: Bool) {
        logger.info(
            "upstream connected",
            metadata: ["upstream": "\(upstream.address)", "protocol": isHTTP2 ? "h2" : "http/1.1"])
        stateChanged(state)
    }

    func upstream(_ upstream: any Upstream, offersPush: Bool) {
        guard let index = clients.firstIndex(where: { $0 === upstream }) else { return }
        if offersPush { logger.info("upstream pushes", metadata: ["upstream": "\(upstream.address)"]) }
        feeds?.upstream(index, offersPush: offersPush)
        stateChanged(state)
    }

    func upstreamAway(_ upstream: any Upstream, reason: String, retryIn: Duration) {
        if let index = clients.firstIndex(where: { $0 === upstream }) { feeds?.upstream(index, offersPush: false) }
        counters[upstream.address.description, default: Counters()].disconnects += 1
        logger.warning(
            "upstream away",
            metadata: ["upstream": "\(upstream.address)", "reason": "\(reason)", "retry_in": "\(retryIn)"])
        stateChanged(state)
    }
}
