import NIOCore
import NIOSSL

/// A client's TLS contexts, with the application protocols that this project speaks.
package enum TLSMaterial {
    /// How long the other side's close_notify is waited for before a connection is closed without.
    static let farewell = TimeAmount.seconds(1)

    /// A client's context, ALPN `h2` before `http/1.1`. Trust comes from `authorityPath` (PEM) or the system's store.
    package static func client(
        authorityPath: String?, verifies: Bool, protocols: [String] = ["h2", "http/1.1"]
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        configuration.shutdownTimeout = farewell
        if let authorityPath { configuration.trustRoots = .file(authorityPath) }
        if !verifies { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }
}
