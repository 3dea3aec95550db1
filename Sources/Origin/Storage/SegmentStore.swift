import NIOCore
import Wire

/// The bytes of one rendition's segments: in memory while viewers near live want them, in files afterwards.
///
/// A segment is its parts by reference: nothing is stored twice. A file holds the parts one after another.
final class SegmentStore {
    private struct Segment {
        var parts: [ByteBuffer] = []
        var isComplete = false
        var file: StoredFile?
        /// Where each part ends in the segment.
        var ends: [Int] = []
        var count: Int { ends.last ?? 0 }
    }

    /// What is asked for.
    enum Media {
        case memory([ByteBuffer])
        case file(StoredFile, Range<Int>)
    }

    /// `{channel}/{epoch}/{rendition}`, a folder of the media directory.
    private let folder: String
    private let directory: MediaDirectory?
    private let eventLoop: any EventLoop
    private var segments: [Int64: Segment] = [:]
    private(set) var memoryBytes = 0
    private(set) var diskBytes = 0
    /// All before it is in files, has gone, or was never there.
    private var nextToMove: Int64
    private var isWriting = false
    private var retryAt: NIODeadline?

    /// After a write has failed, this much later it is tried again.
    private static let retryDelay = TimeAmount.seconds(2)

    init(folder: String, firstSequence: Int64, directory: MediaDirectory?, eventLoop: any EventLoop) {
        self.folder = folder
        self.directory = directory
        self.eventLoop = eventLoop
        nextToMove = firstSequence
    }

    // MARK: In

    func open(_ sequence: Int64) { segments[sequence] = Segment() }

    func append(_ part: ByteBuffer, to sequence: Int64) {
        guard let count = segments[sequence]?.count else { return }
        segments[sequence]?.parts.append(part)
        segments[sequence]?.ends.append(count + part.readableBytes)
        memoryBytes += part.readableBytes
    }

    func complete(_ sequence: Int64) { segments[sequence]?.isComplete = true }

    func remove(_ sequence: Int64) {
        guard let segment = segments.removeValue(forKey: sequence) else { return }
        if segment.file == nil { memoryBytes -= segment.count } else { diskBytes -= segment.count }
    }

    // MARK: Out

    func segment(_ sequence: Int64) -> Media? {
        guard let segment = segments[sequence], segment.isComplete else { return nil }
        return segment.file.map { .file($0, 0..<segment.count) } ?? .memory(segment.parts)
    }

    func part(_ sequence: Int64, _ index: Int) -> Media? {
        guard let segment = segments[sequence], segment.ends.indices.contains(index) else { return nil }
        let range = (index == 0 ? 0 : segment.ends[index - 1])..<segment.ends[index]
        // A gap has a place among the parts, and no bytes.
        if range.isEmpty { return nil }
        guard let file = segment.file else { return .memory([segment.parts[index]]) }
        return .file(file, range)
    }

    // MARK: To files

    /// Moves segments with lower sequence numbers into files, one after the other.
    func move(before sequence: Int64, at now: NIODeadline) {
        guard let directory, !isWriting else { return }
        if let retryAt, now < retryAt { return }
        // A hole in the numbers may be long: it is stepped over, never counted through.
        if segments[nextToMove] == nil, nextToMove < sequence {
            nextToMove = segments.keys.filter { $0 >= nextToMove }.min() ?? sequence
        }
        guard nextToMove < sequence, let segment = segments[nextToMove], segment.isComplete else { return }
        guard segment.count > 0 else {
            nextToMove += 1
            return
        }
        isWriting = true
        let moving = nextToMove
        let bound = NIOLoopBound(WeakStore(self), eventLoop: eventLoop)
        directory.write(segment.parts, to: "\(folder)/\(moving).m4s", on: eventLoop).whenComplete { result in
            // A store that is gone lets go of the file, which removes it.
            bound.value.store?.moved(moving, result)
        }
    }

    private func moved(_ sequence: Int64, _ result: Result<StoredFile, any Error>) {
        isWriting = false
        guard case .success(let file) = result else {
            retryAt = .now() + Self.retryDelay
            return
        }
        retryAt = nil
        nextToMove = max(nextToMove, sequence + 1)
        // It may have gone meanwhile.
        guard let segment = segments[sequence], segment.file == nil else { return }
        segments[sequence]?.file = file
        segments[sequence]?.parts = []
        memoryBytes -= segment.count
        diskBytes += segment.count
    }

    private struct WeakStore {
        weak var store: SegmentStore?
        init(_ store: SegmentStore) { self.store = store }
    }
}

extension SegmentStore.Media {
    /// The body of an answer to `exchange`.
    func body(for exchange: Exchange, on eventLoop: any EventLoop) -> ResponseBody {
        switch self {
        case .memory(let pieces): pieces.count == 1 ? .bytes(pieces[0]) : .slices(pieces)
        case .file(let file, let range):
            .stream(FileBody(file, range: range, for: exchange, on: eventLoop), length: range.count)
        }
    }
}

/// What a channel may keep.
package struct StorageSettings: Sendable {
    /// Bytes of media in memory.
    package var memoryBytes = 512 << 20
    /// Bytes of media in files.
    package var diskBytes = 64 << 30
    /// Where files go; nil for none.
    package var directory: MediaDirectory?

    package init() {}
}
