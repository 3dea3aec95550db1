import HTTP
import NIOCore
import NIOPosix
import NIOSSL

/// Where an upstream listens.
package struct UpstreamAddress: Sendable, Hashable, CustomStringConvertible {
    package let isSecure: Bool
    package let host: String
    package let port: Int

    package init(isSecure: Bool, host: String, port: Int) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
    }

    package var scheme: String { isSecure ? "https" : "http" }

    /// `host` or `host:port`, as `:authority` and Host say it.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var description: String { "\(scheme)://\(authority)" }
}

/// How a client behaves towards its upstream.
package struct ClientLimits: Sendable {
    package var connectTimeout: Duration = .seconds(3)
    /// Longest silence on a fetch; longer than any blocking reload is held.
    package var responseTimeout: Duration = .seconds(20)
    package var firstBackoff: Duration = .milliseconds(100)
    package var longestBackoff: Duration = .seconds(5)
    /// HTTP/1.1 connections to one upstream at once.
    package var http1Connections = 64
    /// Fetches that may wait for a connection.
    package var waitingFetches = 10_000
    /// Over TLS the context's protocols decide.
    package var clearHTTP2 = ClearHTTP2.always
    /// Whether the upstream may push, on fetches whose receiver is a `PushReceiver`.
    package var takesPush = false

    package init() {}
}

/// When HTTP/2 is spoken in the clear, where nothing negotiates it.
package enum ClearHTTP2: Sendable {
    /// To servers that say, in an answer of HTTP/1.1, that they speak it (`Upgrade: h2c`). No other server sees a byte of it.
    case whereOffered
    /// From the first byte on (RFC 9113, 3.3). A server that does not understand it is asked in HTTP/1.1.
    case always
    case never
}

