import Logging
import NIOCore
import Node
import Wire

/// Every listening socket of an edge, opened or taken over from the edge before it.
struct EdgeListeners: Sendable {
    private let servers: [(name: String, server: HTTPServer)]
    private let admin: AdminPort?

    static func open(
        _ settings: EdgeSettings, identity: ServerIdentity?, planes: EdgePlanes, takeOver: TakeOver?, logger: Logger
    ) async throws -> EdgeListeners {
        var names = ListenerNames()
        var servers: [(name: String, server: HTTPServer)] = []
        func open(_ listener: EdgeSettings.Listener, _ kind: String, services: HTTPServices) async throws {
            let tls = listener.isSecure ? identity : nil
            let name = names.next(kind, host: listener.host, port: listener.port)
            let server: HTTPServer
            let taken = takeOver?.socket(name)
            if let taken {
                server = try await HTTPServer.listen(on: taken, tls: tls, services: services)
            } else {
                server = try await ListenFailure.naming("\(kind).listen", host: listener.host, port: listener.port) {
                    try await HTTPServer.listen(
                        host: listener.host, port: listener.port, tls: tls, services: services)
                }
            }
            servers.append((name, server))
            logger.info(
                "listening",
                metadata: [
                    "protocol": "\(kind)", "address": "\(server.address?.description ?? "?")",
                    "taken_over": "\(taken != nil)",
                ])
        }
        // The operators' port first: what can fail should, before a viewer is accepted.
        let admin = try await settings.admin.asyncMap { try await AdminPort.make($0, planes: planes, logger: logger) }
        if let admin {
            for listener in settings.admin?.listeners ?? [] {
                try await open(listener, "admin", services: admin.services)
            }
        }
        let services = try await planes.services()
        for listener in settings.http {
            try await open(listener, listener.isSecure ? "https" : "http", services: services)
        }
        return EdgeListeners(servers: servers, admin: admin)
    }

    /// The sockets once more, for the process after this one.
    func sockets() async throws -> [ListenerOffer.Socket] {
        var sockets: [ListenerOffer.Socket] = []
        for (name, server) in servers {
            if let descriptor = try await server.duplicate(), descriptor >= 0 {
                sockets.append(.init(name: name, descriptor: descriptor))
            }
        }
        return sockets
    }

    /// Accepts on the sockets that were taken over.
    func startAccepting() async throws {
        for (_, server) in servers { try await server.startAccepting() }
    }

    func stopAccepting() async {
        for (_, server) in servers { await server.stopAccepting() }
        admin?.close()
    }
}

/// What listeners are called when they change hands: by what they speak and where the configuration puts them, numbered
/// where that is the same, as with port 0.
struct ListenerNames {
    private var counts: [String: Int] = [:]

    mutating func next(_ kind: String, host: String, port: Int) -> String {
        let name = "\(kind) \(host):\(port)"
        counts[name, default: 0] += 1
        return "\(name) \(counts[name, default: 1])"
    }
}
