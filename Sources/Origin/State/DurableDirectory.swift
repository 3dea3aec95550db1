import Foundation

/// A directory of small files, each of which is there whole or not at all, whenever the machine stops.
struct DurableDirectory: Sendable {
    let path: String

    /// Makes the directory where it is missing.
    init(path: String) throws(StateError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .cannot("make the directory", path: path, reason: error.localizedDescription)
        }
    }

    /// Puts `bytes` in the place of what the file held. Without `isDurable`, readers see it whole or not at all, and the
    /// disk may learn of it later.
    func write(_ bytes: [UInt8], to name: String, isDurable: Bool = true) throws(StateError) {
        let temporary = try writeAside(bytes, name, isDurable: isDurable)
        guard rename(temporary, file(name)) == 0 else { throw failure("replace", file(name)) }
        if isDurable { try settle() }
    }

    /// Makes a file that is not there yet. False when it is: of several processes one gets true.
    func create(_ bytes: [UInt8], as name: String) throws(StateError) -> Bool {
        let temporary = try writeAside(bytes, name)
        defer { unlink(temporary) }
        guard link(temporary, file(name)) == 0 else {
            if errno == EEXIST { return false }
            throw failure("create", file(name))
        }
        try settle()
        return true
    }

    /// What a file holds; nil when there is none. At most a megabyte.
    func read(_ name: String) throws(StateError) -> [UInt8]? {
        let descriptor = open(file(name), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", file(name))
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Foundation.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure("read", file(name)) }
            if got == 0 { break }
            count += got
        }
        return Array(bytes.prefix(count))
    }

    func remove(_ name: String) { unlink(file(name)) }

    /// Names of its files, temporary ones left out, in order.
    func names() -> [String] {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return found.filter { !$0.hasPrefix(".") }.sorted()
    }

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file of another name and, where it is to be durable, waits until the disk has it.
    private func writeAside(_ bytes: [UInt8], _ name: String, isDurable: Bool = true) throws(StateError) -> String {
        let temporary = "\(path)/.\(name).\(getpid()).\(UInt32.random(in: .min ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("create", temporary) }
        var isWhole = false
        defer {
            close(descriptor)
            if !isWhole { unlink(temporary) }
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Foundation.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure("write", temporary) }
            written += count
        }
        guard !isDurable || fsync(descriptor) == 0 else { throw failure("sync", temporary) }
        isWhole = true
        return temporary
    }

    /// Waits until the disk has the directory's entries.
    private func settle() throws(StateError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
    }

    private func failure(_ action: String, _ path: String) -> StateError {
        .cannot(action, path: path, reason: String(cString: strerror(errno)))
    }
}

/// Why something durable could not be read or written.
enum StateError: Error, Equatable, CustomStringConvertible {
    case cannot(String, path: String, reason: String)
    case malformed(path: String, reason: String)
    /// Another process uses the directory; `by` says which, and since when.
    case held(path: String, by: String)

    var description: String {
        switch self {
        case .cannot(let action, let path, let reason):
            "cannot \(action) \(path): \(reason). Check its permissions and the space on its disk."
        case .held(let path, let holder):
            "\(path) is in use by another origin (\(holder)). Stop that one, or give this one a directory of its own."
        case .malformed(let path, let reason):
            "\(path) is not what this program wrote: \(reason). It is left out; delete it when it is not yours."
        }
    }
}