/// The way to one upstream: a single HTTP/2 connection, or a few HTTP/1.1 ones where it speaks nothing newer.
///
/// In the clear `ClientLimits.clearHTTP2` says whether it is asked first which it speaks (`Introduction`); what the server
/// answered is remembered until it goes away. While it is away the client keeps trying by itself, slower each time, and fails
/// fetches at once in between.
package final class HTTPClient: Upstream {
    private enum Link {
        case down(until: NIODeadline, reason: String)
        case connecting
        case http2(ClientConnection)
        case http1
    }

    package let address: UpstreamAddress
    private let authorityBytes: HTTPBytes
    private let tls: NIOSSLContext?
    private let limits: ClientLimits
    private let eventLoop: any EventLoop
    package weak var observer: (any UpstreamObserver)?
    private var link = Link.down(until: .uptimeNanoseconds(0), reason: "not yet connected")
    private var opening: ClientOpening
    private var failures = 0
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var idle: [ClientConnection] = []
    private var connecting = 0
    private var waiting: [Fetch] = []
    private var lastError: String?
    private weak var pushing: ClientConnection?
    private var clock: RepeatedTask?
    private var isStopped = false
    /// Spreads the retries of many edges: from 0 to 1, drawn anew each time.
    private let jitter: () -> Double

    package init(
        address: UpstreamAddress, tls: NIOSSLContext?, limits: ClientLimits, eventLoop: any EventLoop,
        jitter: @escaping () -> Double = { .random(in: 0...1) }
    ) {
        self.address = address
        authorityBytes = HTTPBytes(address.authority)
        self.tls = tls
        self.limits = limits
        self.eventLoop = eventLoop
        self.jitter = jitter
        opening = ClientOpening(limits.clearHTTP2)
        let bound = NIOLoopBound(Weak(client: self), eventLoop: eventLoop)
        clock = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(250), delay: .milliseconds(250)) { task in
            guard let client = bound.value.client else { return task.cancel() }
            client.tick()
        }
    }

    private struct Weak { weak var client: HTTPClient? }

    /// Whether fetches have somewhere to go now.
    package var isConnected: Bool {
        switch link {
        case .http1, .http2: true
        case .down, .connecting: false
        }
    }

    /// Whether the upstream has said, on the connection that new fetches take, that it pushes on request.
    package var offersPush: Bool {
        if case .http2(let connection) = link { pushing === connection } else { false }
    }

    /// Asks the upstream for a sign of life on the connection that carries its fetches.
    package func probe() {
        if case .http2(let connection) = link { connection.probe() }
    }

    /// Why there is no connection, for operators; nil while there is one.
    package var awayReason: String? {
        switch link {
        case .http1, .http2: nil
        case .connecting: "connecting"
        case .down(_, let reason): reason
        }
    }

    /// Asks for `request`. `scheme` and `authority` of the request are replaced by the upstream's own. One that is
    /// `longLived` has no deadline.
    package func fetch(
        _ request: RequestHead, body: ByteBuffer, receiver: any FetchReceiver, longLived: Bool
    ) -> Fetch {
        var request = request
        request.scheme = address.isSecure ? .https : .http
        request.authority = authorityBytes
        let fetch = Fetch(
            request: request, body: body, receiver: receiver,
            deadline: longLived ? .distantFuture : .now() + TimeAmount(limits.responseTimeout))
        // The receiver learns of a failure after it has the fetch in hand, never before.
        switch link {
        case .http2(let connection): connection.send(fetch)
        case .http1: sendHTTP1(fetch)
        case .connecting: wait(fetch)
        case .down(let until, _):
            if NIODeadline.now() >= until {
                wait(fetch)
                connect()
            } else {
                failSoon(fetch, .backingOff)
            }
        }
        return fetch
    }

    /// Connects before the first fetch asks for it, and keeps trying.
    package func warmUp() {
        if case .down = link { connect() }
    }

    /// Closes every connection; fetches under way fail.
    package func stop() {
        isStopped = true
        clock?.cancel()
        for connection in Array(connections.values) { connection.close() }
    }

    private func wait(_ fetch: Fetch) {
        guard waiting.count < limits.waitingFetches else { return failSoon(fetch, .overloaded) }
        waiting.append(fetch)
    }

    private func failSoon(_ fetch: Fetch, _ failure: FetchFailure) {
        let bound = NIOLoopBound(fetch, eventLoop: eventLoop)
        eventLoop.execute { bound.value.fail(failure) }
    }

    // MARK: Connections

    private func connect() {
        guard !isStopped else { return }
        if opening != .http1 { link = .connecting }
        connecting += 1
        let tls = tls
        let host = address.host
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(limits.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 128 * 1024, high: 256 * 1024))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let client = bound.value
                    let connection = ClientConnection(
                        client: client, isTLS: tls != nil, opening: client.opening,
                        takesPush: client.limits.takesPush)
                    if let tls {
                        // Server names are names: an address is checked against the certificate's addresses.
                        let name = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .connect(host: address.host, port: address.port)
            .whenComplete { result in
                if case .failure(let error) = result { bound.value.connectFailed(describe(error)) }
            }
    }

    /// Its socket is connected. What never comes so far is told by `connectFailed` alone.
    func opened(_ connection: ClientConnection) {
        if isStopped { return connection.close() }
        connections[ObjectIdentifier(connection)] = connection
    }

    func connected(_ connection: ClientConnection) {
        connecting -= 1
        failures = 0
        lastError = nil
        let wasUp = isConnected
        if connection.isHTTP2 {
            link = .http2(connection)
            let queued = waiting
            waiting.removeAll()
            for fetch in queued where fetch.state == .queued { connection.send(fetch) }
        } else {
            opening = .http1
            link = .http1
            idle(connection)
        }
        if !wasUp { observer?.upstreamConnected(self, isHTTP2: connection.isHTTP2) }
    }

    func offersPush(_ connection: ClientConnection) {
        guard connection !== pushing else { return }
        pushing = connection
        observer?.upstream(self, offersPush: true)
    }

    /// A connection is of no more use, but has shown how the next begins: in HTTP/1.1 where a server answered the HTTP/2
    /// preface with something else, in HTTP/2 where it offered that.
    func learned(_ opening: ClientOpening, from connection: ClientConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        connecting -= 1
        self.opening = opening
        connect()
    }

    /// How long a server may take to say what it speaks.
    var introductionDeadline: NIODeadline { .now() + TimeAmount(limits.connectTimeout) }
    var authority: HTTPBytes { authorityBytes }

    func note(_ error: any Error, on connection: ClientConnection) {
        lastError = describe(error)
    }

    func lost(_ connection: ClientConnection, whileProbing: Bool) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        idle.removeAll { $0 === connection }
        if isStopped || connection.isRetired { return }
        switch link {
        case .http2(let current) where current === connection:
            goDown(lastError ?? "the connection was closed")
        case .connecting where connecting > 0:
            connecting -= 1
            if whileProbing && opening != .http1 {
                // Some servers hang up on the preface, or on a path that they do not know, without a word: one attempt
                // with a real request of HTTP/1.1 tells.
                opening = .http1
                connect()
            } else {
                connectFailedNow(lastError ?? "the connection was closed during its set-up")
            }
        case .http1 where connection.hasSettled:
            if connections.isEmpty && connecting == 0 && !waiting.isEmpty { connect() }
        case .http1, .down:
            // A known HTTP/1.1 server, which closed the connection before it could be used.
            guard !connection.hasSettled else { break }
            connecting -= 1
            connectFailedNow(lastError ?? "the connection was closed during its set-up")
        default: break
        }
    }

    private func connectFailed(_ reason: String) {
        connecting -= 1
        connectFailedNow(reason)
    }

    private func connectFailedNow(_ reason: String) {
        guard !isStopped else { return }
        if case .http1 = link, !connections.isEmpty { return }
        let queued = waiting
        waiting.removeAll()
        goDown(reason)
        for fetch in queued { fetch.fail(.unreachable(reason)) }
    }

    private func goDown(_ reason: String) {
        failures += 1
        // Another server may be there when it is back.
        opening = ClientOpening(limits.clearHTTP2)
        let doubled = limits.firstBackoff * Double(1 << min(failures - 1, 16))
        let longest = min(doubled, limits.longestBackoff)
        // Half fixed, half drawn: no thundering herd, and never an immediate retry.
        let delay = longest * (0.5 + 0.5 * jitter())
        link = .down(until: .now() + TimeAmount(delay), reason: reason)
        lastError = nil
        observer?.upstreamAway(self, reason: reason, retryIn: delay)
    }

    private func tick() {
        let now = NIODeadline.now()
        for connection in Array(connections.values) { connection.tick(at: now) }
        let late = waiting.filter { $0.deadline < now }
        if !late.isEmpty {
            waiting.removeAll { $0.deadline < now }
            for fetch in late { fetch.fail(.timedOut) }
        }
        if case .down(let until, _) = link, failures > 0, now >= until { connect() }
    }

    // MARK: HTTP/1.1

    private func sendHTTP1(_ fetch: Fetch) {
        if let connection = idle.popLast() { return connection.send(fetch) }
        wait(fetch)
        if connections.count + connecting < limits.http1Connections && connecting < waiting.count { connect() }
    }

    func idle(_ connection: ClientConnection) {
        while let fetch = waiting.first {
            waiting.removeFirst()
            if fetch.state == .queued { return connection.send(fetch) }
        }
        idle.append(connection)
    }

    /// An HTTP/2 connection that said GOAWAY finishes what it carries while another is opened: an upstream that stays away
    /// is noticed without a viewer's having to ask.
    func retire(_ connection: ClientConnection) {
        guard case .http2(let current) = link, current === connection else { return }
        connection.isRetired = true
        connect()
    }
}

private func describe(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        error.connectionErrors.first.map { "\($0.error)" } ?? "the host name cannot be resolved"
    default: "\(error)"
    }
}
