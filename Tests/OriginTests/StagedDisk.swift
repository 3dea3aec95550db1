import Files
import Media
import NIOCore
import NIOEmbedded

@testable import Origin

/// A media directory in memory, whose writes are done at once.
final class StagedDisk {
    let loop = EmbeddedEventLoop()
    private(set) var files: [String: ByteBuffer] = [:]
    /// Writes fail meanwhile.
    var isFull = false
    private var generation = 0
    // Never started: it makes names, and removes nothing.
    private let nowhere = MediaDirectory(path: "/dev/null")

    func file(_ name: String) -> StoredFile { StoredFile(name: name, directory: nowhere) }

    func log(_ folder: String) -> MediaLog {
        let mine = generation
        return MediaLog(
            folder: folder, eventLoop: loop, makeFile: file,
            remove: { [weak self] in if self?.generation == mine { self?.files[$0] = nil } },
            write: { [weak self] batch, loop in
                guard let self, generation == mine, !isFull else {
                    return loop.makeFailedFuture(FileError(operation: "write", path: batch.journal))
                }
                for piece in batch.pieces { write(piece.bytes, to: piece.file.name, at: piece.offset) }
                write(batch.records, to: batch.journal, at: batch.isFirst ? 0 : nil)
                return loop.makeSucceededVoidFuture()
            })
    }

    private func write(_ bytes: ByteBuffer, to name: String, at offset: Int?) {
        var file = offset == 0 ? ByteBuffer() : files[name] ?? ByteBuffer()
        if let offset, offset != file.readableBytes { return }
        file.writeImmutableBuffer(bytes)
        files[name] = file
    }

    /// The process that writes is gone.
    func stop(torn: Int) {
        generation += 1
        guard torn > 0, let last = journals("demo/e1").last else { return }
        let name = "demo/e1/\(MediaJournal.name(last.firstSequence))"
        files[name] = last.bytes.getSlice(at: 0, length: max(0, last.bytes.readableBytes - torn))
    }

    func forget() {
        generation += 1
        files.removeAll()
    }

    func remove(_ name: String) { files[name] = nil }

    func journals(_ folder: String) -> [(firstSequence: Int64, bytes: ByteBuffer)] {
        files.compactMap { name, bytes in
            guard name.hasPrefix("\(folder)/journal."), let number = name.split(separator: ".").last else { return nil }
            return Int64(number).map { ($0, bytes) }
        }.sorted { $0.firstSequence < $1.firstSequence }
    }

    func recovered(_ folder: String) -> RecoveredMedia? {
        let recovered = RecoveredMedia(
            journals(folder), size: { self.files["\(folder)/\(MediaJournal.segmentName($0, $1))"]?.readableBytes })
        guard let recovered, let last = recovered.files.last else { return nil }
        let name = "\(folder)/\(MediaJournal.name(last))"
        files[name] = files[name]?.getSlice(at: 0, length: recovered.lastFileCount)
        return recovered
    }

    /// What a store gives for a part or a segment.
    func bytes(_ media: SegmentStore.Media?) -> ByteBuffer? {
        switch media {
        case .memory(let pieces):
            var bytes = ByteBuffer()
            for piece in pieces { bytes.writeImmutableBuffer(piece) }
            return bytes
        case .file(let file, let range): return files[file.name]?.getSlice(at: range.lowerBound, length: range.count)
        case nil: return nil
        }
    }
}
