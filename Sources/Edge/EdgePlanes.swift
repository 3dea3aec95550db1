import Cache
import Logging
import NIOCore
import NIOPosix
import Wire

/// The planes of an edge, one for each event loop. The first is the lead: it talks to the upstreams.
struct EdgePlanes: Sendable {
    let lead: NIOLoopBound<EdgePlane>
    private let all: [NIOLoopBound<EdgePlane>]
    private let loops: any EventLoopGroup

    static func make(
        settings: EdgeSettings, shared: EdgeShared, on group: MultiThreadedEventLoopGroup, logger: Logger
    ) async throws -> EdgePlanes {
        let lead = try await plane(on: group.next()) { eventLoop in
            try EdgePlane(settings: settings, shared: shared, eventLoop: eventLoop, logger: logger)
        }
        let planes = EdgePlanes(lead: lead, all: [lead], loops: group)
        await planes.forEach { $0.join(planes) }
        return planes
    }

    private static func plane(
        on eventLoop: any EventLoop, _ make: @escaping @Sendable (any EventLoop) throws -> EdgePlane
    ) async throws -> NIOLoopBound<EdgePlane> {
        try await eventLoop.submit { NIOLoopBound(try make(eventLoop), eventLoop: eventLoop) }.get()
    }

    /// A service of each plane, made on its loop.
    func services(_ make: @escaping @Sendable (EdgePlane) -> HTTPService) async throws -> HTTPServices {
        var services: [NIOLoopBound<HTTPService>] = []
        for plane in all {
            services.append(
                try await plane.eventLoop.submit {
                    NIOLoopBound(make(plane.value), eventLoop: plane.eventLoop)
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

    /// Purges every plane's cache. The future tells, on `eventLoop`, how many objects that were.
    func purge(_ selector: PurgeSelector, _ mode: PurgeMode, on eventLoop: any EventLoop) -> EventLoopFuture<Int> {
        EventLoopFuture.whenAllSucceed(
            all.map { plane in plane.eventLoop.submit { plane.value.store.purge(selector, mode, at: .now) } },
            on: eventLoop
        ).map { $0.reduce(0, +) }
    }

    /// Ends the connections once their requests are answered; what is left after `limit` is cut.
    func drain(within limit: TimeAmount) async {
        let ends = all.map { plane in
            let drained = plane.eventLoop.makePromise(of: Void.self)
            plane.eventLoop.execute { plane.value.drain(drained) }
            plane.eventLoop.scheduleTask(in: limit) { plane.value.registry.closeAll() }
            return drained.futureResult
        }
        for end in ends { try? await end.get() }
    }

    func stop() async {
        await forEach { $0.stop() }
    }
}
