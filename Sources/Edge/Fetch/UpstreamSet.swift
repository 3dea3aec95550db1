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
    }

    private(set) var clients: [HTTPClient] = []
    private(set) var counters: [String: Counters] = [:]
    private let logger: Logger

    init(settings: EdgeSettings, eventLoop: any EventLoop, logger: Logger) throws {
        self.logger = logger
        for upstream in settings.upstreams {
            var limits = ClientLimits()
            limits.responseTimeout = upstream.timeout
            limits.firstBackoff = settings.firstBackoff
            limits.longestBackoff = settings.longestBackoff
            let tls =
                upstream.address.isSecure
                ? try TLSMaterial.client(
                    authorityPath: upstream.authorityPath, verifies: upstream.verifiesCertificate) : nil
            let client = HTTPClient(address: upstream.address, tls: tls, limits: limits, eventLoop: eventLoop)
            client.observer = self
            clients.append(client)
        }
    }

    /// Connects to all, so that the first viewer need not wait for it.
    func warmUp() { for client in clients { client.warmUp() } }

    func stop() { for client in clients { client.stop() } }

    /// Whether any upstream can be asked now.
    var isConnected: Bool { clients.contains(where: \.isConnected) }

    /// Asks the first upstream that is connected and not among those `tried`; where none is, the first untried one.
    func fetch(
        _ request: RequestHead, body: ByteBuffer = ByteBuffer(), tried: Set<Int>, receiver: any FetchReceiver
    ) -> (fetch: Fetch, upstream: Int)? {
        let untried = clients.indices.filter { !tried.contains($0) }
        guard let chosen = untried.first(where: { clients[$0].isConnected }) ?? untried.first else { return nil }
        counters[clients[chosen].address.description, default: Counters()].fetches += 1
        return (clients[chosen].fetch(request, body: body, receiver: receiver), chosen)
    }

    func failed(upstream: Int) {
        guard clients.indices.contains(upstream) else { return }
        counters[clients[upstream].address.description, default: Counters()].failures += 1
    }

    // MARK: Comings and goings

    func upstreamConnected(_ client: HTTPClient, isHTTP2: Bool) {
        logger.info(
            "upstream connected",
            metadata: ["upstream": "\(client.address)", "protocol": isHTTP2 ? "h2" : "http/1.1"])
    }

    func upstreamAway(_ client: HTTPClient, reason: String, retryIn: Duration) {
        counters[client.address.description, default: Counters()].disconnects += 1
        logger.warning(
            "upstream away",
            metadata: ["upstream": "\(client.address)", "reason": "\(reason)", "retry_in": "\(retryIn)"])
    }
}
