import NIOCore
import NIOSSL

/// TLS contexts from files, with the application protocols that this project speaks.
package enum TLSMaterial {
    /// A server's context: TLS 1.2 and newer, ALPN `h2` before `http/1.1`.
    ///
    /// - Throws: `NIOSSLError` when a file is missing, unreadable or not PEM.
    package static func server(
        certificatePath: String, keyPath: String, protocols: [String] = ["h2", "http/1.1"]
    ) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificatePath).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: keyPath, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        return try NIOSSLContext(configuration: configuration)
    }

    /// A client's context, ALPN `h2` before `http/1.1`. Trust comes from `authorityPath` (PEM) or the system's store.
    package static func client(
        authorityPath: String?, verifies: Bool, protocols: [String] = ["h2", "http/1.1"]
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        if let authorityPath { configuration.trustRoots = .file(authorityPath) }
        if !verifies { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }
}
