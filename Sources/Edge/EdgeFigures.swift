import Cache
import Node
import Relay
import Wire

/// What the planes of an edge have counted, as the metrics tell it.
struct EdgeFigures: Sendable {
    /// One upstream, as the plane that talks to it sees it.
    struct Upstream: Sendable {
        let name: String
        let isConnected: Bool
        let isSound: Bool
        let counters: UpstreamSet.Counters
    }

    /// The disk tier of the plane that has one.
    struct Disk: Sendable {
        let counters: DiskTier.Counters
        let bytes: Int
        let objects: Int
        let isWorking: Bool
    }

    var server: ServerCounters
    var cache: CacheStore.Counters
    /// What lies in files; nil where there are none.
    var disk: Disk?
    var storedBytes: Int
    var objects: Int
    var fills: Int
    var pushes: RelayCounters
    var desk: PushDesk.Figures
    var channels: Int
    var pushedBytes: Int
    /// Requests that wait, in all planes.
    var parked: Int
    var pushAnswers: UInt64
    var upstreams: [Upstream]

    init(
        server: ServerCounters, store: CacheStore, upstreams: UpstreamSet, feeds: ChannelFeeds, parked: Int,
        pushAnswers: UInt64
    ) {
        self.server = server
        cache = store.counters
        disk = store.disk.map {
            Disk(counters: $0.counters, bytes: $0.bytes, objects: $0.count, isWorking: $0.isWorking)
        }
        storedBytes = store.storedBytes
        objects = store.entryCount
        fills = store.fillCount
        pushes = feeds.counters
        desk = feeds.desk.figures
        channels = feeds.channelCount
        pushedBytes = feeds.storedBytes
        self.parked = parked
        self.pushAnswers = pushAnswers
        self.upstreams = zip(upstreams.clients, upstreams.health).map { client, health in
            let name = client.address.description
            return Upstream(
                name: name, isConnected: client.isConnected, isSound: health.isSound,
                counters: upstreams.counters[name] ?? UpstreamSet.Counters())
        }
    }

    /// Adds what another plane has counted.
    mutating func add(_ other: EdgeFigures) {
        server.add(other.server)
        cache.add(other.cache)
        disk = disk ?? other.disk
        storedBytes += other.storedBytes
        objects += other.objects
        fills += other.fills
        desk.add(other.desk)
        pushAnswers += other.pushAnswers
    }
}
