import AccessLog
import HTTP
import NIOCore
import Prometheus
import Wire

/// What every node answers about itself, beside what it serves: `/healthz`, `/readyz` and `/metrics`.
package final class NodeStatus {
    /// Nil when the node can serve; else a sentence that says what it waits for.
    package var unreadyReason: String? = "starting"
    /// The certificates of its listeners; nil where there are none.
    package var identity: ServerIdentity?
    /// How reading the configuration went; nil where nobody reads it again.
    package var reloads: ReloadRecord?
    /// Nil where there is none.
    package var accessLog: AccessLogWriter?
    private let prometheus: PrometheusFactory
    /// Adds the families of a kind of node.
    package typealias Families = (inout ExpositionText) -> Void
    private let collect: (@escaping (ServerCounters, Families) -> Void) -> Void

    /// `writeMetrics` adds the families of this kind of node. It runs on the data plane's loop.
    package convenience init(
        prometheus: PrometheusFactory, registry: ConnectionRegistry, writeMetrics: @escaping Families
    ) {
        self.init(prometheus: prometheus) { write in write(registry.counters, writeMetrics) }
    }

    /// For a node of several event loops: `collect` brings together what they have counted, and calls back on this one.
    package init(
        prometheus: PrometheusFactory, collect: @escaping (@escaping (ServerCounters, Families) -> Void) -> Void
    ) {
        self.prometheus = prometheus
        self.collect = collect
    }

    /// Answers if the path is one of these. Returns false when it is somebody else's.
    package func respond(to request: RequestHead, on exchange: Exchange) -> Bool {
        guard let page = Page(request.path) else { return false }
        guard request.method == .get || request.method == .head else {
            let problem = Problem(
                name: "method-not-allowed", title: "Method not allowed", status: 405, detail: "Use GET or HEAD.")
            var head = problem.head
            head.fields.append("allow", "GET, HEAD")
            exchange.respond(head, body: .bytes(problem.body))
            return true
        }
        switch page {
        case .health:
            var head = Self.head("text/plain; charset=utf-8")
            // An edge that is given this node's address in the clear learns so that it may speak HTTP/2.
            if exchange.offersClearHTTP2 { head.fields.offerClearHTTP2() }
            exchange.respond(head, body: .bytes(ByteBuffer(string: "ok\n")))
        case .readiness:
            if let unreadyReason {
                let problem = Problem(name: "not-ready", title: "Not ready", status: 503, detail: unreadyReason)
                exchange.respond(problem.head, body: .bytes(problem.body))
            } else {
                exchange.respond(Self.head("text/plain; charset=utf-8"), body: .bytes(ByteBuffer(string: "ready\n")))
            }
        case .metrics:
            collect { [self] counters, families in
                let text = metrics(counters, families)
                exchange.respond(Self.head(ExpositionText.contentType), body: .bytes(text))
            }
        }
        return true
    }

    private enum Page {
        case health, readiness, metrics

        init?(_ path: HTTPBytes) {
            guard path.count <= 8 else { return nil }
            if path.isEqual(to: "/healthz") {
                self = .health
            } else if path.isEqual(to: "/readyz") {
                self = .readiness
            } else if path.isEqual(to: "/metrics") {
                self = .metrics
            } else {
                return nil
            }
        }
    }

    private static func head(_ contentType: String) -> ResponseHead {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", contentType)
        head.fields.append("cache-control", "no-store")
        return head
    }

    private func metrics(_ counters: ServerCounters, _ families: Families) -> ByteBuffer {
        var text = ExpositionText()
        prometheus.expose(into: &text)
        ProcessMetrics.read()?.expose(into: &text)
        text.family("needletail_http_connections", .gauge, help: "Open connections of viewers and edges.")
        text.sample("needletail_http_connections", UInt64(clamping: counters.openConnections))
        let totals: [(String, String, UInt64)] = [
            ("needletail_http_connections_accepted_total", "Connections accepted.", counters.acceptedConnections),
            (
                "needletail_http_connections_refused_total", "Connections refused by a limit.",
                counters.refusedConnections
            ),
            ("needletail_http_malformed_requests_total", "Requests refused as malformed.", counters.malformedRequests),
            ("needletail_http_timeouts_total", "Connections ended for being too slow.", counters.timedOutConnections),
            (
                "needletail_http_stalled_total", "Connections ended because their reader stopped.",
                counters.stalledConnections
            ),
            (
                "needletail_http_stalled_streams_total", "HTTP/2 streams reset because their reader stopped.",
                counters.stalledStreams
            ),
            (
                "needletail_http_refused_pushes_total", "Pushes that a connection's limits did not let begin.",
                counters.refusedPushes
            ),
            (
                "needletail_http_abusive_total", "HTTP/2 connections ended because they cost more than they carried.",
                counters.abusiveConnections
            ),
            ("needletail_http_sent_bytes_total", "Bytes sent, TLS not counted.", counters.bytesSent),
        ]
        for (name, help, value) in totals {
            text.family(name, .counter, help: help)
            text.sample(name, value)
        }
        text.family("needletail_http_requests_total", .counter, help: "Requests answered, by protocol.")
        text.sample("needletail_http_requests_total", labels: [("protocol", "http/1.1")], counters.requestsHTTP1)
        text.sample("needletail_http_requests_total", labels: [("protocol", "h2")], counters.requestsHTTP2)
        AccessMetrics.write(counters.times, accessLog, into: &text)
        reloads?.write(into: &text)
        if let identity { CertificateMetrics.write(identity, into: &text) }
        families(&text)
        return ByteBuffer(bytes: text.bytes)
    }
}
