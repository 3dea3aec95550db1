import HTTP

/// What is held: answers by key, of each key the variants that its Vary tells apart, within a budget of bytes.
struct ObjectTable {
    /// One answer as it is held.
    private struct Variant {
        let response: StoredResponse
        let selection: VarySelection
        let node: SieveQueue<CacheKey>.Node
        let bytes: Int
    }

    private var budgetBytes: Int
    private var objectBytes: Int
    private let channelBytes: Int
    private var channels: [HTTPBytes: Channel] = [:]
    private var keysOfName: [HTTPBytes: Set<CacheKey>] = [:]
    private var objects: [CacheKey: [Variant]] = [:]
    private let queue = SieveQueue<CacheKey>()
    private(set) var count = 0
    private(set) var bytes = 0
    private(set) var evictions: UInt64 = 0
    /// Whether what is evicted is to be had by `takeEvicted`.
    var gathersEvicted = false
    private var evicted: [Evicted] = []

    /// An answer for which there was no room any more.
    struct Evicted {
        let key: CacheKey
        let response: StoredResponse
        let selection: VarySelection
    }

    /// Variants of one key: a field that every client sends differently must not fill the memory with one object.
    private static let variantLimit = 32

    /// What one live channel holds, oldest first: its window moves on by itself, so that age says what goes.
    private struct Channel {
        var bytes = 0
        var count = 0
        var order: [SieveQueue<CacheKey>.Node] = []
    }

    init(budgetBytes: Int, objectBytes: Int, channelBytes: Int = .max) {
        self.budgetBytes = budgetBytes
        self.objectBytes = objectBytes
        self.channelBytes = channelBytes
    }

    /// Other budgets from now on; what is beyond them goes.
    mutating func resize(budgetBytes: Int, objectBytes: Int) {
        self.budgetBytes = budgetBytes
        self.objectBytes = objectBytes
        while bytes > budgetBytes, evict() {}
    }

    /// Bytes that a live channel holds.
    func bytes(ofChannel name: HTTPBytes) -> Int { channels[name]?.bytes ?? 0 }

    /// The newest answer that the request selects.
    func find(_ key: CacheKey, _ request: HTTPFields) -> StoredResponse? {
        guard let variants = objects[key],
            let found = variants.last(where: { $0.selection.isEmpty || $0.selection.matches(request) })
        else { return nil }
        found.node.isVisited = true
        return found.response
    }

    /// The newest answer of a key, whoever may have it.
    func newest(_ key: CacheKey) -> StoredResponse? { objects[key]?.last?.response }

    /// Whether the answer of this selection is held.
    func holds(_ key: CacheKey, _ selection: VarySelection) -> Bool {
        objects[key]?.contains { $0.selection == selection } ?? false
    }

    /// Whether the newest answer of the key says that these two requests select different ones. Where nothing is known they
    /// are taken for alike.
    func tellsApart(_ key: CacheKey, _ one: HTTPFields, _ other: HTTPFields) -> Bool {
        guard let newest = objects[key]?.last, !newest.selection.isEmpty else { return false }
        return VarySelection(newest.response.head.fields, request: one)
            != VarySelection(newest.response.head.fields, request: other)
    }

    /// Keeps an answer in the place of the one with the same selection.
    mutating func store(_ response: StoredResponse, under key: CacheKey, _ selection: VarySelection) {
        remove(key) { $0.selection == selection }
        // Head, key and bookkeeping are counted too, or a million empty answers would cost nothing.
        let size =
            response.body.byteCount + key.target.count + response.head.fields.byteCount + selection.byteCount + 1_024
        guard response.body.byteCount <= objectBytes, size <= budgetBytes else { return }
        while bytes + size > budgetBytes, evict() {}
        if let oldest = objects[key]?.first, (objects[key]?.count ?? 0) >= Self.variantLimit {
            remove(key) { $0.node === oldest.node }
        }
        let node = queue.insert(key)
        objects[key, default: []].append(Variant(response: response, selection: selection, node: node, bytes: size))
        bytes += size
        count += 1
        for name in SurrogateKeys.of(response.head.fields) { keysOfName[name, default: []].insert(key) }
        if let channel = key.channel { enter(channel, node, size) }
    }

    // MARK: Channels

