import HTTP
import NIOCore

/// What an earlier process left in the directory is found again.
extension DiskTier {
    /// The directory is this process's, and these files lie in it.
    package mutating func opened(_ files: [(id: FileID, bytes: Int)]) {
        lastFile = max(lastFile, files.map(\.id).max() ?? 0)
        let sized = files.map { (id: $0.id, bytes: Self.space($0.bytes)) }
        bytes += sized.reduce(0) { $0 + $1.bytes }
        recovery?.list(sized)
        if health.opened() { steps.append(.works) }
        _ = makeRoom(for: 0, within: budgetBytes)
        inspectNext()
    }

    /// What files begin with; nil for what is torn or no file of ours.
    package mutating func inspected(
        _ files: [(id: FileID, head: (record: DiskRecord, bodyOffset: Int)?)], at now: ContinuousClock.Instant,
        unixMicroseconds: Int64
    ) {
        for (file, head) in files {
            guard let size = recovery?.take(file) else { continue }
            guard let (record, offset) = head, record.bodyBytes <= objectBytes, record.bodyBytes > 0,
                admits(record.key.target, record.head), let recovery, !recovery.hasOvertaken(record.key),
                !(filesOfKey[record.key] ?? []).contains(where: { entries[$0]?.selection == record.selection })
            else {
                leave(file, size)
                continue
            }
            bytes -= size
            insert(
                file,
                Entry(
                    key: record.key, selection: record.selection,
                    response: record.response(at: now, unixMicroseconds: unixMicroseconds), bodyOffset: offset,
                    bodyBytes: record.bodyBytes, bytes: size, waiting: nil, node: queue.insert(file),
                    names: SurrogateKeys.of(record.head.fields)))
            switch recovery.purge(of: record) {
            case .hard: remove(file)
            case .soft: if let response = entries[file]?.response { freshen(file, response.aged(at: now)) }
            case nil: break
            }
        }
        inspectNext()
    }

    private mutating func inspectNext() {
        guard recovery?.isListed == true, let next = recovery?.next() else { return }
        if next.isEmpty {
            recovery = nil
            steps.append(.recovered)
        } else {
            steps.append(.inspect(next))
        }
    }
}
