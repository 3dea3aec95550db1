import Cache
import HTTP
import Logging
import NIOCore
import NIOPosix
import Wire

/// The planes of an edge, one for each event loop, and one loop for each core.
///
/// The first plane is the lead: it alone talks to the upstreams. To the others it is what a shield is to edges behind it: what
/// comes to be crosses to each loop once, and what a loop does not hold is asked of the lead, which asks upstream once.
struct EdgePlanes: Sendable {
    let lead: NIOLoopBound<EdgePlane>
    private let all: [NIOLoopBound<EdgePlane>]
    private let loops: any EventLoopGroup

    static func make(
        settings: EdgeSettings, shared: EdgeShared, on group: MultiThreadedEventLoopGroup, logger: Logger
    ) async throws -> EdgePlanes {
        var all: [NIOLoopBound<EdgePlane>] = []
        for eventLoop in group.makeIterator() {
            let lead = all.first
            all.append(
                try await eventLoop.submit {
                    NIOLoopBound(
                        try EdgePlane(
                            settings: settings, shared: shared, lead: lead, eventLoop: eventLoop, logger: logger),
                        eventLoop: eventLoop)
                }.get())
        }
        guard let lead = all.first else { throw IOError(errnoCode: EAGAIN, reason: "no event loop") }
        let planes = EdgePlanes(lead: lead, all: all, loops: group)
        await planes.forEach { $0.join(planes) }
        return planes
    }

    /// What answers the connections of each loop.
    func services() async throws -> HTTPServices {
        var services: [NIOLoopBound<HTTPService>] = []
        for plane in all {
            services.append(
                try await plane.eventLoop.submit {
                    NIOLoopBound(plane.value.service, eventLoop: plane.eventLoop)
                }.get())
        }
        return HTTPServices(services, loops: loops)
    }

    var count: Int { all.count }

    /// Does the same on every plane's loop, one after the other, the lead first.
    func forEach(_ body: @escaping @Sendable (EdgePlane) -> Void) async {
        for plane in all { try? await plane.eventLoop.submit { body(plane.value) }.get() }
    }

    /// What all planes have counted, told on `eventLoop`.
    func figures(on eventLoop: any EventLoop) -> EventLoopFuture<EdgeFigures?> {
        EventLoopFuture.whenAllSucceed(
            all.map { plane in plane.eventLoop.submit { plane.value.figures } }, on: eventLoop
        ).map { figures in
            figures.dropFirst().reduce(into: figures.first) { $0?.add($1) }
        }
    }

    /// What the planes behind the lead hold of these targets is void.
    func invalidateBehindLead(_ targets: [HTTPBytes]) {
        for plane in all.dropFirst() {
            plane.eventLoop.execute { for target in targets { plane.value.store.invalidate(target) } }
        }
    }

    /// Purges every plane's cache, the lead's first: the others could fetch anew from it what they have just let go of. Calls
    /// back on `eventLoop` with what was met.
    func purge(
        _ selector: PurgeSelector, _ mode: PurgeMode, on eventLoop: any EventLoop
    ) -> EventLoopFuture<PurgedObjects> {
        let purge = { @Sendable (plane: NIOLoopBound<EdgePlane>) in
            plane.eventLoop.flatSubmit { plane.value.purge(selector, mode) }
        }
        return purge(lead).flatMap { [all] first in
            EventLoopFuture.whenAllSucceed(all.dropFirst().map(purge), on: eventLoop).map { others in
                others.reduce(into: first) { $0.unite(with: $1) }
            }
        }.hop(to: eventLoop)
    }

    /// Why viewers cannot be served yet; nil once every loop can.
    var unreadyReason: String? {
        get async {
            for plane in all {
                if let reason = try? await plane.eventLoop.submit({ plane.value.unreadyReason }).get() { return reason }
            }
            return nil
        }
    }

    /// Ends the connections once their requests are answered; what is left after `limit` is cut, and what says nothing for
    /// `quiet` goes before. Returns how many were cut.
    func drain(within limit: Duration, quiet: Duration) async -> Int {
        let ends = all.map { plane in
            plane.eventLoop.flatSubmit { plane.value.drain(within: TimeAmount(limit), quiet: TimeAmount(quiet)) }
        }
        var cut = 0
        for end in ends { cut += (try? await end.get()) ?? 0 }
        return cut
    }

    func stop() async {
        let directory = try? await lead.eventLoop.submit { [lead] in lead.value.disk?.directory }.get()
        // The loops end one before another: nothing may cross between them by then. Those behind the lead take their leave
        // of it while it still hears them.
        for plane in all.dropFirst() { try? await plane.eventLoop.submit { plane.value.stop() }.get() }
        await deliverMessages()
        try? await lead.eventLoop.submit { [lead] in lead.value.stop() }.get()
        await deliverMessages()
        await directory?.stop()
    }

    /// Returns when what was on its way between the loops has arrived, and what that led to. A message takes two turns: it
    /// leaves its loop at the end of one, and arrives in the next.
    private func deliverMessages() async {
        for _ in 0..<2 { await forEach { _ in } }
    }
}
