import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a server's certificate chain and its key lie, both PEM.
package struct CertificateFiles: Sendable, Equatable {
    package let certificatePath: String
    package let keyPath: String

    package init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }
}

/// Why a certificate cannot be used.
package enum CertificateFailure: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case notPEM(path: String, expected: String)
    /// The key is another certificate's.
    case mismatch(CertificateFiles)
    case none

    package var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
        case .notPEM(let path, let expected):
            "\(path) holds no whole PEM \(expected): write files of this kind beside it and move them into its place"
        case .mismatch(let files):
            "the key in \(files.keyPath) is not that of the certificate in \(files.certificatePath): put the two that "
                + "belong together there"
        case .none: "no certificate is named"
        }
    }
}

/// A certificate chain with its key, read and found to belong together.
struct ServerCertificate: Sendable {
    let files: CertificateFiles
    let chain: [NIOSSLCertificateSource]
    let key: NIOSSLPrivateKeySource
    /// The DNS names that it vouches for, in lower case; the first label may be `*`.
    let names: [String]
    /// Seconds since 1970.
    let notBefore: Int64
    let notAfter: Int64

    init(readingFrom files: CertificateFiles) throws(CertificateFailure) {
        self.files = files
        let chainBytes = try Self.read(files.certificatePath)
        let keyBytes = try Self.read(files.keyPath)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(chainBytes), let leaf = certificates.first else {
            throw .notPEM(path: files.certificatePath, expected: "certificate chain")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: keyBytes, format: .pem) else {
            throw .notPEM(path: files.keyPath, expected: "private key")
        }
        chain = certificates.map { .certificate($0) }
        self.key = .privateKey(key)
        notBefore = Int64(leaf.notValidBefore)
        notAfter = Int64(leaf.notValidAfter)
        names = leaf._subjectAlternativeNames().compactMap { name in
            guard name.nameType == .dnsName else { return nil }
            return name.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }.lowercased()
        }
        // A context takes no key that does not fit.
        guard (try? context(offering: [])) != nil else { throw .mismatch(files) }
    }

    /// A server's context with this certificate: TLS 1.2 and newer.
    func context(
        offering protocols: [String], choosing callback: NIOSSLContextCallback? = nil
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        // How long a client's farewell is waited for: whoever gives none is gone or does not care.
        configuration.shutdownTimeout = TLSMaterial.farewell
        configuration.sslContextCallback = callback
        return try NIOSSLContext(configuration: configuration)
    }

    /// At most a mebibyte.
    private static func read(_ path: String) throws(CertificateFailure) -> [UInt8] {
        guard let file = fopen(path, "rb") else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        return Array(bytes.prefix(count))
    }
}

/// Which certificate a client gets that names the server it wants (RFC 6066, 3).
struct NamedCertificates: Sendable {
    private var exact: [String: Int] = [:]
    /// By what stands after `*`, the dot included.
    private var wildcards: [String: Int] = [:]

    /// `names` of each certificate, those that go first first.
    init(_ names: [[String]]) {
        for (index, names) in names.enumerated() {
            for name in names {
                if name.hasPrefix("*.") {
                    wildcards[String(name.dropFirst())] = wildcards[String(name.dropFirst())] ?? index
                } else {
                    exact[name] = exact[name] ?? index
                }
            }
        }
    }

    /// The certificate for a name; the first where none vouches for it, or none was named.
    func index(for serverName: String?) -> Int {
        guard var name = serverName?.lowercased() else { return 0 }
        if name.hasSuffix(".") { name.removeLast() }
        if let index = exact[name] { return index }
        // RFC 9525, 6.3: a wildcard stands for one whole label.
        guard let dot = name.firstIndex(of: "."), dot > name.startIndex else { return 0 }
        return wildcards[String(name[dot...])] ?? 0
    }
}
