/// What a viewer may cost an HTTP listener, clear and TLS together.
package struct HTTPLimits: Equatable, Sendable {
    /// From a connection's or request's first byte to the end of its head and body, TLS handshake included.
    package var requestTimeout = Duration.seconds(10)
    /// How long a connection may stay open between requests.
    package var idleTimeout = Duration.seconds(75)
    /// How long a client may leave bytes that are ready for it unread.
    package var stallTimeout = Duration.seconds(8)
    /// Largest request head in bytes: request line and header fields.
    package var headerBytes = 16 << 10
    /// Largest request body in bytes.
    package var bodyBytes = 1 << 20
    /// Connections at once.
    package var connections = 20_000
    /// Connections at once from one address.
    package var connectionsPerAddress = 1000
    /// Requests under way at once on one HTTP/2 connection.
    package var streamsPerConnection = 128
    /// Streams that a client may reset per second on one HTTP/2 connection.
    package var resetsPerSecond = 200
    /// Objects pushed at once to an edge on one HTTP/2 connection.
    package var pushesPerConnection = 1_024
    /// Objects whose push may begin in a second on one HTTP/2 connection.
    package var pushesPerSecond = 10_000
    /// Requests at once that wait for a playlist's or part's next state.
    package var parkedRequests = 50_000
    /// Those of them that wait for one channel.
    package var parkedRequestsPerChannel = 20_000
    /// Those of them that come from one address.
    package var parkedRequestsPerAddress = 5_000

    package init() {}

    init(_ section: Section) {
        requestTimeout =
            section.value("request_timeout", .duration(.seconds(1) ... .seconds(120)), standard: requestTimeout).value
        idleTimeout =
            section.value("idle_timeout", .duration(.seconds(1) ... .seconds(3600)), standard: idleTimeout).value
        stallTimeout =
            section.value("stall_timeout", .duration(.seconds(1) ... .seconds(600)), standard: stallTimeout).value
        headerBytes = section.value("header_bytes", .byteSize(1 << 10...256 << 10), standard: headerBytes).value
        bodyBytes = section.value("body_bytes", .byteSize(0...64 << 20), standard: bodyBytes).value
        let connections = section.value("connections", .integer(1...1_000_000), standard: connections)
        let perAddress = section.value(
            "connections_per_address", .integer(1...1_000_000),
            standard: min(connectionsPerAddress, connections.value))
        section.requireOrder(perAddress, connections)
        self.connections = connections.value
        connectionsPerAddress = perAddress.value
        streamsPerConnection =
            section.value("streams_per_connection", .integer(1...10_000), standard: streamsPerConnection).value
        resetsPerSecond = section.value("resets_per_second", .integer(1...100_000), standard: resetsPerSecond).value
        pushesPerConnection =
            section.value("pushes_per_connection", .integer(1...100_000), standard: pushesPerConnection).value
        pushesPerSecond = section.value("pushes_per_second", .integer(1...1_000_000), standard: pushesPerSecond).value
        let parked = section.value("parked_requests", .integer(1...1_000_000), standard: parkedRequests)
        parkedRequests = parked.value
        let perChannel = section.value(
            "parked_requests_per_channel", .integer(1...1_000_000),
            standard: min(parkedRequestsPerChannel, parked.value))
        let parkedPerAddress = section.value(
            "parked_requests_per_address", .integer(1...1_000_000),
            standard: min(parkedRequestsPerAddress, parked.value))
        section.requireOrder(perChannel, parked)
        section.requireOrder(parkedPerAddress, parked)
        parkedRequestsPerChannel = perChannel.value
        parkedRequestsPerAddress = parkedPerAddress.value
    }
}
