import NIOCore

/// The open connections of one event loop: their count, their clock and their end.
package final class ConnectionRegistry {
    package let limits: ServerLimits
    package var counters = ServerCounters()
    let spares = SpareBuffers()
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var perAddress: [String: AddressUse] = [:]
    private let ledger: ConnectionLedger
    private var isDraining = false
    private var whenEmpty: EventLoopPromise<Void>?

    /// `ledger` is shared with the server's other event loops.
    package init(limits: ServerLimits, eventLoop: any EventLoop, ledger: ConnectionLedger = ConnectionLedger()) {
        self.limits = limits
        self.ledger = ledger
        let bound = NIOLoopBound(Weak(self), eventLoop: eventLoop)
        // It ends by itself: whoever lets the registry go last may do so on another thread, or when the loop is no more.
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { task in
            guard let registry = bound.value.registry else { return task.cancel() }
            registry.tick()
        }
    }

    private struct Weak {
        weak var registry: ConnectionRegistry?
        init(_ registry: ConnectionRegistry) { self.registry = registry }
    }

    /// Whether a connection from `address` may be served, or would exceed a limit.
    func admits(_ address: SocketAddress?) -> Bool {
        !isDraining && ledger.admits(address?.ipAddress, limits: limits)
    }

    func add(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = connection
        counters.acceptedConnections &+= 1
        counters.openConnections = connections.count
        ledger.opened(connection.remoteAddress?.ipAddress)
        guard let host = connection.remoteAddress?.ipAddress else { return }
        let use = perAddress[host] ?? AddressUse()
        perAddress[host] = use
        use.connections += 1
        connection.address = use
    }

    func remove(_ connection: ServerConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.openConnections = connections.count
        ledger.closed(connection.remoteAddress?.ipAddress)
        if let host = connection.remoteAddress?.ipAddress, let use = perAddress[host] {
            use.connections -= 1
            if use.connections == 0 { perAddress[host] = nil }
        }
        if connections.isEmpty { whenEmpty?.succeed() }
    }

    private func tick() {
        let now = NIODeadline.now()
        // A copy: a check may close its connection, which removes it.
        for connection in Array(connections.values) { connection.check(at: now) }
    }

    /// Asks every connection to end once its requests are answered; the promise succeeds when none is left.
    package func drain(_ promise: EventLoopPromise<Void>) {
        isDraining = true
        whenEmpty = promise
        if connections.isEmpty { return promise.succeed() }
        for connection in Array(connections.values) { connection.shutDown() }
    }

    /// Closes what is left after a drain's deadline.
    package func closeAll() {
        for connection in Array(connections.values) { connection.closeNow() }
    }
}

/// What the connections of one address use together.
package final class AddressUse {
    package internal(set) var connections = 0
    /// Requests that wait for something to exist, counted by the responder.
    package var parked = 0
}
