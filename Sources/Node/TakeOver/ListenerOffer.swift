import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A node's listening sockets, for the process that comes after it to take.
///
/// They are the same sockets in both: what has connected and was not accepted yet is accepted by the other one.
package final class ListenerOffer: Sendable {
    /// A listening socket, by the name under which the next process looks for it.
    package struct Socket: Sendable {
        package let name: String
        package let descriptor: Int32
        package init(name: String, descriptor: Int32) {
            self.name = name
            self.descriptor = descriptor
        }
    }

    /// Has an element when the next process can accept connections, and waits for this one to stop.
    package let taken: AsyncStream<Void>
    private let tell: AsyncStream<Void>.Continuation
    private let path: String
    private let sockets: [Socket]
    private let listener: Int32
    private let file: UInt64?
    private let wake: (read: Int32, write: Int32)
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let logger: Logger

    /// How long the next process may take to get ready.
    private static let patience: Int32 = 60_000

    /// Listens at `path`, in the place of the process before this one. The descriptors are this object's from now on.
    package init(at path: String, sockets: [Socket], logger: Logger) throws(TakeOverFailure) {
        self.path = path
        self.sockets = sockets
        self.logger = logger
        (taken, tell) = AsyncStream.makeStream(of: Void.self)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .last("making a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        wake = (ends[0], ends[1])
        listener = try UnixSocket.listen(at: path)
        file = UnixSocket.file(at: path)
        pool.start()
        pool.submit { [self] state in if case .active = state { serve() } }
    }

    /// Takes the offer back, or says to who took it that nothing is accepted here any more.
    package func end() async {
        _ = [UInt8(0)].withUnsafeBytes { write(wake.write, $0.baseAddress, 1) }
        try? await pool.shutdownGracefully()
        close(wake.read)
        close(wake.write)
    }

    // MARK: On a thread of its own

    private func serve() {
        defer {
            tell.finish()
            close(listener)
        }
        while UnixSocket.wait(for: listener, or: wake.read) == .readable {
            let peer = accept(listener, nil, nil)
            guard peer >= 0 else { continue }
            defer { close(peer) }
            do throws(TakeOverFailure) {
                guard try hand(over: peer) else { continue }
            } catch {
                logger.warning("a take-over failed, this node goes on", metadata: ["reason": "\(error)"])
                continue
            }
            tell.yield()
            _ = UnixSocket.wait(for: wake.read)
            // The last of this process's: from here on only the other can accept.
            for socket in sockets { close(socket.descriptor) }
            try? DescriptorMessage.send(TakeOverWords.line(TakeOverWords.left), over: peer)
            return
        }
        for socket in sockets { close(socket.descriptor) }
        // Not where the next process has put its own.
        if UnixSocket.file(at: path) == file { unlink(path) }
    }

    /// Returns whether the other process is ready to accept connections.
    private func hand(over peer: Int32) throws(TakeOverFailure) -> Bool {
        guard let word = try line(from: peer, within: 5_000) else { return false }
        guard word == TakeOverWords.take else { throw .unintelligible(word) }
        try DescriptorMessage.send(
            TakeOverWords.offer(sockets.map(\.name)), descriptors: sockets.map(\.descriptor), over: peer)
        guard let answer = try line(from: peer, within: Self.patience) else { throw .gone }
        guard answer == TakeOverWords.ready else { throw .unintelligible(answer) }
        return true
    }

    /// A line of the other process; nil when it has ended, or this one does.
    private func line(from peer: Int32, within milliseconds: Int32) throws(TakeOverFailure) -> String? {
        var bytes: [UInt8] = []
        while bytes.last != UInt8(ascii: "\n") {
            guard UnixSocket.wait(for: peer, or: wake.read, milliseconds: milliseconds) == .readable else { return nil }
            let more = try DescriptorMessage.receive(from: peer)
            for descriptor in more.descriptors { close(descriptor) }
            guard !more.bytes.isEmpty else { return nil }
            bytes += more.bytes
            guard bytes.count <= 80 else { throw .unintelligible(String(decoding: bytes, as: UTF8.self)) }
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }
}
