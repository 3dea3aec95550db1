import NIOCore

/// What the connections of one event loop share: who answers, and who keeps count.
package struct HTTPService {
    package let responder: any Responder
    package let registry: ConnectionRegistry

    package init(responder: any Responder, registry: ConnectionRegistry) {
        self.responder = responder
        self.registry = registry
    }
}

/// The services of several event loops. Each connection is given to the next loop in turn, where it stays.
package struct HTTPServices: Sendable {
    let loops: any EventLoopGroup
    private let ofLoop: [ObjectIdentifier: NIOLoopBound<HTTPService>]

    /// `loops` are those of `services`, and no others.
    package init(_ services: [NIOLoopBound<HTTPService>], loops: any EventLoopGroup) {
        self.loops = loops
        ofLoop = Dictionary(services.map { (ObjectIdentifier($0.eventLoop), $0) }) { first, _ in first }
    }

    package init(_ service: NIOLoopBound<HTTPService>) {
        self.init([service], loops: service.eventLoop)
    }

    /// Returns when what every loop had to do before has been done.
    func passAll() async {
        for service in ofLoop.values { try? await service.eventLoop.submit {}.get() }
    }

    /// Nil for a loop that has none. Called on that loop.
    func service(of eventLoop: any EventLoop) -> HTTPService? { ofLoop[ObjectIdentifier(eventLoop)]?.value }
}