    private mutating func enter(_ name: HTTPBytes, _ node: SieveQueue<CacheKey>.Node, _ size: Int) {
        var channel = channels.removeValue(forKey: name) ?? Channel()
        channel.bytes += size
        channel.count += 1
        // What has gone by other ways is still in the order: it is cleared out before it is most of it.
        if channel.order.count > 2 * channel.count + 64 {
            channel.order.removeAll { node in !(objects[node.key]?.contains { $0.node === node } ?? false) }
        }
        channel.order.append(node)
        channels[name] = channel
        var next = 0
        while let channel = channels[name], channel.bytes > channelBytes, next < channel.order.count {
            let oldest = channel.order[next]
            next += 1
            // The newest stays, whatever it takes: it is what viewers wait for.
            guard oldest !== node else { break }
            let gone = take(oldest.key) { $0.node === oldest }
            for variant in gone { queue.remove(variant.node) }
            note(gone, of: oldest.key)
        }
        if next > 0 { channels[name]?.order.removeFirst(next) }
    }

    private mutating func leave(_ name: HTTPBytes, _ size: Int) {
        guard var channel = channels.removeValue(forKey: name) else { return }
        channel.bytes -= size
        channel.count -= 1
        if channel.count > 0 { channels[name] = channel }
    }

    // MARK: Purges

    /// The keys that a purge is about.
    func keys(_ selector: PurgeSelector) -> [CacheKey] {
        switch selector {
        case .target(let target): CacheKey.all(of: target).filter { objects[$0] != nil }
        case .prefix(let prefix): objects.keys.filter { $0.target.starts(with: prefix) }
        case .surrogateKey(let name): keysOfName[name].map(Array.init) ?? []
        }
    }

    /// Lets go of what a purge selects, or lets it be stale. Returns how many answers that were.
    mutating func purge(_ selector: PurgeSelector, _ mode: PurgeMode, at now: ContinuousClock.Instant) -> PurgedObjects
    {
        var purged = PurgedObjects()
        for key in keys(selector) {
            let isMeant = { (variant: Variant) -> Bool in
                guard case .surrogateKey(let name) = selector else { return true }
                return SurrogateKeys.of(variant.response.head.fields).contains(name)
            }
            switch mode {
            case .hard:
                let before = count
                remove(key, where: isMeant)
                purged.add(key, before - count)
            case .soft:
                objects[key] = objects[key]?.map { variant in
                    guard isMeant(variant) else { return variant }
                    purged.add(key, 1)
                    return Variant(
                        response: variant.response.aged(at: now), selection: variant.selection, node: variant.node,
                        bytes: variant.bytes)
                }
            }
        }
        return purged
    }

    private mutating func evict() -> Bool {
        guard let victim = queue.evict() else { return false }
        note(take(victim.key) { $0.node === victim }, of: victim.key)
        return true
    }

    private mutating func note(_ gone: [Variant], of key: CacheKey) {
        evictions += UInt64(gone.count)
        guard gathersEvicted else { return }
        evicted += gone.map { Evicted(key: key, response: $0.response, selection: $0.selection) }
    }

    /// What has been evicted since this was last asked.
    mutating func takeEvicted() -> [Evicted] {
        guard !evicted.isEmpty else { return [] }
        defer { evicted.removeAll(keepingCapacity: true) }
        return evicted
    }

    /// Lets go of all variants of a key.
    mutating func remove(_ key: CacheKey) { remove(key) { _ in true } }

    /// Lets go of the variants of a key that a request selects.
    mutating func remove(_ key: CacheKey, selectedBy request: HTTPFields) {
        remove(key) { $0.selection.isEmpty || $0.selection.matches(request) }
    }

    /// Lets go of one answer, if it is still held.
    mutating func remove(_ response: StoredResponse, under key: CacheKey) {
        remove(key) { $0.response === response }
    }

    private mutating func remove(_ key: CacheKey, where isUnwanted: (Variant) -> Bool) {
        for variant in take(key, where: isUnwanted) { queue.remove(variant.node) }
    }

    @discardableResult
    private mutating func take(_ key: CacheKey, where isUnwanted: (Variant) -> Bool) -> [Variant] {
        guard var variants = objects[key] else { return [] }
        let gone = variants.filter(isUnwanted)
        guard !gone.isEmpty else { return [] }
        variants.removeAll(where: isUnwanted)
        objects[key] = variants.isEmpty ? nil : variants
        count -= gone.count
        for variant in gone {
            bytes -= variant.bytes
            if let channel = key.channel { leave(channel, variant.bytes) }
            for name in SurrogateKeys.of(variant.response.head.fields) {
                guard !variants.contains(where: { SurrogateKeys.of($0.response.head.fields).contains(name) }) else {
                    continue
                }
                keysOfName[name]?.remove(key)
                if keysOfName[name]?.isEmpty == true { keysOfName[name] = nil }
            }
        }
        return gone
    }
}
