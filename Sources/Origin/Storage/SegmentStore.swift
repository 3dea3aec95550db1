import NIOCore
import Node
import Wire

/// The bytes of one rendition's segments: in memory while viewers near live want them, from files afterwards.
///
/// A segment is its parts by reference: nothing is stored twice. A file holds the parts one after another. Who writes it
/// (`MediaLog`) says how much of it is there.
final class SegmentStore {
    private struct Segment {
        /// Empty when they are in the file alone.
        var parts: [ByteBuffer] = []
        var isComplete = false
        var isInMemory = true
        var file: StoredFile?
        /// Bytes that lie in the file.
        var filed = 0
        /// Where each part ends in the segment.
        var ends: [Int] = []
        var count: Int { ends.last ?? 0 }
    }

    /// What is asked for.
    enum Media {
        case memory([ByteBuffer])
        case file(StoredFile, Range<Int>)
    }

    private var segments: [Int64: Segment] = [:]
    private(set) var memoryBytes = 0
    private(set) var diskBytes = 0
    /// All before it are out of memory, or stay there until they go.
    private var nextToMove: Int64

    init(firstSequence: Int64) { nextToMove = firstSequence }

    // MARK: In

    func open(_ sequence: Int64) { segments[sequence] = Segment() }

    func append(_ part: ByteBuffer, to sequence: Int64) {
        guard let segment = segments[sequence] else { return }
        segments[sequence]?.parts.append(part)
        segments[sequence]?.ends.append(segment.count + part.readableBytes)
        memoryBytes += part.readableBytes
    }

    func complete(_ sequence: Int64) { segments[sequence]?.isComplete = true }

    func remove(_ sequence: Int64) {
        guard let segment = segments.removeValue(forKey: sequence) else { return }
        if segment.isInMemory { memoryBytes -= segment.count }
        diskBytes -= segment.filed
    }

    // MARK: From an earlier process

    /// A part that lies in `file` after the parts before it.
    func restorePart(_ count: Int, of sequence: Int64, in file: @autoclosure () -> StoredFile) {
        guard let segment = segments[sequence] else { return }
        segments[sequence]?.ends.append(segment.count + count)
        segments[sequence]?.isInMemory = false
        segments[sequence]?.filed += count
        if segment.file == nil, count > 0 { segments[sequence]?.file = file() }
        diskBytes += count
    }

    // MARK: Out

    func segment(_ sequence: Int64) -> Media? {
        guard let segment = segments[sequence], segment.isComplete else { return nil }
        if segment.isInMemory { return .memory(segment.parts) }
        return segment.file.map { .file($0, 0..<segment.count) } ?? .memory([])
    }

    func part(_ sequence: Int64, _ index: Int) -> Media? {
        guard let segment = segments[sequence], segment.ends.indices.contains(index) else { return nil }
        let range = (index == 0 ? 0 : segment.ends[index - 1])..<segment.ends[index]
        // A gap has a place among the parts, and no bytes.
        if range.isEmpty { return nil }
        if segment.isInMemory { return .memory([segment.parts[index]]) }
        return segment.file.map { .file($0, range) }
    }

    // MARK: To files

    /// `count` more bytes of a segment lie in its file.
    func wrote(_ count: Int, of sequence: Int64, to file: StoredFile) {
        // It may have gone meanwhile.
        guard segments[sequence] != nil else { return }
        segments[sequence]?.file = file
        segments[sequence]?.filed += count
        diskBytes += count
        if sequence < nextToMove { leaveMemory(sequence) }
    }

    /// Lets go of the memory of segments with lower sequence numbers, as far as files have them. What a failing disk does
    /// not have stays in memory until it goes.
    func move(before sequence: Int64) {
        while nextToMove < sequence {
            // A hole in the numbers may be long: it is stepped over, never counted through.
            if segments[nextToMove] == nil { nextToMove = segments.keys.filter { $0 > nextToMove }.min() ?? sequence }
            leaveMemory(nextToMove)
            nextToMove += 1
        }
    }

    private func leaveMemory(_ sequence: Int64) {
        guard let segment = segments[sequence], segment.isInMemory, segment.isComplete, segment.count > 0,
            segment.filed == segment.count
        else { return }
        segments[sequence]?.parts = []
        segments[sequence]?.isInMemory = false
        memoryBytes -= segment.count
    }
}

extension SegmentStore.Media {
    var count: Int {
        switch self {
        case .memory(let pieces): pieces.reduce(0) { $0 + $1.readableBytes }
        case .file(_, let range): range.count
        }
    }

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
