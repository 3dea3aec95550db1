import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The listening sockets of the process that runs, taken by the one that comes after it.
package final class TakeOver: Sendable {
    private let peer: Int32
    private let offered: Mutex<[String: Int32]>

    /// How long the process that runs may take to answer.
    private static let patience: Int32 = 30_000

    /// Asks whoever offers its sockets at `path`. Nil when nobody does.
    package static func ask(at path: String) throws(TakeOverFailure) -> TakeOver? {
        guard let peer = try UnixSocket.connect(to: path) else { return nil }
        return try TakeOver(peer)
    }

    private init(_ peer: Int32) throws(TakeOverFailure) {
        var bytes: [UInt8] = []
        var descriptors: [Int32] = []
        var offered: [String: Int32] = [:]
        do throws(TakeOverFailure) {
            try DescriptorMessage.send(TakeOverWords.line(TakeOverWords.take), over: peer)
            var names: [String]?
            while names == nil {
                guard UnixSocket.wait(for: peer, milliseconds: Self.patience) == .readable else { throw .gone }
                let more = try DescriptorMessage.receive(from: peer)
                descriptors += more.descriptors
                guard !more.bytes.isEmpty else { throw .gone }
                bytes += more.bytes
                names = try TakeOverWords.names(in: bytes)
            }
            guard let names, names.count == descriptors.count, Set(names).count == names.count else {
                throw .unintelligible(String(decoding: bytes.prefix(80), as: UTF8.self))
            }
            for (name, descriptor) in zip(names, descriptors) { offered[name] = descriptor }
        } catch {
            for descriptor in descriptors { close(descriptor) }
            close(peer)
            throw error
        }
        self.peer = peer
        self.offered = Mutex(offered)
    }

    deinit {
        for descriptor in offered.withLock({ Array($0.values) }) { close(descriptor) }
        close(peer)
    }

    /// The socket of that name, once; nil where it was not offered. It is the caller's to close.
    package func socket(_ name: String) -> Int32? { offered.withLock { $0.removeValue(forKey: name) } }

    /// Says that this process can accept connections, and waits until the other does so no more.
    package func complete() throws(TakeOverFailure) {
        try DescriptorMessage.send(TakeOverWords.line(TakeOverWords.ready), over: peer)
        guard UnixSocket.wait(for: peer, milliseconds: Self.patience) == .readable,
            try DescriptorMessage.receive(from: peer).bytes == TakeOverWords.line(TakeOverWords.left)
        else { throw .gone }
    }
}
