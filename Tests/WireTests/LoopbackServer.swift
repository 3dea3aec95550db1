import AccessLog
import HTTP
import NIOCore
import NIOPosix
import NIOSSL
import Wire

/// Our server on a port of the system's choice, and what a client needs to find and trust it.
struct LoopbackServer: Sendable {
    let loop: any EventLoop
    let address: UpstreamAddress
    /// Trusts the server's certificate; nil in the clear.
    let tls: NIOSSLContext?
    /// The same for a client of its own making, which offers HTTP/2 alone.
    let http2TLS: NIOSSLContext?
    let service: NIOLoopBound<HTTPService>
    let listener: HTTPServer
    let counters: @Sendable () async throws -> ServerCounters
    /// Looks at what was told of finished exchanges.
    let access: @Sendable (@escaping @Sendable (AccessDesk) -> Void) async throws -> Void

    /// Runs `body` beside a server that answers with what `responder` makes; `tls` offers `protocols` by ALPN.
    static func with<Value: Sendable>(
        isSecure: Bool, protocols: [String] = ["h2", "http/1.1"], limits: ServerLimits = ServerLimits(),
        identity: ServerIdentity? = nil, accessLog: AccessLogWriter? = nil,
        on loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(),
        responder: @escaping @Sendable () -> any Responder,
        _ body: (LoopbackServer) async throws -> Value
    ) async throws -> Value {
        var serverTLS: ServerIdentity?
        var clientTLS: NIOSSLContext?
        var http2TLS: NIOSSLContext?
        if isSecure {
            let folder = try CertificateFolder()
            let files = try folder.write("server")
            let certificate = files.certificatePath
            serverTLS = try identity ?? ServerIdentity([files])
            clientTLS = try TLSMaterial.client(authorityPath: certificate, verifies: true, protocols: protocols)
            http2TLS = try TLSMaterial.client(authorityPath: certificate, verifies: true, protocols: ["h2"])
        }
        let service = try await loop.submit {
            NIOLoopBound(
                HTTPService(
                    responder: responder(),
                    registry: ConnectionRegistry(limits: limits, eventLoop: loop, accessLog: accessLog)),
                eventLoop: loop)
        }.get()
        let server = try await HTTPServer.listen(
            host: "127.0.0.1", port: 0, tls: serverTLS, services: HTTPServices(service))
        let address = UpstreamAddress(isSecure: isSecure, host: "127.0.0.1", port: server.address?.port ?? 0)
        let result = try await body(
            LoopbackServer(
                loop: loop, address: address, tls: clientTLS, http2TLS: http2TLS, service: service,
                listener: server,
                counters: { try await loop.submit { service.value.registry.counters }.get() },
                access: { body in try await loop.submit { body(service.value.registry.access) }.get() }))
        await server.stopAccepting()
        try await loop.submit { service.value.registry.closeAll() }.get()
        return result
    }
}
