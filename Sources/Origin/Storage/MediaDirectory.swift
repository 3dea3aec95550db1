import Files
import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The directory in which channels keep their media, for when few ask for it and for an origin after this one.
///
/// While the origin runs all work on files is done by threads of its own, never by an event loop: one that writes and
/// removes, in order, and some that read. What an earlier process left is there for channels to take up at the start;
/// the rest goes. Nothing is synced: after the machine has started anew nothing is trusted. A directory that cannot be
/// used is told once, tried again, and costs nothing but the past.
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
        /// Folders that stay when the process ends.
        var kept: Set<String> = []
    }

    /// Segments lie below this folder of it, so that nothing else is ever removed.
    private static let folder = "needletail-media"
    /// A file in it that tells of which time the rest is.
    private static let mark = "era"

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

    /// Begins to work: takes the directory, and looks whether what lies in it can be trusted. Blocks on the disk.
    package func start(logger: Logger) {
        state.withLock { $0.logger = logger }
        writer.start()
        readers.start()
        do { try prepare() } catch { noteFailure(error) }
    }

    /// Ends when everything given is written, and removed what is not to be kept.
    package func stop() async {
        let kept = state.withLock { $0.kept }
        try? await writer.runIfActive { [self] in removeAll(but: kept) }
        try? await writer.shutdownGracefully()
        try? await readers.shutdownGracefully()
        lock.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    /// What is in these folders stays when the process ends: the next one goes on with it.
    func keep(_ folders: Set<String>) { state.withLock { $0.kept = folders } }

    // MARK: What an earlier process left

    /// The files `{folder}/journal.{number}` by number.
    func journals(of folder: String) -> [(firstSequence: Int64, bytes: ByteBuffer)] {
        guard lock.withLock({ $0 >= 0 }) else { return [] }
        let path = "\(self.folder)/\(folder)"
        return BlockingFiles.names(in: path).compactMap { name -> (firstSequence: Int64, bytes: ByteBuffer)? in
            guard let number = name.split(separator: ".").last.flatMap({ Int64($0) }),
                name == MediaJournal.name(number), let size = size(of: "\(folder)/\(name)"), size < 64 << 20,
                let bytes = try? BlockingFiles.read("\(path)/\(name)", at: 0, count: size)
            else { return nil }
            return (number, bytes)
        }.sorted { $0.firstSequence < $1.firstSequence }
    }

    /// Bytes in a file.
    func size(of name: String) -> Int? {
        BlockingFiles.size("\(folder)/\(name)")
    }

    /// When a file was last written, in microseconds since 1970.
    func writtenAt(_ name: String) -> Int64? {
        var status = stat()
        guard stat("\(folder)/\(name)", &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000
    }

    /// Cuts a file off, where a write was torn.
    func truncate(_ name: String, to count: Int) -> Bool {
        #if canImport(Glibc)
            Glibc.truncate("\(folder)/\(name)", count) == 0
        #else
            Darwin.truncate("\(folder)/\(name)", off_t(count)) == 0
        #endif
    }

    /// Removes what no channel has taken up.
    package func removeAllBut(_ folders: Set<String>) { writer.submit { [self] _ in removeAll(but: folders) } }

    // MARK: Files

    /// A file that will be written. It is removed when nobody has the value that tells of it any more.
    func file(_ name: String) -> StoredFile { StoredFile(name: name, directory: self) }

    /// Does one step of a presentation's writing.
    func write(_ batch: MediaBatch, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        writer.runIfActive(eventLoop: eventLoop) { [self] in
            do {
                try prepare()
                var begun = 0
                var pieces = batch.pieces[...]
                while let first = pieces.first {
                    let same = pieces.prefix { $0.file === first.file }
                    pieces = pieces.dropFirst(same.count)
                    try BlockingFiles.write(same.map(\.bytes), to: "\(folder)/\(first.file.name)", at: first.offset)
                    if first.offset == 0 { begun += 1 }
                }
                try BlockingFiles.write([batch.records], to: "\(folder)/\(batch.journal)", at: batch.isFirst ? 0 : nil)
                noteWritten(begun)
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
                return try BlockingFiles.read("\(folder)/\(file.name)", at: offset, count: count)
            } catch {
                state.withLock { $0.counters.readFailures += 1 }
                throw error
            }
        }
    }

    func remove(_ name: String) {
        let isKept = state.withLock { $0.kept.contains { name.hasPrefix("\($0)/") } }
        if isKept { return }
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

    /// Takes the directory for this process alone, once. What was written before the machine's last start may lack
    /// bytes that only its memory had: it is removed.
    private func prepare() throws {
        if lock.withLock({ $0 >= 0 }) { return }
        try BlockingFiles.makeFolders(root)
        let path = "\(root)/\(Self.folder).lock"
        let descriptor = try BlockingFiles.lock(path)
        let mark = "\(folder)/\(Self.mark)"
        let era = Self.era()
        let found = (try? BlockingFiles.read(mark, at: 0, count: era.readableBytes)).map { String(buffer: $0) }
        if found != String(buffer: era) {
            BlockingFiles.removeTree(folder)
            do {
                try BlockingFiles.makeFolders(folder)
                try BlockingFiles.write([era], to: mark, at: 0)
            } catch {
                close(descriptor)
                throw error
            }
        }
        lock.withLock { $0 = descriptor }
    }

    /// The format of what is written, and since when the machine runs.
    private static func era() -> ByteBuffer {
        var bytes = ByteBuffer(string: "needletail media 1\n")
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return bytes }
        defer { close(descriptor) }
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 64) { target in
            max(0, pread(descriptor, target.baseAddress, target.count, 0))
        }
        return bytes
    }

    private func removeAll(but kept: Set<String>) {
        guard lock.withLock({ $0 >= 0 }) else { return }
        for channel in BlockingFiles.names(in: folder) where channel != Self.mark {
            for epoch in BlockingFiles.names(in: "\(folder)/\(channel)") where !kept.contains("\(channel)/\(epoch)") {
                BlockingFiles.removeTree("\(folder)/\(channel)/\(epoch)")
            }
            rmdir("\(folder)/\(channel)")
        }
    }

    // MARK: What the operator is told

    private func noteWritten(_ segments: Int) {
        let logger = state.withLock { state -> Logger? in
            state.counters.written += UInt64(segments)
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
            "storage fails: media is in memory only, beyond its bound the window gets shorter, and a restart loses it",
            metadata: ["directory": "\(root)", "reason": "\(error)"])
    }
}
