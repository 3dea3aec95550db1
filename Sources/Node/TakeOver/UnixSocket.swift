#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Stream sockets in the file system, as one node meets the next over.
enum UnixSocket {
    #if os(Linux)
        static let quietly = Int32(MSG_NOSIGNAL)
        static let closedOnExec = Int32(MSG_CMSG_CLOEXEC)
        private static let stream = Int32(SOCK_STREAM.rawValue)
    #else
        static let quietly: Int32 = 0
        static let closedOnExec: Int32 = 0
        private static let stream = SOCK_STREAM
    #endif

    /// What `sockaddr_un` takes, with room for the name under which a socket is made ready.
    static let pathBytes = 90

    private static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { place in
            place.copyBytes(from: path.utf8.prefix(place.count - 1))
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func make() throws(TakeOverFailure) -> Int32 {
        let descriptor = socket(AF_UNIX, stream, 0)
        guard descriptor >= 0 else { throw .last("making a Unix socket") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    /// A listening socket at `path`, in the place of what was there. Only its owner may connect.
    static func listen(at path: String) throws(TakeOverFailure) -> Int32 {
        guard path.utf8.count <= pathBytes else { throw .pathTooLong(path) }
        let descriptor = try make()
        let ready = "\(path).\(getpid())"
        unlink(ready)
        // Nobody can connect before it listens, nor before only its owner may.
        let isBound = withAddress(ready) { bind(descriptor, $0, $1) } == 0
        guard isBound, chmod(ready, 0o600) == 0, Self.listen(descriptor), rename(ready, path) == 0 else {
            let failure = TakeOverFailure.last("listening at \(path)")
            close(descriptor)
            unlink(ready)
            throw failure
        }
        return descriptor
    }

    private static func listen(_ descriptor: Int32) -> Bool {
        #if canImport(Glibc)
            Glibc.listen(descriptor, 4) == 0
        #else
            Darwin.listen(descriptor, 4) == 0
        #endif
    }

    /// A connection to whoever listens at `path`; nil when nobody does.
    static func connect(to path: String) throws(TakeOverFailure) -> Int32? {
        guard path.utf8.count <= pathBytes else { throw .pathTooLong(path) }
        let descriptor = try make()
        let isConnected = withAddress(path) { address, length in
            #if canImport(Glibc)
                Glibc.connect(descriptor, address, length) == 0
            #else
                Darwin.connect(descriptor, address, length) == 0
            #endif
        }
        if isConnected { return descriptor }
        let code = errno
        close(descriptor)
        if code == ENOENT || code == ECONNREFUSED { return nil }
        throw .system(what: "connecting to \(path)", reason: String(cString: strerror(code)))
    }

    /// What tells one socket's file from another's at the same path.
    static func file(at path: String) -> UInt64? {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    enum Wait { case readable, woken, timedOut }

    /// Waits until `descriptor` has something to read or `wake` has, for at most so many milliseconds, or for ever.
    static func wait(for descriptor: Int32, or wake: Int32? = nil, milliseconds: Int32 = -1) -> Wait {
        var polled = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        if let wake { polled.append(pollfd(fd: wake, events: Int16(POLLIN), revents: 0)) }
        while true {
            let count = poll(&polled, nfds_t(polled.count), milliseconds)
            if count < 0, errno == EINTR { continue }
            if polled.count > 1, polled[1].revents != 0 { return .woken }
            return count > 0 ? .readable : .timedOut
        }
    }
}
