import AccessLog
import NIOCore

/// The open connections of one event loop: their count, their clock and their end.
package final class ConnectionRegistry {
    /// Those of connections that come from now on.
    package var limits: ServerLimits
    package var counters = ServerCounters()
    /// Where finished exchanges are told of.
    package let access: AccessDesk
    let spares = SpareBuffers()
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var perAddress: [String: AddressUse] = [:]
    private let ledger: ConnectionLedger
    private let eventLoop: any EventLoop
    /// How long a connection may say nothing while it leaves; nil while none has to.
    private var leaveQuiet: TimeAmount?
    private var whenEmpty: EventLoopPromise<Void>?
    private var ticks = 0
    /// Connections that this second's ticks have not come to, and how many each tick looks at.
    private var unchecked: ArraySlice<ServerConnection> = []
    private var slice = 0
    private var relief = MemoryRelief()

    private static let slices = 20
    private static let sliceEvery = TimeAmount.milliseconds(50)

    /// `ledger` is shared with the server's other event loops, `accessLog` with whom it may.
    package init(
        limits: ServerLimits, eventLoop: any EventLoop, ledger: ConnectionLedger = ConnectionLedger(),
        accessLog: AccessLogWriter? = nil
    ) {
        self.limits = limits
        self.ledger = ledger
        self.eventLoop = eventLoop
        access = AccessDesk(writer: accessLog, eventLoop: eventLoop)
        let bound = NIOLoopBound(Weak(self), eventLoop: eventLoop)
        // It ends by itself: whoever lets the registry go last may do so on another thread, or when the loop is no more.
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: Self.sliceEvery) { task in
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
        ledger.admits(address?.ipAddress, limits: limits)
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

    /// A connection that was taken while others leave already, such as one that another loop accepted, is served too.
    func opened(_ connection: ServerConnection) {
        if leaveQuiet != nil { connection.leave() }
    }

    func remove(_ connection: ServerConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.openConnections = connections.count
        ledger.closed(connection.remoteAddress?.ipAddress)
        if let host = connection.remoteAddress?.ipAddress, let use = perAddress[host] {
            use.connections -= 1
            if use.connections == 0 { perAddress[host] = nil }
        }
        guard connections.isEmpty else { return }
        unchecked = []
        access.flush()
        whenEmpty?.succeed()
    }

    /// Looks at some of the connections: at each about once a second, and never at so many that others wait for it.
    private func tick() {
        if ticks % Self.slices == 0 {
            access.setClock()
            // Those who left in the last second are not on the list any more then.
            if relief.isDue(open: connections.count) { eventLoop.scheduleTask(in: .seconds(1)) { MemoryRelief.run() } }
            if MemoryRelief.looks(at: ticks / Self.slices) { MemoryRelief.look() }
            // A copy: a check may close its connection, which removes it.
            unchecked = Array(connections.values)[...]
            slice = (unchecked.count + Self.slices - 1) / Self.slices
        }
        ticks &+= 1
        let now = NIODeadline.now()
        for connection in unchecked.prefix(slice) { connection.check(at: now) }
        unchecked = unchecked.dropFirst(slice)
    }

    /// Asks every connection to end once its requests are answered; the promise succeeds when none is left.
    ///
    /// A connection of HTTP/1.1 between two requests may send one more, which is answered, before it has been silent for
    /// `quiet`: a client cannot know that the server leaves, and would send it into a closed socket.
    package func drain(_ promise: EventLoopPromise<Void>, quiet: TimeAmount = .seconds(1)) {
        leaveQuiet = quiet
        whenEmpty = promise
        if connections.isEmpty { return promise.succeed() }
        for connection in Array(connections.values) { connection.leave() }
        let bound = NIOLoopBound(Weak(self), eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { task in
            guard let registry = bound.value.registry, !registry.connections.isEmpty else { return task.cancel() }
            let now = NIODeadline.now()
            for connection in Array(registry.connections.values) { connection.checkLeave(at: now, quiet: quiet) }
        }
    }

    /// The same with a deadline, at which the rest is cut. The future tells how many connections that were.
    package func drain(within limit: TimeAmount, quiet: TimeAmount = .seconds(1)) -> EventLoopFuture<Int> {
        let drained = eventLoop.makePromise(of: Void.self)
        let cut = NIOLoopBoundBox(0, eventLoop: eventLoop)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        drain(drained, quiet: quiet)
        let deadline = eventLoop.scheduleTask(in: limit) {
            cut.value = bound.value.connections.count
            bound.value.closeAll()
        }
        return drained.futureResult.map {
            deadline.cancel()
            return cut.value
        }
    }

    /// Cuts whatever is open.
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
