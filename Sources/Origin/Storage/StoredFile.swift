import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file of a media directory. It is removed when nobody has this value any more.
final class StoredFile: Sendable {
    let name: String
    private let directory: MediaDirectory

    init(name: String, directory: MediaDirectory) {
        self.name = name
        self.directory = directory
    }

    deinit { directory.remove(name) }

    func read(at offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        directory.read(self, at: offset, count: count, on: eventLoop)
    }
}

/// A file operation that the system refused.
struct FileError: Error, CustomStringConvertible {
    let operation: String
    let path: String
    let code: Int32

    /// Takes the reason from `errno`.
    init(operation: String, path: String) {
        code = errno
        self.operation = operation
        self.path = path
    }

    var description: String {
        switch code {
        case EWOULDBLOCK: "\(path) is another process's: give each origin a storage directory of its own."
        default: "cannot \(operation) \(path): \(String(cString: strerror(code)))"
        }
    }
}
