import Files
import Foundation

/// A process's hold on a directory: two origins in one would overwrite each other's numbers.
///
/// The kernel's lock on a file, which ends with the process however that ends. The file says who holds it.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// - Throws: `StateError.held` where another process holds the directory.
    init(path: String) throws(StateError) {
        _ = try DurableDirectory(path: path)
        let file = "\(path)/.lock"
        do throws(FileError) {
            descriptor = try BlockingFiles.lock(file)
        } catch {
            guard error.code == EWOULDBLOCK else { throw .cannot("lock", path: file, reason: "\(error)") }
            throw .held(path: path, by: Self.holder(file))
        }
        let text = "process \(getpid()), since \(Date().formatted(.iso8601))"
        // What cannot be written is not told to others; the lock holds all the same.
        if ftruncate(descriptor, 0) == 0 { _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) } }
    }

    deinit { close(descriptor) }

    private static func holder(_ file: String) -> String {
        let found = (try? BlockingFiles.read(file, at: 0, upTo: 200)).map { Array($0.readableBytesView) } ?? []
        let text = found.filter { (0x20..<0x7f).contains($0) }
        return text.isEmpty ? "another process" : String(decoding: text, as: UTF8.self)
    }
}
