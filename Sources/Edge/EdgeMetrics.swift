import Node
import Prometheus

/// The metric families of an edge. Their names are promises.
enum EdgeMetrics {
    static func write(_ figures: EdgeFigures, into text: inout ExpositionText) {
        let counters = figures.cache
        text.family("needletail_edge_requests_total", .counter, help: "Requests by cache result.")
        for (result, value) in [
            ("hit", counters.hits), ("miss", counters.misses), ("coalesced", counters.collapsed),
            ("stale", counters.stale), ("pass", counters.passed), ("push", figures.pushAnswers),
            ("disk", figures.disk?.counters.hits ?? 0),
        ] {
            text.sample("needletail_edge_requests_total", labels: [("result", result)], value)
        }
        text.family("needletail_edge_revalidations_total", .counter, help: "Fetches answered with 304.")
        text.sample("needletail_edge_revalidations_total", counters.revalidated)
        text.family("needletail_edge_fill_failures_total", .counter, help: "Fetches that brought nothing.")
        text.sample("needletail_edge_fill_failures_total", counters.failed)
        text.family("needletail_edge_evictions_total", .counter, help: "Objects evicted from memory.")
        text.sample("needletail_edge_evictions_total", counters.evicted)
        let pushes = figures.pushes
        text.family("needletail_edge_pushes_total", .counter, help: "Pushes from upstreams, by what became of them.")
        for (result, value) in [
            ("accepted", pushes.accepted), ("refused", pushes.refused), ("failed", pushes.failed),
        ] {
            text.sample("needletail_edge_pushes_total", labels: [("result", result)], value)
        }
        text.family("needletail_edge_push_bytes_total", .counter, help: "Bytes of bodies that upstreams pushed.")
        text.sample("needletail_edge_push_bytes_total", pushes.bytes)
        PushMetrics.write(figures.desk, prefix: "needletail_edge", into: &text)
        let gauges: [(String, String, Int)] = [
            ("needletail_edge_cache_bytes", "Bytes held in memory.", figures.storedBytes),
            ("needletail_edge_cache_objects", "Objects held in memory.", figures.objects),
            ("needletail_edge_push_channels", "Channels that upstreams push to this edge.", figures.channels),
            ("needletail_edge_push_cache_bytes", "Media bytes held of what was pushed.", figures.pushedBytes),
            ("needletail_edge_fills", "Fetches under way.", figures.fills),
            ("needletail_edge_parked_requests", "Requests that wait for something to come.", figures.parked),
        ]
        for (name, help, value) in gauges {
            text.family(name, .gauge, help: help)
            text.sample(name, UInt64(clamping: value))
        }
        if let disk = figures.disk { write(disk, into: &text) }
        write(figures.upstreams, into: &text)
    }

    private static func write(_ disk: EdgeFigures.Disk, into text: inout ExpositionText) {
        let counters = disk.counters
        for (name, help, value) in [
            ("hits", "Requests answered from files.", counters.hits),
            ("writes", "Objects written to files.", counters.written),
            ("evictions", "Objects evicted from files.", counters.evicted),
            ("dropped", "Objects not written: the disk does not keep up, or fails.", counters.dropped),
            ("failures", "Reads, writes and removals that failed.", counters.failures),
        ] {
            text.family("needletail_cache_disk_\(name)_total", .counter, help: help)
            text.sample("needletail_cache_disk_\(name)_total", value)
        }
        for (name, help, value) in [
            ("bytes", "Bytes that files take.", disk.bytes), ("objects", "Objects in files.", disk.objects),
            ("up", "0 while nothing is written, because the disk fails or is full.", disk.isWorking ? 1 : 0),
        ] {
            text.family("needletail_cache_disk_\(name)", .gauge, help: help)
            text.sample("needletail_cache_disk_\(name)", UInt64(clamping: value))
        }
    }

    private static func write(_ upstreams: [EdgeFigures.Upstream], into text: inout ExpositionText) {
        func family(
            _ name: String, _ kind: ExpositionText.Kind, help: String, _ value: (EdgeFigures.Upstream) -> UInt64
        ) {
            text.family(name, kind, help: help)
            for upstream in upstreams { text.sample(name, labels: [("upstream", upstream.name)], value(upstream)) }
        }
        family("needletail_edge_upstream_up", .gauge, help: "1 while the upstream is connected.") {
            $0.isConnected ? 1 : 0
        }
        family("needletail_edge_upstream_fetches_total", .counter, help: "Requests sent to the upstream.") {
            $0.counters.fetches
        }
        family("needletail_edge_upstream_failures_total", .counter, help: "Fetches that the upstream failed.") {
            $0.counters.failures
        }
        family("needletail_edge_upstream_sound", .gauge, help: "0 while the upstream is left for another.") {
            $0.isSound ? 1 : 0
        }
        family("needletail_edge_hedges_total", .counter, help: "Fetches for which another upstream was asked too.") {
            $0.counters.hedges
        }
        family("needletail_edge_probes_total", .counter, help: "Probes of an upstream that was left.") {
            $0.counters.probes
        }
        family("needletail_edge_upstream_disconnects_total", .counter, help: "Times the upstream went away.") {
            $0.counters.disconnects
        }
    }
}
