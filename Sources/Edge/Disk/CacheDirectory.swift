import Cache
import Files
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The directory of an edge's disk tier. All work on files is done by threads of its own: one that writes and removes, in
/// order, and some that read.
///
/// A file is written under another name, given to the disk, and then renamed: what has its own name is whole, whenever
/// the process or the machine stops.
final class CacheDirectory: Sendable {
    /// Files lie below this folder of the directory, so that nothing else is ever removed.
    private static let folder = "needletail-cache"

    private let root: String
    private let folder: String
    private let writer = NIOThreadPool(numberOfThreads: 1)
    private let readers = NIOThreadPool(numberOfThreads: 4)
    /// The descriptor of the lock file, held while the process lives; -1 until the directory is ready.
    private let lock = Mutex<Int32>(-1)

    init(path: String) {
        root = path
        folder = "\(path)/\(Self.folder)"
    }

    var path: String { root }

    func start() {
        writer.start()
        readers.start()
    }

    /// Ends when everything given is done.
    func stop() async {
        try? await writer.runIfActive {}
        try? await writer.shutdownGracefully()
        try? await readers.shutdownGracefully()
        lock.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    // MARK: Names

    /// `{last two digits}/{sixteen digits}`, hexadecimal.
    private static func name(_ file: DiskTier.FileID) -> String {
        let digits = String(file, radix: 16)
        let name = String(repeating: "0", count: max(0, 16 - digits.count)) + digits
        return "\(name.suffix(2))/\(name)"
    }

    private func path(_ file: DiskTier.FileID) -> String { "\(folder)/\(Self.name(file))" }

    // MARK: Work, in order

    /// Takes the directory for this process alone, and tells which files are there. What is no file of ours, or was not
    /// written to its end, is removed.
    func open(on eventLoop: any EventLoop) -> EventLoopFuture<[(id: DiskTier.FileID, bytes: Int)]> {
        writer.runIfActive(eventLoop: eventLoop) { [self] in
            try BlockingFiles.makeFolders(folder)
            if lock.withLock({ $0 < 0 }) {
                let descriptor = try BlockingFiles.lock("\(root)/\(Self.folder).lock")
                lock.withLock { $0 = descriptor }
            }
            var files: [(id: DiskTier.FileID, bytes: Int)] = []
            for part in BlockingFiles.names(in: folder) {
                var isEmpty = true
                for name in BlockingFiles.names(in: "\(folder)/\(part)") {
                    if let id = DiskTier.FileID(name, radix: 16), Self.name(id) == "\(part)/\(name)",
                        let size = BlockingFiles.size(path(id))
                    {
                        files.append((id, size))
                        isEmpty = false
                    } else {
                        BlockingFiles.removeTree("\(folder)/\(part)/\(name)")
                    }
                }
                if isEmpty { BlockingFiles.removeTree("\(folder)/\(part)") }
            }
            return files
        }
    }

    func write(
        _ file: DiskTier.FileID, head: ByteBuffer, body: [ByteBuffer], on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        writer.runIfActive(eventLoop: eventLoop) { [self] in
            let path = path(file)
            try BlockingFiles.write([head] + body, to: "\(path).new", at: 0, isDurable: true)
            try BlockingFiles.rename("\(path).new", to: path)
        }
    }

    func rewrite(
        _ file: DiskTier.FileID, head: ByteBuffer, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        writer.runIfActive(eventLoop: eventLoop) { [self] in try BlockingFiles.overwrite(head, in: path(file)) }
    }

    func remove(_ file: DiskTier.FileID, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        writer.runIfActive(eventLoop: eventLoop) { [self] in try BlockingFiles.remove(path(file)) }
    }

    /// Ends when all work given before is done.
    func settle(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        writer.runIfActive(eventLoop: eventLoop) {}
    }

    // MARK: Reading

    typealias Heads = [(id: DiskTier.FileID, head: (record: DiskRecord, bodyOffset: Int)?)]

    /// What files begin with; nil for what is torn, foreign or gone.
    func inspect(_ files: [DiskTier.FileID], on eventLoop: any EventLoop) -> EventLoopFuture<Heads> {
        readers.runIfActive(eventLoop: eventLoop) { [self] in
            files.map { file in
                let path = path(file)
                guard let size = BlockingFiles.size(path),
                    let bytes = try? BlockingFiles.read(path, at: 0, upTo: min(size, 4_096))
                else { return (file, nil) }
                if let head = DiskRecord.read(bytes, fileBytes: size) { return (file, head) }
                // A longer record than most.
                let more = try? BlockingFiles.read(path, at: 0, upTo: min(size, DiskRecord.longest))
                return (file, more.flatMap { DiskRecord.read($0, fileBytes: size) })
            }
        }
    }

    /// Reads `count` bytes, all or none.
    func read(
        _ file: DiskTier.FileID, at offset: Int, count: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ByteBuffer> {
        readers.runIfActive(eventLoop: eventLoop) { [self] in
            try BlockingFiles.read(path(file), at: offset, count: count)
        }
    }
}
