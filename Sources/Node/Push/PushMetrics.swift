import Prometheus

/// The metric families of what a node pushes to others. Their names are promises.
package enum PushMetrics {
    /// `prefix` is `needletail_origin` or `needletail_edge`.
    package static func write(_ desk: PushDesk.Figures, prefix: String, into text: inout ExpositionText) {
        let counters = desk.counters
        text.family("\(prefix)_subscriptions", .gauge, help: "Edges that are pushed channels, one for each of both.")
        text.sample("\(prefix)_subscriptions", UInt64(clamping: desk.subscriptions))
        text.family("\(prefix)_pushed_total", .counter, help: "Objects promised to edges, by what became of them.")
        text.sample("\(prefix)_pushed_total", labels: [("result", "sent")], counters.sent)
        text.sample("\(prefix)_pushed_total", labels: [("result", "unwanted")], counters.unsent)
        text.family(
            "\(prefix)_subscriptions_dropped_total", .counter,
            help: "Subscriptions ended because the edge did not take what it was pushed.")
        text.sample("\(prefix)_subscriptions_dropped_total", counters.undrained)
        text.family("\(prefix)_pushed_bytes_total", .counter, help: "Bytes of bodies pushed to edges.")
        text.sample("\(prefix)_pushed_bytes_total", counters.bytes)
    }
}
