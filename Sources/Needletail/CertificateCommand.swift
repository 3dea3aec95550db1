import ArgumentParser
import Cryptography
import Node

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Makes a self-signed certificate for a laptop or a test.",
        discussion: """
            Example:
              needletail certificate --directory .needletail/tls --host localhost --host 127.0.0.1
            """)

    @Option(name: .long, help: "Where cert.pem and key.pem are written. It must exist.")
    var directory: String

    @Option(name: .long, help: "Host name or address that the certificate is for. May be repeated.")
    var host: [String] = ["localhost", "127.0.0.1", "::1"]

    @Option(name: .long, help: "Days that it is valid.")
    var days: Int = 365

    func run() throws {
        let certificate: SelfSignedCertificate
        do throws(CryptographyError) {
            certificate = try SelfSignedCertificate(names: host, days: days, unixMicroseconds: WallClock.now())
        } catch {
            throw ValidationError("The certificate could not be made: \(error)")
        }
        try write(certificate.certificatePEM, to: "\(directory)/cert.pem", mode: 0o644)
        // The key is readable by its owner alone, from its first byte on.
        try write(certificate.keyPEM, to: "\(directory)/key.pem", mode: 0o600)
        print("Wrote \(directory)/cert.pem and \(directory)/key.pem for \(host.joined(separator: ", ")).")
    }

    private func write(_ text: String, to path: String, mode: mode_t) throws {
        unlink(path)
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, mode)
        guard file >= 0 else {
            throw ValidationError("\(path) cannot be written: \(String(cString: strerror(errno))). Make its directory.")
        }
        defer { close(file) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            guard count > 0 else { throw ValidationError("\(path) could not be written whole.") }
            written += count
        }
    }
}
