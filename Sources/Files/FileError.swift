#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file operation that the system refused.
package struct FileError: Error, CustomStringConvertible {
    package let operation: String
    package let path: String
    /// As in `errno`.
    package let code: Int32

    /// Takes the reason from `errno` unless one is given.
    package init(operation: String, path: String, code: Int32 = errno) {
        self.code = code
        self.operation = operation
        self.path = path
    }

    /// There is no room: on the disk, in the owner's quota, or for a file of that size.
    package var isLackOfRoom: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }
    /// The file is not there, or shorter than it is said to be.
    package var isLackOfFile: Bool { code == ENOENT || code == ENODATA }

    package var description: String {
        switch code {
        case EWOULDBLOCK: "\(path) is another process's: give each node a directory of its own."
        default: "cannot \(operation) \(path): \(String(cString: strerror(code)))"
        }
    }
}
