import AccessLog
import Wire

/// Everything that an edge needs to run, as plain values.
package struct EdgeSettings: Sendable {
    /// Where one listener stands.
    package struct Listener: Sendable {
        package let host: String
        package let port: Int
        package let isSecure: Bool
        package init(host: String, port: Int, isSecure: Bool) {
            self.host = host
            self.port = port
            self.isSecure = isSecure
        }
    }

    /// One upstream, in the order in which they are asked.
    package struct Upstream: Sendable {
        package let address: UpstreamAddress
        /// PEM certificates to trust; nil for the system's.
        package let authorityPath: String?
        package let verifiesCertificate: Bool
        package let timeout: Duration
        /// Whether what it pushes is taken.
        package let takesPush: Bool
        /// When it is asked in HTTP/2 in the clear; over TLS too where that is never.
        package let clearHTTP2: ClearHTTP2
        package init(
            address: UpstreamAddress, authorityPath: String?, verifiesCertificate: Bool, timeout: Duration,
            takesPush: Bool, clearHTTP2: ClearHTTP2
        ) {
            self.takesPush = takesPush
            self.clearHTTP2 = clearHTTP2
            self.address = address
            self.authorityPath = authorityPath
            self.verifiesCertificate = verifiesCertificate
            self.timeout = timeout
        }
    }

    /// Where operators purge, and who is one.
    package struct Admin: Sendable {
        package let listeners: [Listener]
        /// Whether these bytes are the token; its time tells nothing of where they differ.
        package let isToken: @Sendable ([UInt8]) -> Bool
        package init(listeners: [Listener], isToken: @escaping @Sendable ([UInt8]) -> Bool) {
            self.listeners = listeners
            self.isToken = isToken
        }
    }

    /// Where the watch page gets its player.
    package enum Player: Sendable { case file(String), url(String) }

    package var name = "edge"
    package var http: [Listener] = []
    /// Event loops that serve viewers.
    package var eventLoops = 1
    package var upstreams: [Upstream] = []
    package var firstBackoff: Duration = .milliseconds(100)
    package var longestBackoff: Duration = .seconds(5)
    /// Whether other edges are pushed from here.
    package var offersPush = true
    /// How long a rendition without viewers is still pushed to this edge.
    package var pushGrace: Duration = .seconds(10)
    package var cacheBytes = 512 << 20
    package var objectBytes = 64 << 20
    package var channelBytes = 256 << 20
    /// Where objects lie in files, and how many bytes of them; nil for memory alone.
    package var disk: (directory: String, bytes: Int)?
    /// Where operators purge; nil where nobody can.
    package var admin: Admin?
    /// Requests held at once.
    package var parkedRequests = 50_000
    package var parkedRequestsPerChannel = 20_000
    package var parkedRequestsPerAddress = 5_000
    package var player = Player.file(".needletail/hls.js")
    package var serverLimits = ServerLimits()
    /// Where the next process takes the listening sockets from; nil where it cannot.
    package var handoverSocket: String?
    /// What requests under way have to end in when the node is told to stop.
    package var drainTimeout: Duration = .seconds(10)
    /// Where viewers' requests are told of; nil for nowhere.
    package var accessLog: AccessLogWriter?

    package init() {}
}
