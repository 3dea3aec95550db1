import Foundation
import HTTP
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import Wire

/// Certificates that are exchanged while a server runs, and chosen by the name that a client asks for.
@Suite struct ServerIdentityTests {
    @Test func newFilesAreInForceAndTheSameAreNot() throws {
        let folder = try CertificateFolder()
        let files = try folder.write("a", days: 1)
        let identity = try ServerIdentity([files])
        #expect(identity.renewIfChanged() == .unchanged)
        let before = identity.certificates
        try folder.write("a", days: 30)
        #expect(identity.renewIfChanged() == .renewed(identity.certificates))
        #expect(try #require(identity.certificates.first).notAfter > before[0].notAfter + 86_400 * 20)
        #expect(identity.renewIfChanged() == .unchanged)
        #expect(identity.renew([files]) == .unchanged)
        #expect(identity.counters.renewed == 1)
    }

    @Test("a pair of which one half is there yet changes nothing, is told once, and is taken when it is whole")
    func halfAPair() throws {
        let folder = try CertificateFolder()
        let files = try folder.write("a", days: 1)
        let identity = try ServerIdentity([files])
        let before = identity.certificates
        let next = try CertificateFolder.make(["127.0.0.1"], days: 30)
        try folder.write(next.certificatePEM, to: files.certificatePath)
        #expect(identity.renewIfChanged() == .kept(.mismatch(files)))
        #expect(identity.renewIfChanged() == .unchanged)
        #expect(identity.certificates == before)
        try folder.write(next.keyPEM, to: files.keyPath)
        #expect(identity.renewIfChanged() == .renewed(identity.certificates))
        #expect(identity.certificates != before)
        #expect(identity.counters == .init(renewed: 1, refused: 1))
    }

    @Test(
        "what is broken keeps the last good certificate and says which file it is",
        arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nMIIB", nil])
    func broken(text: String?) throws {
        let folder = try CertificateFolder()
        let files = try folder.write("a")
        let identity = try ServerIdentity([files])
        let before = identity.certificates
        if let text {
            try folder.write(text, to: files.certificatePath)
        } else {
            try FileManager.default.removeItem(atPath: files.certificatePath)
        }
        guard case .kept(let failure) = identity.renewIfChanged() else {
            Issue.record("a broken certificate was taken")
            return
        }
        #expect(failure.description.contains(files.certificatePath))
        #expect(identity.certificates == before)
        #expect(throws: CertificateFailure.self) { try ServerIdentity([files]) }
    }

    @Test("other files, named by a new configuration, are taken whole or not at all")
    func otherFiles() throws {
        let folder = try CertificateFolder()
        let (a, b) = (try folder.write("a", for: ["a.example"]), try folder.write("b", for: ["b.example"]))
        let identity = try ServerIdentity([a])
        #expect(identity.renew([b, folder.files("none")]) != .unchanged)
        #expect(identity.certificates.map(\.names) == [["a.example"]])
        #expect(identity.renew([b, a]) == .renewed(identity.certificates))
        #expect(identity.certificates.map(\.names) == [["b.example"], ["a.example"]])
    }

    @Test(
        "a name leads to the certificate that vouches for it (RFC 9525, 6.3)",
        arguments: [
            (nil, 0), ("a.example", 0), ("b.example", 1), ("B.EXAMPLE.", 1), ("x.c.example", 2), ("c.example", 0),
            ("y.x.c.example", 0), ("b.c.example", 1), ("", 0), (".", 0), (".c.example", 0), ("unknown", 0),
        ])
    func names(name: String?, index: Int) {
        let named = NamedCertificates([
            ["a.example"], ["b.example", "b.c.example"], ["*.c.example", "a.example", "b.example"],
        ])
        #expect(named.index(for: name) == index)
    }

    @Test(
        "14 days before the end, or a third of a short life",
        arguments: [(90, 15, false), (90, 13, true), (6, 3, false), (6, 1, true), (90, -1, true)])
    func expiry(life: Int64, left: Int64, isSoon: Bool) {
        let certificate = ServerIdentity.Certificate(
            path: "", names: [], notBefore: 0, notAfter: life * 86_400)
        #expect(certificate.expiresSoon(at: (life - left) * 86_400) == isSoon)
    }

    // MARK: Over sockets

    private final class Hello: Responder {
        func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
            exchange.respond(ResponseHead(status: 200), body: .bytes(ByteBuffer(string: "hello")))
        }
        func cancelled(_ exchange: Exchange) {}
    }

    private final class Answers: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var next: EventLoopPromise<Void>?
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { next.take()?.succeed() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { next.take()?.fail(error) }
        func channelInactive(context: ChannelHandlerContext) { next.take()?.fail(ChannelError.eof) }
    }

    private struct Client {
        let channel: any Channel
        let answers: NIOLoopBound<Answers>

        init(_ server: LoopbackServer, asking name: String?) async throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            configuration.applicationProtocols = ["http/1.1"]
            let context = try NIOSSLContext(configuration: configuration)
            let loop = server.loop
            let answers = try await loop.submit { NIOLoopBound(Answers(), eventLoop: loop) }.get()
            self.answers = answers
            channel = try await ClientBootstrap(group: loop).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: name))
                    try channel.pipeline.syncOperations.addHandler(answers.value)
                }
            }.connect(host: server.address.host, port: server.address.port).get()
        }

        /// Asks, and waits for the answer.
        func ask() async throws {
            try await channel.eventLoop.flatSubmit { [channel, answers] in
                let promise = channel.eventLoop.makePromise(of: Void.self)
                answers.value.next = promise
                channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), promise: nil)
                return promise.futureResult
            }.get()
        }

        /// The certificate that it was shown, in words.
        var shown: String {
            get async throws {
                try await ask()
                return try await channel.nioSSL_peerCertificate().get()?.description ?? ""
            }
        }

        func close() async { try? await channel.close().get() }
    }

    @Test("the next connection has the new certificate, the open one goes on")
    func exchangedWhileOpen() async throws {
        let folder = try CertificateFolder()
        let files = try folder.write("a", for: ["old.example"])
        let other = try folder.write("b", for: ["other.example", "*.wild.example"])
        let identity = try ServerIdentity([files, other])
        try await LoopbackServer.with(isSecure: true, identity: identity, responder: { Hello() }) { server in
            let open = try await Client(server, asking: nil)
            #expect(try await open.shown.contains("old.example"))
            for name in ["other.example", "x.wild.example"] {
                let client = try await Client(server, asking: name)
                #expect(try await client.shown.contains("other.example"))
                await client.close()
            }
            try folder.write("a", for: ["new.example"])
            #expect(identity.renewIfChanged() == .renewed(identity.certificates))
            let next = try await Client(server, asking: "unknown.example")
            #expect(try await next.shown.contains("new.example"))
            #expect(try await open.shown.contains("old.example"))
            await next.close()
            await open.close()
        }
    }
}
