import Logging
import NIOCore
import Wire

/// The operators' port: connections of its own, on the lead plane's loop.
struct AdminPort: Sendable {
    let services: HTTPServices
    private let registry: NIOLoopBound<ConnectionRegistry>

    static func make(
        _ settings: EdgeSettings.Admin, planes: EdgePlanes, logger: Logger
    ) async throws -> AdminPort {
        let eventLoop = planes.lead.eventLoop
        let (registry, service) = try await eventLoop.submit {
            let registry = ConnectionRegistry(limits: ServerLimits(), eventLoop: eventLoop)
            let responder = AdminResponder(
                planes: planes, eventLoop: eventLoop, isToken: settings.isToken, logger: logger)
            return (
                NIOLoopBound(registry, eventLoop: eventLoop),
                NIOLoopBound(HTTPService(responder: responder, registry: registry), eventLoop: eventLoop)
            )
        }.get()
        return AdminPort(services: HTTPServices(service), registry: registry)
    }

    func close() {
        registry.eventLoop.execute { registry.value.closeAll() }
    }
}
