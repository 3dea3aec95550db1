import HTTP

/// Files of an earlier process that have not been read yet, and what has happened meanwhile that is about them too.
struct DiskRecovery {
    private var unread: [DiskTier.FileID: Int] = [:]
    /// Oldest last.
    private var order: [DiskTier.FileID] = []
    /// Whether it is known which files there are.
    private(set) var isListed = false
    private var overtaken: Set<CacheKey> = []
    private var purges: [(selector: PurgeSelector, mode: PurgeMode)] = []

    /// Files that are read in one step.
    private static let batch = 64
    /// Where more has happened than this, nothing of what lies there is trusted.
    private static let longestMemory = 100_000

    mutating func list(_ files: [(id: DiskTier.FileID, bytes: Int)]) {
        isListed = true
        unread = Dictionary(files.map { ($0.id, $0.bytes) }) { first, _ in first }
        order = unread.keys.sorted(by: >)
    }

    /// The next to be read, oldest first; none when all were.
    mutating func next() -> [DiskTier.FileID] {
        var next: [DiskTier.FileID] = []
        while next.count < Self.batch, let file = order.popLast() {
            if unread[file] != nil { next.append(file) }
        }
        return next
    }

    /// A file has been read: its bytes, or nil where it is not waited for any more.
    mutating func take(_ file: DiskTier.FileID) -> Int? { unread.removeValue(forKey: file) }

    mutating func forget(_ file: DiskTier.FileID) { unread[file] = nil }

    /// The oldest that was not read, which goes before anything that is known.
    mutating func takeOldest() -> (id: DiskTier.FileID, bytes: Int)? {
        while let file = order.popLast() {
            if let bytes = unread.removeValue(forKey: file) { return (file, bytes) }
        }
        return nil
    }

    /// Something newer is known of a key.
    mutating func overtake(_ key: CacheKey) {
        if overtaken.count < Self.longestMemory { overtaken.insert(key) }
    }

    func hasOvertaken(_ key: CacheKey) -> Bool {
        overtaken.contains(key) || overtaken.count >= Self.longestMemory || purges.count >= Self.longestMemory
    }

    mutating func purged(_ selector: PurgeSelector, _ mode: PurgeMode) {
        if purges.count < Self.longestMemory { purges.append((selector, mode)) }
    }

    /// The strictest purge since the start that selects what a file holds.
    func purge(of record: DiskRecord) -> PurgeMode? {
        let names = SurrogateKeys.of(record.head.fields)
        let modes = purges.filter { purge in
            switch purge.selector {
            case .target(let target): CacheKey.all(of: target).contains(record.key)
            case .prefix(let prefix): record.key.target.starts(with: prefix)
            case .surrogateKey(let name): names.contains(name)
            }
        }.map(\.mode)
        return modes.contains(.hard) ? .hard : modes.first
    }
}
