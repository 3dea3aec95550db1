import HTTP
import NIOCore

/// The steps that the disk is to take, and what came of them.
extension DiskTier {
    /// The next steps. Who takes them does them in their order.
    package mutating func takeWork(at now: ContinuousClock.Instant, unixMicroseconds: Int64) -> [Work] {
        var work: [Work] = []
        for step in steps {
            switch step {
            case .open: work.append(.open)
            case .inspect(let files): work.append(.inspect(files))
            case .remove(let file): work.append(.remove(file))
            case .fails(let failure): work.append(.fails(failure))
            case .works: work.append(.works)
            case .recovered: work.append(.recovered(objects: entries.count, bytes: bytes))
            case .void(let file):
                if leaving[file] != nil { work.append(.rewrite(file, head: ByteBuffer(repeating: 0, count: 8))) }
            case .write(let file):
                guard let entry = entries[file], let body = entry.waiting,
                    let head = head(of: entry, at: now, unixMicroseconds)
                else { continue }
                entries[file]?.isBegun = true
                work.append(.write(file, head: head, body: body.chunks))
            case .rewrite(let file):
                guard let entry = entries[file], let head = head(of: entry, at: now, unixMicroseconds) else {
                    continue
                }
                work.append(.rewrite(file, head: head))
            }
        }
        steps.removeAll(keepingCapacity: true)
        return work
    }

    private func head(
        of entry: Entry, at now: ContinuousClock.Instant, _ unixMicroseconds: Int64
    ) -> ByteBuffer? {
        DiskRecord(
            entry.response, bodyBytes: entry.bodyBytes, key: entry.key, selection: entry.selection, at: now,
            unixMicroseconds: unixMicroseconds
        ).fileHead(bodyOffset: entry.bodyOffset)
    }

    /// A file lies in the directory, whole.
    package mutating func wrote(_ file: FileID) {
        counts.written += 1
        if let entry = entries[file], entry.waiting != nil {
            entries[file]?.waiting = nil
            waitingBytes -= entry.bodyBytes
        }
        worked()
    }

    /// A file begins otherwise.
    package mutating func rewrote() { worked() }

    private mutating func worked() {
        guard health.worked() else { return }
        steps.append(.works)
        for file in owed.sorted() { addRemoval(of: file) }
        owed.removeAll()
    }

    /// A file has gone.
    package mutating func removed(_ file: FileID) {
        forget(file)
        worked()
    }

    private mutating func forget(_ file: FileID) {
        endRemoval(of: file)
        if let size = leaving.removeValue(forKey: file) { bytes -= size }
    }

    /// A step could not be done. Nothing of a file that was being written is left.
    package mutating func failed(
        _ work: FailedWork, _ failure: DiskFailure, at now: ContinuousClock.Instant
    ) {
        counts.failures += 1
        switch work {
        case .open: break
        case .write(let file):
            // Nothing lies in the directory.
            if let entry = entries[file] {
                queue.remove(entry.node)
                take(file)
            }
            cancelRemoval(of: file)
        case .rewrite(let file):
            // What it says is not what is known.
            if entries[file] != nil {
                remove(file)
            } else if leaving[file] != nil, failure != .missing {
                owed.insert(file)
            }
        case .remove(let file):
            if failure == .missing { return removed(file) }
            endRemoval(of: file)
            owed.insert(file)
        case .read(let file):
            remove(file)
            recovery?.forget(file)
        }
        // A file that somebody took away says nothing about the disk.
        guard failure != .missing else { return }
        if health.failed(failure, holding: bytes, at: now) { steps.append(.fails(failure)) }
        // What is waiting would fail as well.
        for (file, entry) in entries where entry.waiting != nil && !entry.isBegun { remove(file) }
    }

    private mutating func cancelRemoval(of file: FileID) {
        let planned = steps.firstIndex { if case .remove(file) = $0 { true } else { false } }
        if let planned { steps.remove(at: planned) }
        // A removal that is under way finds nothing, which is as good.
        if planned != nil || owed.remove(file) != nil { forget(file) }
    }

    /// What a failure is of.
    package enum FailedWork {
        case open, write(FileID), rewrite(FileID), remove(FileID), read(FileID)
    }
}
