import HTTP
import NIOCore

/// Which answers lie in files, and what is to be done about it: bytes that are to be written, files that are to go.
///
/// It touches no disk and knows no clock. The owner takes its work, does it in that order, one step after the other, and
/// reports what came of it. A disk that fails, or is full, costs nothing but the tier.
package struct DiskTier {
    /// Names a file. Later ones are higher.
    package typealias FileID = UInt64

    /// A file's answer.
    package struct Object {
        package let file: FileID
        /// Without its body.
        package let response: StoredResponse
        package let bodyOffset: Int
        package let bodyBytes: Int
    }

    /// What is to be done, in order.
    package enum Work {
        /// Take the directory, and tell which files are there.
        case open
        /// Tell what these files begin with.
        case inspect([FileID])
        case write(FileID, head: ByteBuffer, body: [ByteBuffer])
        /// Put this in the place of what the file begins with, which is as long.
        case rewrite(FileID, head: ByteBuffer)
        case remove(FileID)
        /// For the operator: what is held is not added to, or not used at all, until the disk works again.
        case fails(DiskFailure)
        case works
        /// Everything that lay in the directory is known.
        case recovered(objects: Int, bytes: Int)
    }

    package struct Counters: Sendable {
        package var hits: UInt64 = 0
        package var written: UInt64 = 0
        package var evicted: UInt64 = 0
        /// Answers that were not written because the disk does not keep up, or fails.
        package var dropped: UInt64 = 0
        package var failures: UInt64 = 0
    }

    /// What a request finds.
    enum Found {
        /// On its way to the disk.
        case waiting(StoredResponse, VarySelection)
        case file(Object)
    }

    struct Entry {
        let key: CacheKey
        let selection: VarySelection
        /// Without its body.
        var response: StoredResponse
        let bodyOffset: Int
        let bodyBytes: Int
        let bytes: Int
        /// The body until it is written.
        var waiting: SharedBody?
        /// Writing it is somebody's work already.
        var isBegun = false
        var node: SieveQueue<FileID>.Node
        var names: [HTTPBytes]
    }

    enum Step {
        case open, inspect([FileID]), write(FileID), rewrite(FileID), void(FileID), remove(FileID)
        case fails(DiskFailure), works, recovered
    }

    let budgetBytes: Int
    let objectBytes: Int
    /// Bytes that may wait to be written: more is a disk that does not keep up.
    private let queueBytes: Int
    let admits: (HTTPBytes, ResponseHead) -> Bool
    var health: DiskHealth
    var entries: [FileID: Entry] = [:]
    var filesOfKey: [CacheKey: [FileID]] = [:]
    private var filesOfName: [HTTPBytes: Set<FileID>] = [:]
    var queue = SieveQueue<FileID>()
    /// Files that are found no more: they go when nobody reads them, and count until they have gone.
    var leaving: [FileID: Int] = [:]
    /// Of those the ones whose removal is somebody's work, and their bytes.
    private var going: Set<FileID> = []
    private var goingBytes = 0
    private var readers: [FileID: Int] = [:]
    /// Files that could not be removed.
    var owed: Set<FileID> = []
    var recovery: DiskRecovery? = DiskRecovery()
    var lastFile: FileID = 0
    var steps: [Step] = []
    var waitingBytes = 0
    package internal(set) var bytes = 0
    var counts = Counters()

    /// A file takes whole blocks, and an entry in its folder.
    private static let block = 4_096

    /// `objectBytes` bounds a body; what `admits` says no to by its target and head is not written.
    package init(
        budgetBytes: Int, objectBytes: Int, queueBytes: Int = 64 << 20,
        admits: @escaping (HTTPBytes, ResponseHead) -> Bool = { _, _ in true }
    ) {
        self.budgetBytes = budgetBytes
        self.objectBytes = objectBytes
        self.queueBytes = queueBytes
        self.admits = admits
        health = DiskHealth(budgetBytes: budgetBytes)
        steps = [.open]
    }

    package var counters: Counters { counts }
    package var count: Int { entries.count }
    package var hasWork: Bool { !steps.isEmpty }
    /// False while nothing is written.
    package var isWorking: Bool { health.isWorking }
    /// False while removals wait for a disk that fails.
    package var isSettled: Bool { owed.isEmpty }
    /// Everything that lies in the directory is known.
    var isOpen: Bool { recovery == nil }
    /// True while files of an earlier process are read.
    package var isRecovering: Bool { recovery?.isListed ?? false }

    static func space(_ bytes: Int) -> Int { (bytes + block - 1) / block * block }

    // MARK: In

    /// Takes an answer that is whole, in the place of the one with the same selection.
    mutating func offer(
        _ response: StoredResponse, under key: CacheKey, _ selection: VarySelection, at now: ContinuousClock.Instant
    ) {
        remove(key) { $0 == selection }
        recovery?.overtake(key)
        let bodyBytes = response.body.byteCount
        guard response.body.isComplete, response.head.status == 200, bodyBytes > 0, bodyBytes <= objectBytes,
            isUseful(response, at: now), admits(key.target, response.head)
        else { return }
        switch health.offered(at: now) {
        case .no:
            counts.dropped += 1
            return
        case .reopen:
            steps.append(.open)
            counts.dropped += 1
            return
        case .yes: break
        }
        if !health.isWorking, let file = owed.min() {
            // What could not be removed is tried first: it may be all that there is room for.
            owed.remove(file)
            addRemoval(of: file)
            counts.dropped += 1
            return
        }
        let stripped = StoredResponse(response, body: SharedBody())
        let record = DiskRecord(
            stripped, bodyBytes: bodyBytes, key: key, selection: selection, at: now, unixMicroseconds: 0)
        let offset = DiskRecord.bodyOffset(recordBytes: record.encoded().readableBytes)
        let size = Self.space(offset + bodyBytes)
        guard offset <= DiskRecord.longest, waitingBytes + bodyBytes <= queueBytes,
            makeRoom(for: size, within: health.limit(at: now))
        else {
            counts.dropped += 1
            health.withdrawn()
            return
        }
        lastFile += 1
        waitingBytes += bodyBytes
        insert(
            lastFile,
            Entry(
                key: key, selection: selection, response: stripped, bodyOffset: offset, bodyBytes: bodyBytes,
                bytes: size, waiting: response.body, node: queue.insert(lastFile),
                names: SurrogateKeys.of(response.head.fields)))
        steps.append(.write(lastFile))
    }

    /// Worth a file: it is fresh for a while, or can be asked about.
    private func isUseful(_ response: StoredResponse, at now: ContinuousClock.Instant) -> Bool {
        response.freshness.verdict == .store
            && (response.remaining(at: now) >= 10 || response.head.fields.contains("etag")
                || response.head.fields.contains("last-modified"))
    }

    /// Memory has let go of an answer: it goes to a file unless it is in one.
    mutating func spill(
        _ response: StoredResponse, under key: CacheKey, _ selection: VarySelection, at now: ContinuousClock.Instant
    ) {
        let isHeld = (filesOfKey[key] ?? []).contains { entries[$0]?.selection == selection }
        if !isHeld { offer(response, under: key, selection, at: now) }
    }

    /// What is held is as `response` says from now on, with the same body. Returns false where it is not held.
    mutating func freshen(_ response: StoredResponse, under key: CacheKey, _ selection: VarySelection) -> Bool {
        recovery?.overtake(key)
        guard let file = (filesOfKey[key] ?? []).first(where: { entries[$0]?.selection == selection }),
            entries[file]?.bodyBytes == response.body.byteCount
        else { return false }
        freshen(file, response)
        return entries[file] != nil
    }

    mutating func freshen(_ file: FileID, _ response: StoredResponse) {
        guard var entry = entries[file] else { return }
        let record = DiskRecord(
            response, bodyBytes: entry.bodyBytes, key: entry.key, selection: entry.selection, at: .now,
            unixMicroseconds: 0)
        guard record.fileHead(bodyOffset: entry.bodyOffset) != nil else { return remove(file) }
        forgetNames(file, entry.names)
        let wasStale = entry.response.freshness.lifetime <= 0
        entry.response = StoredResponse(response, body: SharedBody())
        entry.names = SurrogateKeys.of(response.head.fields)
        entries[file] = entry
        for name in entry.names { filesOfName[name, default: []].insert(file) }
        // What is asked about at each request is no other in its file.
        if wasStale && response.freshness.lifetime <= 0 { return }
        if entry.waiting == nil || entry.isBegun { steps.append(.rewrite(file)) }
    }

    mutating func insert(_ file: FileID, _ entry: Entry) {
        entries[file] = entry
        filesOfKey[entry.key, default: []].append(file)
        for name in entry.names { filesOfName[name, default: []].insert(file) }
        bytes += entry.bytes
    }

    // MARK: Out

    /// The newest answer of the key that the request selects.
    mutating func find(_ key: CacheKey, _ request: HTTPFields) -> Found? {
        guard health.reads else { return nil }
        for file in (filesOfKey[key] ?? []).reversed() {
            guard let entry = entries[file], entry.selection.isEmpty || entry.selection.matches(request) else {
                continue
            }
            entry.node.isVisited = true
            if let body = entry.waiting { return .waiting(StoredResponse(entry.response, body: body), entry.selection) }
            return .file(object(file, entry))
        }
        return nil
    }

    private func object(_ file: FileID, _ entry: Entry) -> Object {
        Object(file: file, response: entry.response, bodyOffset: entry.bodyOffset, bodyBytes: entry.bodyBytes)
    }

    /// A file's answer as it is now; nil where it is found no more.
    func current(_ file: FileID) -> (object: Object, key: CacheKey, selection: VarySelection)? {
        entries[file].map { (object(file, $0), $0.key, $0.selection) }
    }

    /// Someone reads a file: until it is released it stays where it is.
    mutating func retain(_ file: FileID) { readers[file, default: 0] += 1 }

    mutating func release(_ file: FileID) {
        guard let count = readers[file] else { return }
        readers[file] = count > 1 ? count - 1 : nil
        if count == 1, leaving[file] != nil { removeFile(file) }
    }

    mutating func countHit() { counts.hits += 1 }

    // MARK: Room

    /// Lets go of files until so many bytes more are within the limit: what is removed is, before they are written. False
    /// when that cannot be.
    mutating func makeRoom(for size: Int, within limit: Int) -> Bool {
        guard size <= limit else { return false }
        while bytes - goingBytes + size > limit {
            if let file = recovery?.takeOldest() {
                counts.evicted += 1
                leave(file.id, file.bytes)
            } else if let victim = queue.evict() {
                counts.evicted += 1
                take(victim.key)
            } else {
                return false
            }
        }
        return true
    }

    /// A file is found no more. Its bytes count until it has gone.
    mutating func leave(_ file: FileID, _ size: Int) {
        leaving[file] = size
        removeFile(file)
    }

    private mutating func removeFile(_ file: FileID) {
        guard health.reads else {
            owed.insert(file)
            return
        }
        addRemoval(of: file)
    }

    /// Who reads it goes on; a process after this one takes it for nobody's.
    mutating func addRemoval(of file: FileID) {
        guard readers[file] == nil else { return steps.append(.void(file)) }
        steps.append(.remove(file))
        if going.insert(file).inserted { goingBytes += leaving[file] ?? 0 }
    }

    /// It has gone, or stays for now.
    mutating func endRemoval(of file: FileID) {
        if going.remove(file) != nil { goingBytes -= leaving[file] ?? 0 }
    }

    /// Lets go of an entry whose place in the queue is not its any more.
    mutating func take(_ file: FileID) {
        guard let entry = entries.removeValue(forKey: file) else { return }
        filesOfKey[entry.key]?.removeAll { $0 == file }
        if filesOfKey[entry.key]?.isEmpty == true { filesOfKey[entry.key] = nil }
        forgetNames(file, entry.names)
        if entry.waiting != nil { waitingBytes -= entry.bodyBytes }
        guard entry.waiting == nil || entry.isBegun else {
            // `takeWork` passes over what is not there.
            bytes -= entry.bytes
            return health.withdrawn()
        }
        leave(file, entry.bytes)
    }

    private mutating func forgetNames(_ file: FileID, _ names: [HTTPBytes]) {
        for name in names {
            filesOfName[name]?.remove(file)
            if filesOfName[name]?.isEmpty == true { filesOfName[name] = nil }
        }
    }

    mutating func remove(_ file: FileID) {
        guard let node = entries[file]?.node else { return }
        queue.remove(node)
        take(file)
    }

    mutating func remove(_ key: CacheKey, where isUnwanted: (VarySelection) -> Bool) {
        for file in filesOfKey[key] ?? [] where entries[file].map({ isUnwanted($0.selection) }) ?? false {
            remove(file)
        }
    }

    /// Something newer is known of a key than what is held of it.
    mutating func overtake(_ key: CacheKey, where isMeant: (VarySelection) -> Bool = { _ in true }) {
        recovery?.overtake(key)
        remove(key, where: isMeant)
    }

    // MARK: Purges

    /// Lets go of what a purge selects, or lets it be stale. Returns the keys and selections that it found.
    mutating func purge(
        _ selector: PurgeSelector, _ mode: PurgeMode, at now: ContinuousClock.Instant
    ) -> [(key: CacheKey, selection: VarySelection)] {
        recovery?.purged(selector, mode)
        let files =
            switch selector {
            case .target(let target): CacheKey.all(of: target).flatMap { filesOfKey[$0] ?? [] }
            case .prefix(let prefix): entries.filter { $0.value.key.target.starts(with: prefix) }.map(\.key).sorted()
            case .surrogateKey(let name): (filesOfName[name] ?? []).sorted()
            }
        var found: [(key: CacheKey, selection: VarySelection)] = []
        for file in files {
            guard let entry = entries[file] else { continue }
            found.append((entry.key, entry.selection))
            switch mode {
            case .hard: remove(file)
            case .soft: freshen(file, entry.response.aged(at: now))
            }
        }
        return found
    }
}
