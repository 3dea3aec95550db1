import HTTP

/// What a stranger may cost a server. Every bound has a default that suits a public port.
package struct ServerLimits: Sendable, Equatable {
    /// From the first byte of a connection or request to the end of its head and body; TLS handshakes included.
    package var requestTimeout: Duration = .seconds(10)
    /// How long a connection may stay open between requests.
    package var idleTimeout: Duration = .seconds(75)
    /// How long a client may leave bytes that are ready for it unread.
    package var stallTimeout: Duration = .seconds(8)
    /// Largest request body in bytes.
    package var requestBodyBytes = 1 << 20
    /// Requests under way at once on one HTTP/2 connection.
    package var concurrentStreams = 128
    /// Streams that a client may reset per second before its connection is ended (rapid reset, CVE-2023-44487).
    package var resetsPerSecond = 200
    /// Pushes under way at once on one HTTP/2 connection.
    package var pushesPerConnection = 1_024
    /// Pushes that may begin in a second on one HTTP/2 connection.
    package var pushesPerSecond = 10_000
    /// Connections at once.
    package var connections = 20_000
    /// Connections at once from one address.
    package var connectionsPerAddress = 1_000
    /// Bounds of a request's head, on HTTP/1.1 and HTTP/2 alike.
    package var head = HTTP1Limits()

    package init() {}
}

/// Counts of a server since its start, read by the metrics endpoint on the server's event loop.
package struct ServerCounters: Sendable {
    package var openConnections = 0
    package var acceptedConnections: UInt64 = 0
    package var refusedConnections: UInt64 = 0
    package var requestsHTTP1: UInt64 = 0
    package var requestsHTTP2: UInt64 = 0
    package var malformedRequests: UInt64 = 0
    package var timedOutConnections: UInt64 = 0
    package var stalledConnections: UInt64 = 0
    package var stalledStreams: UInt64 = 0
    package var refusedPushes: UInt64 = 0
    package var abusiveConnections: UInt64 = 0
    package var bytesSent: UInt64 = 0
    /// Kept whether there is an access log or not.
    package var times = LatencyHistograms()

    package init() {}

    /// Adds what another event loop has counted.
    package mutating func add(_ other: ServerCounters) {
        openConnections += other.openConnections
        acceptedConnections &+= other.acceptedConnections
        refusedConnections &+= other.refusedConnections
        requestsHTTP1 &+= other.requestsHTTP1
        requestsHTTP2 &+= other.requestsHTTP2
        malformedRequests &+= other.malformedRequests
        timedOutConnections &+= other.timedOutConnections
        stalledConnections &+= other.stalledConnections
        stalledStreams &+= other.stalledStreams
        refusedPushes &+= other.refusedPushes
        abusiveConnections &+= other.abusiveConnections
        bytesSent &+= other.bytesSent
        times.add(other.times)
    }
}
