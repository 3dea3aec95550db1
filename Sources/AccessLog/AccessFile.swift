#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where an access log goes.
package enum AccessLogDestination: Sendable, Equatable {
    case standardOutput
    /// Made where it is not there, and appended to.
    case file(String)
}

/// The open file of an access log. Calls block as long as the disk does: they belong on a thread of their own.
struct AccessFile: ~Copyable {
    private let path: String?
    private var descriptor: Int32
    /// Whether the last line was left in pieces that could not be taken back.
    private var isTorn = false

    /// - Throws: an error number.
    init(_ destination: AccessLogDestination) throws(SystemError) {
        switch destination {
        case .standardOutput: (path, descriptor) = (nil, STDOUT_FILENO)
        case .file(let path):
            self.path = path
            descriptor = try Self.open(path)
        }
    }

    deinit { if path != nil { close(descriptor) } }

    private static func open(_ path: String) throws(SystemError) -> Int32 {
        #if canImport(Glibc)
            let opened = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        #else
            let opened = Darwin.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        #endif
        guard opened >= 0 else { throw SystemError(errno) }
        return opened
    }

    /// Whether another file, or none, has its name: it was rotated away.
    var isRenamed: Bool {
        guard let path else { return false }
        var named = stat()
        var held = stat()
        guard fstat(descriptor, &held) == 0 else { return false }
        return stat(path, &named) != 0 || named.st_ino != held.st_ino || named.st_dev != held.st_dev
    }

    /// Opens what has its name now. What was open stays so where that fails: no line is lost for it.
    mutating func reopen() throws(SystemError) {
        guard let path else { return }
        let fresh = try Self.open(path)
        close(descriptor)
        descriptor = fresh
        isTorn = false
    }

    /// Appends whole lines. Where the disk takes no more, what it took of a line is taken back.
    ///
    /// - Returns: the bytes of whole lines that were written, and the error that stopped it.
    mutating func write(_ lines: [UInt8]) -> (count: Int, error: SystemError?) {
        if isTorn {
            let feed: [UInt8] = [0x0a]
            guard feed.withUnsafeBytes({ Self.write($0, to: descriptor).count }) == 1 else {
                return (0, SystemError(errno))
            }
            isTorn = false
        }
        let (written, error) = lines.withUnsafeBytes { Self.write($0, to: descriptor) }
        guard error != nil else { return (written, nil) }
        let whole = (lines[..<written].lastIndex(of: 0x0a) ?? -1) + 1
        if written > whole { isTorn = !takeBack(written - whole) }
        return (whole, error)
    }

    private func takeBack(_ count: Int) -> Bool {
        var held = stat()
        guard fstat(descriptor, &held) == 0, held.st_mode & S_IFMT == S_IFREG, Int(held.st_size) >= count else {
            return false
        }
        return ftruncate(descriptor, held.st_size - off_t(count)) == 0
    }

    private static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32
    ) -> (count: Int, error: SystemError?) {
        var written = 0
        while written < bytes.count, let start = bytes.baseAddress {
            #if canImport(Glibc)
                let count = Glibc.write(descriptor, start + written, bytes.count - written)
            #else
                let count = Darwin.write(descriptor, start + written, bytes.count - written)
            #endif
            if count > 0 {
                written += count
                continue
            }
            let code = count == 0 ? ENOSPC : errno
            switch code {
            case EINTR: continue
            case EAGAIN:
                // Someone made the terminal or the pipe non-blocking: its reader decides when it goes on.
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                if poll(&wait, 1, 1_000) < 0, errno != EINTR { return (written, SystemError(errno)) }
            default: return (written, SystemError(code))
            }
        }
        return (written, nil)
    }
}

/// An error number in the system's words.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Int32
    init(_ code: Int32) { self.code = code }
    package var description: String { String(cString: strerror(code)) }
}
