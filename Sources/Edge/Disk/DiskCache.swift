import Cache
import Files
import HTTP
import Logging
import NIOCore
import Node

/// Does what the store's disk tier says, on the lead plane's loop, and reports what came of it.
final class DiskCache: DiskWorker {
    let directory: CacheDirectory
    private let store: CacheStore
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var isScheduled = false
    /// Why the last step failed.
    private var reason = ""
    /// Those who wait until what lies in the directory is known.
    private var recovering: [EventLoopPromise<Void>] = []

    /// Bytes of one read.
    private static let pieceBytes = 4 << 20

    init(_ directory: CacheDirectory, store: CacheStore, eventLoop: any EventLoop, logger: Logger) {
        self.directory = directory
        self.store = store
        self.eventLoop = eventLoop
        self.logger = logger
        store.diskWorker = self
    }

    func start() {
        directory.start()
        diskHasWork()
    }

    func diskHasWork() {
        guard !isScheduled else { return }
        isScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.run() }
    }

    /// Ends when everything that is known by now is done on the disk, a purge for one.
    func settle() -> EventLoopFuture<Void> {
        run()
        guard store.disk?.isRecovering == true else { return directory.settle(on: eventLoop) }
        let recovered = eventLoop.makePromise(of: Void.self)
        recovering.append(recovered)
        let (directory, eventLoop) = (directory, eventLoop)
        return recovered.futureResult.flatMap { directory.settle(on: eventLoop) }
    }

    private func run() {
        isScheduled = false
        for work in store.takeDiskWork(at: .now, unixMicroseconds: WallClock.now()) { perform(work) }
    }

    private func perform(_ work: DiskTier.Work) {
        switch work {
        case .open:
            report(directory.open(on: eventLoop), .open) { tier, files in tier.opened(files) }
        case .inspect(let files):
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            directory.inspect(files, on: eventLoop).whenSuccess { heads in
                bound.value.store.disk {
                    $0.inspected(heads, at: .now, unixMicroseconds: WallClock.now())
                }
            }
        case .write(let file, let head, let body):
            report(directory.write(file, head: head, body: body, on: eventLoop), .write(file)) { tier, _ in
                tier.wrote(file)
            }
        case .rewrite(let file, let head):
            report(directory.rewrite(file, head: head, on: eventLoop), .rewrite(file)) { tier, _ in tier.rewrote() }
        case .remove(let file):
            report(directory.remove(file, on: eventLoop), .remove(file)) { tier, _ in tier.removed(file) }
        case .fails(let failure):
            let rest = failure == .full ? "what it holds is served" : "the cache is in memory only"
            logger.error(
                "the cache's disk is not written to: \(rest) until it works again",
                metadata: ["directory": "\(directory.path)", "reason": "\(reason)"])
        case .works: logger.notice("the cache's disk works again", metadata: ["directory": "\(directory.path)"])
        case .recovered(let objects, let bytes):
            logger.info(
                "the cache's disk is read",
                metadata: ["directory": "\(directory.path)", "objects": "\(objects)", "bytes": "\(bytes)"])
            for waiter in recovering { waiter.succeed() }
            recovering = []
        }
    }

    private func report<Value: Sendable>(
        _ future: EventLoopFuture<Value>, _ work: DiskTier.FailedWork,
        _ success: @escaping @Sendable (inout DiskTier, Value) -> Void
    ) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        future.whenComplete { result in
            switch result {
            case .success(let value): bound.value.store.disk { success(&$0, value) }
            case .failure(let error): bound.value.failed(work, error)
            }
        }
    }

    private func failed(_ work: DiskTier.FailedWork, _ error: any Error) {
        // The threads end with the edge.
        guard let error = error as? FileError else { return }
        reason = error.description
        let failure: DiskFailure =
            switch work {
            case .read, .rewrite, .remove: error.isLackOfFile ? .missing : error.isLackOfRoom ? .full : .broken
            case .open, .write: error.isLackOfRoom ? .full : .broken
            }
        store.disk { $0.failed(work, failure, at: .now) }
    }

    // MARK: Reading

    /// Reads a body for all who wait for it. `done` gets nil where it cannot be read.
    func load(_ object: DiskTier.Object, _ done: @escaping ([ByteBuffer]?) -> Void) {
        let bound = NIOLoopBound((self, object.file, done), eventLoop: eventLoop)
        let reads = stride(from: 0, to: object.bodyBytes, by: Self.pieceBytes).map { offset in
            directory.read(
                object.file, at: object.bodyOffset + offset, count: min(Self.pieceBytes, object.bodyBytes - offset),
                on: eventLoop)
        }
        EventLoopFuture.whenAllSucceed(reads, on: eventLoop).whenComplete { result in
            let (disk, file, done) = bound.value
            switch result {
            case .success(let pieces): done(pieces)
            case .failure(let error):
                disk.failed(.read(file), error)
                done(nil)
            }
        }
    }

    /// The file of an answer, held until nobody has this value any more.
    func lease(_ object: DiskTier.Object) -> LeasedFile { LeasedFile(object, of: self) }

    fileprivate func read(
        _ object: DiskTier.Object, at offset: Int, count: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ByteBuffer> {
        let read = directory.read(object.file, at: object.bodyOffset + offset, count: count, on: eventLoop)
        let bound = NIOLoopBound((self, object.file), eventLoop: self.eventLoop)
        read.whenFailure { error in
            let (disk, file) = bound.value
            disk.failed(.read(file), error)
        }
        return read
    }

    fileprivate func release(_ object: DiskTier.Object, wasServed: Bool) {
        store.released(object, wasServed: wasServed)
    }
}

/// The body of one answer in a file of the disk tier, while it is read. It is let go of on the plane's loop.
final class LeasedFile: ReadableFile {
    let object: DiskTier.Object
    private let disk: DiskCache
    private var wasServed = false

    fileprivate init(_ object: DiskTier.Object, of disk: DiskCache) {
        self.object = object
        self.disk = disk
    }

    deinit { disk.release(object, wasServed: wasServed) }

    /// `offset` is in the body.
    func read(at offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        disk.read(object, at: offset, count: count, on: eventLoop)
    }

    func serves() { wasServed = true }
}
