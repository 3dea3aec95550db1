import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where lines go: a file descriptor that threads share, one whole line at a time.
package final class LogOutput: Sendable {
    /// Standard error. Every handler shares it, so that lines of different loggers do not mix.
    package static let standardError = LogOutput(fileDescriptor: STDERR_FILENO)

    private let fileDescriptor: Int32
    private let turn = Mutex(())

    /// Does not close the descriptor.
    package init(fileDescriptor: Int32) {
        self.fileDescriptor = fileDescriptor
    }

    /// Writes all of a line. A log that cannot be written is not worth a stream: what fails is dropped.
    func write(_ line: [UInt8]) {
        turn.withLock { _ in
            line.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
                    #if canImport(Glibc)
                        let count = Glibc.write(fileDescriptor, start, rest.count)
                    #else
                        let count = Darwin.write(fileDescriptor, start, rest.count)
                    #endif
                    if count > 0 {
                        rest = rest.dropFirst(count)
                    } else if count < 0, errno == EAGAIN {
                        // Someone made the terminal or pipe non-blocking: give its reader a moment, once per line.
                        var wait = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
                        guard poll(&wait, 1, 100) > 0 else { return }
                    } else if count == 0 || errno != EINTR {
                        return
                    }
                }
            }
        }
    }
}
