import Cache
import Node
import Prometheus

/// The metric families of an edge. Their names are promises.
enum EdgeMetrics {
    static func write(
        store: CacheStore, upstreams: UpstreamSet, feeds: ChannelFeeds, parked: Int, pushAnswers: UInt64,
        into text: inout ExpositionText
    ) {
        let counters = store.counters
        text.family("needletail_edge_requests_total", .counter, help: "Requests by cache result.")
        for (result, value) in [
            ("hit", counters.hits), ("miss", counters.misses), ("coalesced", counters.collapsed),
            ("stale", counters.stale), ("pass", counters.passed), ("push", pushAnswers),
        ] {
            text.sample("needletail_edge_requests_total", labels: [("result", result)], value)
        }
        text.family("needletail_edge_revalidations_total", .counter, help: "Fetches answered with 304.")
        text.sample("needletail_edge_revalidations_total", counters.revalidated)
        text.family("needletail_edge_fill_failures_total", .counter, help: "Fetches that brought nothing.")
        text.sample("needletail_edge_fill_failures_total", counters.failed)
        text.family("needletail_edge_evictions_total", .counter, help: "Objects evicted from memory.")
        text.sample("needletail_edge_evictions_total", counters.evicted)
        let pushes = feeds.counters
        text.family("needletail_edge_pushes_total", .counter, help: "Pushes from upstreams, by what became of them.")
        for (result, value) in [
            ("accepted", pushes.accepted), ("refused", pushes.refused), ("failed", pushes.failed),
        ] {
            text.sample("needletail_edge_pushes_total", labels: [("result", result)], value)
        }
        text.family("needletail_edge_push_bytes_total", .counter, help: "Bytes of bodies that upstreams pushed.")
        text.sample("needletail_edge_push_bytes_total", pushes.bytes)
        PushMetrics.write(feeds.desk, prefix: "needletail_edge", into: &text)
        let gauges: [(String, String, Int)] = [
            ("needletail_edge_cache_bytes", "Bytes held in memory.", store.storedBytes),
            ("needletail_edge_cache_objects", "Objects held in memory.", store.entryCount),
            ("needletail_edge_push_channels", "Channels that upstreams push to this edge.", feeds.channelCount),
            ("needletail_edge_push_cache_bytes", "Media bytes held of what was pushed.", feeds.storedBytes),
            ("needletail_edge_fills", "Fetches under way.", store.fillCount),
            ("needletail_edge_parked_requests", "Requests that wait for something to come.", parked),
        ]
        for (name, help, value) in gauges {
            text.family(name, .gauge, help: help)
            text.sample(name, UInt64(clamping: value))
        }
        text.family("needletail_edge_upstream_up", .gauge, help: "1 while the upstream is connected.")
        for client in upstreams.clients {
            let labels = [("upstream", client.address.description)]
            text.sample("needletail_edge_upstream_up", labels: labels, client.isConnected ? UInt64(1) : 0)
        }
        text.family("needletail_edge_upstream_fetches_total", .counter, help: "Requests sent to the upstream.")
        for (upstream, counters) in upstreams.counters.sorted(by: { $0.key < $1.key }) {
            text.sample("needletail_edge_upstream_fetches_total", labels: [("upstream", upstream)], counters.fetches)
        }
        text.family("needletail_edge_upstream_failures_total", .counter, help: "Fetches that the upstream failed.")
        for (upstream, counters) in upstreams.counters.sorted(by: { $0.key < $1.key }) {
            text.sample("needletail_edge_upstream_failures_total", labels: [("upstream", upstream)], counters.failures)
        }
        text.family("needletail_edge_upstream_sound", .gauge, help: "0 while the upstream is left for another.")
        for (client, health) in zip(upstreams.clients, upstreams.health) {
            let labels = [("upstream", client.address.description)]
            text.sample("needletail_edge_upstream_sound", labels: labels, health.isSound ? UInt64(1) : 0)
        }
        text.family("needletail_edge_hedges_total", .counter, help: "Fetches for which another upstream was asked too.")
        for (upstream, counters) in upstreams.counters.sorted(by: { $0.key < $1.key }) {
            text.sample("needletail_edge_hedges_total", labels: [("upstream", upstream)], counters.hedges)
        }
        text.family("needletail_edge_probes_total", .counter, help: "Probes of an upstream that was left.")
        for (upstream, counters) in upstreams.counters.sorted(by: { $0.key < $1.key }) {
            text.sample("needletail_edge_probes_total", labels: [("upstream", upstream)], counters.probes)
        }
        text.family("needletail_edge_upstream_disconnects_total", .counter, help: "Times the upstream went away.")
        for (upstream, counters) in upstreams.counters.sorted(by: { $0.key < $1.key }) {
            text.sample(
                "needletail_edge_upstream_disconnects_total", labels: [("upstream", upstream)], counters.disconnects)
        }
    }
}
