import Foundation
import Testing

@testable import Cryptography

/// What the `openssl` command, which is not our code, says of our certificates.
@Suite("Self-signed certificates")
struct SelfSignedCertificateTests {
    /// 2030-01-01 00:00:00 UTC.
    static let now: Int64 = 1_893_456_000_000_000

    private func certificate(_ names: [String], days: Int = 30) throws -> SelfSignedCertificate {
        try SelfSignedCertificate(names: names, days: days, unixMicroseconds: Self.now)
    }

    /// Runs `openssl` and returns what it prints, errors included, and its exit status.
    private func openssl(_ arguments: [String]) throws -> (text: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }

    /// Calls `body` with the paths of both PEM files in a folder that is removed afterwards.
    private func withFiles<R>(
        _ made: SelfSignedCertificate, _ body: (_ certificate: String, _ key: String) throws -> R
    ) throws -> R {
        let folder = FileManager.default.temporaryDirectory.appending(path: "certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appending(path: "cert.pem")
        let key = folder.appending(path: "key.pem")
        try made.certificatePEM.write(to: certificate, atomically: true, encoding: .utf8)
        try made.keyPEM.write(to: key, atomically: true, encoding: .utf8)
        return try body(certificate.path(percentEncoded: false), key.path(percentEncoded: false))
    }

    @Test("openssl reads back names, key, validity and purpose")
    func content() throws {
        let made = try certificate(["localhost", "*.example.net", "127.0.0.1", "::1"])
        try withFiles(made) { path, _ in
            let text = try openssl(["x509", "-in", path, "-noout", "-text"]).text
            #expect(text.contains("DNS:localhost, DNS:*.example.net, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"))
            #expect(text.contains("Version: 3 (0x2)"))
            #expect(text.contains("NIST CURVE: P-256"))
            #expect(text.contains("ecdsa-with-SHA256"))
            // Newer releases print no spaces around the sign.
            #expect(text.replacing(" = ", with: "=").contains("Subject: CN=localhost"))
            #expect(text.contains("CA:FALSE"))
            #expect(text.contains("TLS Web Server Authentication"))
            #expect(text.contains("Not Before: Dec 31 23:00:00 2029 GMT"))
            #expect(text.contains("Not After : Jan 31 00:00:00 2030 GMT"))
        }
    }

    @Test(
        "a client that trusts it takes it for its names and no others",
        arguments: [
            (["-verify_hostname", "localhost"], true), (["-verify_ip", "127.0.0.1"], true),
            (["-verify_ip", "::1"], true),
            (["-verify_hostname", "example.net"], false), (["-verify_ip", "127.0.0.2"], false),
        ])
    func verification(arguments: [String], isAccepted: Bool) throws {
        try withFiles(try certificate(["localhost", "127.0.0.1", "::1"])) { path, _ in
            let time = ["-attime", "\(Self.now / 1_000_000)"]
            let verify =
                ["verify", "-CAfile", path, "-purpose", "sslserver", "-x509_strict"] + time + arguments + [path]
            let (text, status) = try openssl(verify)
            #expect((status == 0) == isAccepted, "\(text)")
        }
    }

    @Test("it is refused after its last day")
    func expiry() throws {
        try withFiles(try certificate(["localhost"], days: 1)) { path, _ in
            let later = "\(Self.now / 1_000_000 + 2 * 86_400)"
            let (text, status) = try openssl(["verify", "-CAfile", path, "-attime", later, path])
            #expect(status != 0)
            #expect(text.contains("certificate has expired"))
        }
    }

    @Test("the key belongs to the certificate, and each certificate has its own")
    func key() throws {
        let made = try certificate(["localhost"])
        try withFiles(made) { certificate, key in
            let ofCertificate = try openssl(["x509", "-in", certificate, "-noout", "-pubkey"]).text
            let ofKey = try openssl(["pkey", "-in", key, "-pubout"]).text
            #expect(ofCertificate == ofKey)
            #expect(ofKey.contains("BEGIN PUBLIC KEY"))
        }
        #expect(try certificate(["localhost"]).keyPEM != made.keyPEM)
    }

    @Test(
        "a name that is none is refused, above all one that would smuggle in another",
        arguments: [
            "", "a,DNS:evil.example", "localhost:8443", "https://localhost", "a b", "-a", "a-", "a..b", "*", "*.net*",
            "1.2.3", "é.fr", "[::1]", "a\u{0}b", String(repeating: "a", count: 64),
        ])
    func badName(name: String) {
        #expect(throws: CryptographyError.invalidName(name)) { try certificate(["localhost", name]) }
    }

    @Test("names and days are bounded")
    func bounds() throws {
        #expect(throws: CryptographyError.invalidNameCount(0)) { try certificate([]) }
        #expect(throws: CryptographyError.invalidNameCount(101)) { try certificate(Array(repeating: "a", count: 101)) }
        #expect(throws: CryptographyError.invalidValidity(days: 0)) { try certificate(["a"], days: 0) }
        #expect(throws: CryptographyError.invalidValidity(days: 3651)) { try certificate(["a"], days: 3651) }
        let long = String(repeating: "abcdefgh.", count: 20) + "net"
        #expect(try certificate([long], days: 3650).certificatePEM.hasPrefix("-----BEGIN CERTIFICATE-----"))
    }
}
