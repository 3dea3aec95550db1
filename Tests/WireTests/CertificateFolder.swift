import Cryptography
import Foundation
import Wire

/// Certificates of a test's own making, in files that it writes as an operator would.
final class CertificateFolder {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func files(_ name: String) -> CertificateFiles {
        CertificateFiles(
            certificatePath: folder.appendingPathComponent("\(name).pem").path,
            keyPath: folder.appendingPathComponent("\(name).key").path)
    }

    /// Puts a new pair in the place of the one before.
    @discardableResult
    func write(_ name: String, for names: [String] = ["127.0.0.1"], days: Int = 1) throws -> CertificateFiles {
        let made = try Self.make(names, days: days)
        try write(made.certificatePEM, to: files(name).certificatePath)
        try write(made.keyPEM, to: files(name).keyPath)
        return files(name)
    }

    static func make(_ names: [String], days: Int = 1) throws -> SelfSignedCertificate {
        try SelfSignedCertificate(
            names: names, days: days, unixMicroseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }

    func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
