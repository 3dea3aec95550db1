import Media
import NIOCore

/// Writes a presentation's media and its journal into the media directory as they come to be, one step at a time.
final class MediaLog {
    /// What is done to files, off the event loop.
    typealias Write = (MediaBatch, any EventLoop) -> EventLoopFuture<Void>

    private var journal: MediaJournal
    private let write: Write
    private let remove: (String) -> Void
    private let eventLoop: any EventLoop
    private var isWriting = false
    private var retryAt: NIODeadline?
    /// Told of bytes that lie in files.
    var wrote: (MediaBatch.Piece) -> Void = { _ in }

    /// After a write has failed, it is tried again this much later.
    private static let retryDelay = TimeAmount.seconds(2)
    /// More than this waiting is a disk that does not keep up, in bytes.
    private static let longestQueue = 64 << 20

    init(
        folder: String, eventLoop: any EventLoop, makeFile: @escaping (String) -> StoredFile,
        remove: @escaping (String) -> Void, write: @escaping Write
    ) {
        journal = MediaJournal(folder: folder, makeFile: makeFile)
        self.eventLoop = eventLoop
        self.remove = remove
        self.write = write
    }

    convenience init(folder: String, directory: MediaDirectory, eventLoop: any EventLoop) {
        self.init(
            folder: folder, eventLoop: eventLoop, makeFile: { directory.file($0) }, remove: { directory.remove($0) },
            write: { directory.write($0, on: $1) })
    }

    deinit { for name in journal.fail() { remove(name) } }

    func resume(_ recovered: RecoveredMedia) { journal.resume(recovered) }

    /// What has just been listed; `seam` is as it is afterwards.
    func append(_ events: [PackagerEvent], of seam: PublishSeam) {
        if let retryAt, NIODeadline.now() >= retryAt {
            self.retryAt = nil
            journal.retry(after: seam.nextSequence - 1)
        }
        journal.append(
            events, line: seam.lineInForce, fragments: { seam[$0]?.fragments ?? 0 },
            discontinuities: { seam.discontinuities(before: $0) })
        if journal.waitingBytes > Self.longestQueue { fail() }
        run()
    }

    /// Lets go of what tells of nothing but segments before `sequence`.
    func trim(before sequence: Int64) { for name in journal.removable(before: sequence) { remove(name) } }

    private func run() {
        guard !isWriting, let batch = journal.take() else { return }
        isWriting = true
        let bound = NIOLoopBound(Weak(log: self), eventLoop: eventLoop)
        write(batch, eventLoop).whenComplete { result in bound.value.log?.completed(batch, result) }
    }

    private func completed(_ batch: MediaBatch, _ result: Result<Void, any Error>) {
        isWriting = false
        // What has been given up meanwhile stays given up.
        guard retryAt == nil else { return }
        guard case .success = result else { return fail() }
        for piece in batch.pieces { wrote(piece) }
        run()
    }

    private func fail() {
        retryAt = .now() + Self.retryDelay
        for name in journal.fail() { remove(name) }
    }

    private struct Weak {
        weak var log: MediaLog?
    }
}
