import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The directory to which channels move segments that few ask for.
///
/// All work on files is done by threads of its own, never by an event loop: one that writes and removes, in order, and
/// some that read. Nothing here outlives the process: what an earlier one left is removed before the first write. A
/// directory that cannot be used is told once, tried again, and costs nothing but the past.
package final class MediaDirectory: Sendable {
    /// Counts since the start.
    package struct Counters: Sendable {
        package var written: UInt64 = 0
        package var writeFailures: UInt64 = 0
        package var readFailures: UInt64 = 0
    }

    private struct State {
        var counters = Counters()
        var logger: Logger?
        var isFailing = false
    }

    /// Segments lie below this folder of it, so that nothing else is ever removed.
    private static let folder = "needletail-media"

    private let root: String
    private let folder: String
    private let writer = NIOThreadPool(numberOfThreads: 1)
    private let readers = NIOThreadPool(numberOfThreads: 4)
    private let state = Mutex(State())
    /// The descriptor of the lock file, held while the process lives; -1 until the directory is ready.
    private let lock = Mutex<Int32>(-1)

    package init(path: String) {
        root = path
        folder = "\(path)/\(Self.folder)"
    }

    package var counters: Counters { state.withLock { $0.counters } }
    /// False while the last write failed.
    package var isUsable: Bool { state.withLock { !$0.isFailing } }

    /// Begins to work, and removes what an earlier process left.
    package func start(logger: Logger) {
        state.withLock { $0.logger = logger }
        writer.start()
        readers.start()
        writer.submit { [self] _ in
            do { try prepare() } catch { noteFailure(error) }
        }
    }

    /// Ends when the files are removed.
    package func stop() async {
        writer.submit { [folder] _ in Self.removeTree(folder) }
        try? await writer.shutdownGracefully()
        try? await readers.shutdownGracefully()
        lock.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    // MARK: Files

    /// Writes a segment of these pieces. The file is there until the value that tells of it is let go.
    func write(_ pieces: [ByteBuffer], to name: String, on eventLoop: any EventLoop) -> EventLoopFuture<StoredFile> {
        writer.runIfActive(eventLoop: eventLoop) { [self] in
            do {
                try prepare()
                try writeNow(pieces, to: "\(folder)/\(name)")
                noteWritten()
                return StoredFile(name: name, directory: self)
            } catch {
                noteFailure(error)
                throw error
            }
        }
    }

    /// Reads `count` bytes, all or none.
    func read(
        _ file: StoredFile, at offset: Int, count: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ByteBuffer> {
        readers.runIfActive(eventLoop: eventLoop) { [self] in
            do {
                return try readNow("\(folder)/\(file.name)", at: offset, count: count)
            } catch {
                state.withLock { $0.counters.readFailures += 1 }
                throw error
            }
        }
    }

    fileprivate func remove(_ name: String) {
        let path = "\(folder)/\(name)"
        writer.submit { _ in
            unlink(path)
            // Folders go with their last file.
            var parent = path[...]
            for _ in 0..<3 {
                guard let slash = parent.lastIndex(of: "/") else { return }
                parent = parent[..<slash]
                if rmdir(String(parent)) != 0 { return }
            }
        }
    }

    // MARK: On the writer's thread

    /// Takes the directory for this process alone and empties it, once.
    private func prepare() throws {
        if lock.withLock({ $0 >= 0 }) { return }
        try Self.makeFolders(root)
        let path = "\(root)/\(Self.folder).lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = FileError(operation: "lock", path: path)
            close(descriptor)
            throw error
        }
        Self.removeTree(folder)
        lock.withLock { $0 = descriptor }
    }

    private func writeNow(_ pieces: [ByteBuffer], to path: String) throws {
        var descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        if descriptor < 0, errno == ENOENT, let slash = path.lastIndex(of: "/") {
            try Self.makeFolders(String(path[..<slash]))
            descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        }
        guard descriptor >= 0 else { throw FileError(operation: "create", path: path) }
        do {
            for piece in pieces {
                try piece.withUnsafeReadableBytes { bytes in
                    var rest = bytes[...]
                    while !rest.isEmpty {
                        let part = UnsafeRawBufferPointer(rebasing: rest)
                        #if canImport(Glibc)
                            let count = Glibc.write(descriptor, part.baseAddress, part.count)
                        #else
                            let count = Darwin.write(descriptor, part.baseAddress, part.count)
                        #endif
                        if count < 0, errno == EINTR { continue }
                        guard count > 0 else { throw FileError(operation: "write", path: path) }
                        rest = rest.dropFirst(count)
                    }
                }
            }
        } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
        // The file system may tell only now that there was no room.
        guard close(descriptor) == 0 else {
            let error = FileError(operation: "close", path: path)
            unlink(path)
            throw error
        }
    }

    // MARK: On a reader's thread

    private func readNow(_ path: String, at offset: Int, count: Int) throws -> ByteBuffer {
        // Opened for each piece: a slow viewer keeps no descriptor.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path) }
        defer { close(descriptor) }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(count)
        while bytes.readableBytes < count {
            let missing = count - bytes.readableBytes
            let position = off_t(offset + bytes.readableBytes)
            let taken = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { target in
                max(0, pread(descriptor, target.baseAddress, missing, position))
            }
            guard taken > 0 else { throw FileError(operation: "read", path: path) }
        }
        return bytes
    }

    // MARK: What the operator is told

    private func noteWritten() {
        let logger = state.withLock { state -> Logger? in
            state.counters.written += 1
            defer { state.isFailing = false }
            return state.isFailing ? state.logger : nil
        }
        logger?.notice("storage works again", metadata: ["directory": "\(root)"])
    }

    private func noteFailure(_ error: any Error) {
        let logger = state.withLock { state -> Logger? in
            state.counters.writeFailures += 1
            defer { state.isFailing = true }
            return state.isFailing ? nil : state.logger
        }
        logger?.error(
            "storage fails: old segments stay in memory, and beyond its bound the window gets shorter",
            metadata: ["directory": "\(root)", "reason": "\(error)"])
    }

    private static func makeFolders(_ path: String) throws {
        var made = path.hasPrefix("/") ? "/" : ""
        for step in path.split(separator: "/") {
            made += made.isEmpty || made == "/" ? step : "/\(step)"
            if mkdir(made, 0o750) != 0, errno != EEXIST { throw FileError(operation: "make", path: made) }
        }
    }

    private static func removeTree(_ path: String) {
        // Names are read before any is removed: what readdir gives meanwhile is not said.
        if let folder = opendir(path) {
            var names: [String] = []
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                    String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != "." && name != ".." { names.append(name) }
            }
            closedir(folder)
            for name in names {
                let child = "\(path)/\(name)"
                // A link is removed, never followed.
                if unlink(child) != 0 { removeTree(child) }
            }
        }
        rmdir(path)
    }
}

/// A file of a media directory. It is removed when nobody has this value any more.
final class StoredFile: Sendable {
    let name: String
    private let directory: MediaDirectory

    fileprivate init(name: String, directory: MediaDirectory) {
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
