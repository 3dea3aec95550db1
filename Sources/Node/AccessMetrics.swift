import AccessLog
import Prometheus
import Wire

/// How long exchanges took, and what became of the access log's lines. The names are promises.
enum AccessMetrics {
    static func write(_ times: LatencyHistograms, _ log: AccessLogWriter?, into text: inout ExpositionText) {
        let families: [(name: String, help: String, family: LatencyHistograms.Family)] = [
            (
                "needletail_http_request_duration_seconds",
                "Time from a request's head to the end of its answer, by cache result.", times.durations
            ),
            ("needletail_http_hold_seconds", "How long requests that were held waited, by cache result.", times.holds),
            (
                "needletail_http_upstream_seconds",
                "Time from asking an upstream to the head of its answer, by cache result.", times.upstreams
            ),
        ]
        let bounds = LatencyHistograms.bounds.map { Double($0) / 1e9 }
        for (name, help, family) in families {
            text.family(name, .histogram, help: help)
            for cache in CacheResult.allCases {
                guard let buckets = family.buckets(cache) else { continue }
                text.histogram(
                    name, labels: [("result", label(cache))], bounds: bounds, buckets: buckets,
                    sum: Double(family.sum(cache)) / 1e9)
            }
        }
        guard let log = log?.counters else { return }
        text.family("needletail_access_log_lines_total", .counter, help: "Lines written to the access log.")
        text.sample("needletail_access_log_lines_total", log.lines)
        text.family(
            "needletail_access_log_dropped_total", .counter,
            help: "Lines that the access log lost: its disk was full, or did not keep up.")
        text.sample("needletail_access_log_dropped_total", log.dropped)
        text.family("needletail_access_log_waiting_bytes", .gauge, help: "Bytes of lines that wait for the disk.")
        text.sample("needletail_access_log_waiting_bytes", UInt64(clamping: log.bytesWaiting))
    }

    /// The words of `needletail_edge_requests_total`, and more of them.
    private static func label(_ cache: CacheResult) -> String {
        switch cache {
        case .none: "none"
        case .hit: "hit"
        case .disk: "disk"
        case .pushed: "push"
        case .stale: "stale"
        case .miss: "miss"
        case .collapsed: "coalesced"
        case .revalidated: "revalidated"
        case .method: "pass_method"
        case .request: "pass_request"
        case .bypass: "pass_bypass"
        }
    }
}
