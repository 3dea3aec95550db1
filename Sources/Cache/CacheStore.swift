import HTTP
import struct NIOCore.ByteBuffer

/// The cache of one event loop: one fetch per object, however many ask for it, and what it brings kept within a budget.
///
/// It owns no socket and no clock. The owner performs what `Lookup` and `Effect` say and reports what came of a fetch.
package final class CacheStore {
    /// How an answer was come by, for logs and Cache-Status.
    package enum ServedAs: Sendable, Equatable { case hit, miss, collapsed, stale, revalidated, pushed }

    package enum Lookup {
        case serve(StoredResponse, ServedAs)
        /// Wait: the answer comes as an effect.
        case joined(FillID)
        /// Wait, and fetch this for everyone who waits.
        case lead(FillID, RequestHead)
        /// The answer cannot be shared: fetch it for this client alone.
        case pass
        /// only-if-cached and nothing to serve (RFC 9111, 5.2.1.7).
        case notCached
    }

    package enum Effect {
        case deliver(WaiterID, StoredResponse, ServedAs)
        /// What came cannot be shared: fetch it for this waiter alone, all of them at the same time.
        case pass(WaiterID)
        /// Bodies that waiters follow have grown, ended or failed.
        case grew(Set<WaiterID>)
        /// Nothing came and nothing stands in for it.
        case fail(WaiterID)
    }

    package struct Counters: Sendable {
        package var hits: UInt64 = 0
        package var misses: UInt64 = 0
        package var collapsed: UInt64 = 0
        package var stale: UInt64 = 0
        package var revalidated: UInt64 = 0
        package var passed: UInt64 = 0
        package var evicted: UInt64 = 0
        package var failed: UInt64 = 0
    }

    private final class Fill {
        let key: CacheKey
        let request: RequestHead
        let previous: StoredResponse?
        let deliversWhole: Bool
        var waiters: [WaiterID: ServedAs] = [:]
        var order: [WaiterID] = []
        var response: StoredResponse?
        var isKept = true

        init(key: CacheKey, request: RequestHead, previous: StoredResponse?, deliversWhole: Bool) {
            self.key = key
            self.request = request
            self.previous = previous
            self.deliversWhole = deliversWhole
        }
    }

    private struct Entry {
        let response: StoredResponse
        let node: SieveQueue.Node
        let bytes: Int
    }

    private let budgetBytes: Int
    private let objectBytes: Int
    private let policy: FreshnessPolicy
    private var entries: [CacheKey: Entry] = [:]
    private var fillOfKey: [CacheKey: FillID] = [:]
    private var fills: [FillID: Fill] = [:]
    private var fillOfWaiter: [WaiterID: FillID] = [:]
    private var passing: [CacheKey: ContinuousClock.Instant] = [:]
    private let queue = SieveQueue()
    private var lastFill: FillID = 0
    package private(set) var storedBytes = 0
    package private(set) var counters = Counters()

    /// How long a key that brought something unshareable is not coalesced.
    private static let passingTime = Duration.seconds(2)

    package init(budgetBytes: Int, objectBytes: Int, policy: FreshnessPolicy = FreshnessPolicy()) {
        self.budgetBytes = budgetBytes
        self.objectBytes = objectBytes
        self.policy = policy
    }

    package var entryCount: Int { entries.count }
    package var fillCount: Int { fills.count }
    package var waitingCount: Int { fillOfWaiter.count }

    // MARK: Requests

    /// Decides a GET or HEAD.
    package func look(
        up request: RequestHead, waiter: WaiterID, at now: ContinuousClock.Instant
    ) -> Lookup {
        let key = CacheKey(request)
        let control = CacheControl(request.fields)
        if let entry = entries[key] {
            entry.node.isVisited = true
            let isWanted = !control.noCache && control.maxAge.map { entry.response.age(at: now) <= $0 } ?? true
            if entry.response.isFresh(at: now) && isWanted {
                counters.hits += 1
                return .serve(entry.response, .hit)
            }
        }
        if control.onlyIfCached { return .notCached }
        if let fillID = fillOfKey[key], let fill = fills[fillID] {
            counters.collapsed += 1
            if let response = fill.response, !fill.deliversWhole { return .serve(response, .collapsed) }
            wait(waiter, for: fillID, .collapsed)
            return .joined(fillID)
        }
        if let until = passing[key] {
            if now < until {
                counters.passed += 1
                return .pass
            }
            passing[key] = nil
        }
        counters.misses += 1
        lastFill += 1
        let previous = entries[key]?.response
        let fill = Fill(
            key: key, request: upstreamRequest(for: request, key: key, previous: previous), previous: previous,
            deliversWhole: CacheKey.isLive(request))
        fills[lastFill] = fill
        fillOfKey[key] = lastFill
        wait(waiter, for: lastFill, .miss)
        return .lead(lastFill, fill.request)
    }

    /// What there is of a target, whoever asked for it: something whole and fresh, or fetches under way.
    package struct Holding {
        package var held: StoredResponse?
        /// A fetch of it has begun to bring bytes.
        package var isFilling = false
        /// Fetches that have brought nothing yet.
        package var led: [FillID] = []
    }

    /// Looks at a target in every class of clients. Counts as no request.
    package func holding(of target: HTTPBytes, at now: ContinuousClock.Instant) -> Holding {
        var holding = Holding()
        for key in Self.keys(of: target) {
            if let entry = entries[key], entry.response.isFresh(at: now) { holding.held = entry.response }
            guard let id = fillOfKey[key], let fill = fills[id] else { continue }
            if fill.response == nil { holding.led.append(id) } else { holding.isFilling = true }
        }
        return holding
    }

    /// Someone else brings what this fetch was to bring: it is forgotten, and its waiters are the caller's, in order.
    package func handOver(_ id: FillID) -> [WaiterID] {
        guard let fill = fills.removeValue(forKey: id) else { return [] }
        if fillOfKey[fill.key] == id { fillOfKey[fill.key] = nil }
        let waiters = fill.order.filter { fill.waiters[$0] != nil }
        for waiter in waiters { fillOfWaiter[waiter] = nil }
        return waiters
    }

    private static func keys(of target: HTTPBytes) -> [CacheKey] {
        [true, false].map { takesGzip in
            var request = RequestHead(target: target)
            if takesGzip { request.fields.append("accept-encoding", "gzip") }
            return CacheKey(request)
        }
    }

    private func wait(_ waiter: WaiterID, for fill: FillID, _ role: ServedAs) {
        fills[fill]?.waiters[waiter] = role
        fills[fill]?.order.append(waiter)
        fillOfWaiter[waiter] = fill
    }

    /// A client has gone. Its fetch goes on: it belongs to the object.
    package func leave(_ waiter: WaiterID) {
        guard let id = fillOfWaiter.removeValue(forKey: waiter) else { return }
        fills[id]?.waiters[waiter] = nil
    }

    /// The request that is sent upstream: always GET, without what is this client's alone, with validators of what is
    /// held.
    private func upstreamRequest(for request: RequestHead, key: CacheKey, previous: StoredResponse?) -> RequestHead {
        var upstream = RequestHead(method: .get, target: key.target)
        if key.takesGzip { upstream.fields.append("accept-encoding", "gzip") }
        if let authorization = request.fields.first("authorization") {
            upstream.fields.append("authorization", authorization)
        }
        if let previous, previous.head.status == 200 {
            if let tag = previous.head.fields.first("etag") { upstream.fields.append("if-none-match", tag) }
            if let date = previous.head.fields.first("last-modified") {
                upstream.fields.append("if-modified-since", date)
            }
        }
        return upstream
    }

    // MARK: What a fetch brings

    package func head(
        _ id: FillID, _ head: ResponseHead, at now: ContinuousClock.Instant, unixSeconds: Int64
    ) -> [Effect] {
        guard let fill = fills[id] else { return [] }
        if head.status == 304, let previous = fill.previous {
            return revalidated(id, fill, previous, by: head, at: now, unixSeconds: unixSeconds)
        }
        if head.status >= 500, let previous = fill.previous, previous.maySubstitute(at: now) {
            counters.stale += 1
            return end(id, deliver: previous, as: .stale)
        }
        let freshness = Freshness(
            request: fill.request, response: head, unixSeconds: unixSeconds, policy: policy)
        let response = StoredResponse(head: head, body: SharedBody(), freshness: freshness, at: now)
        fill.response = response
        if freshness.verdict == .pass {
            fill.isKept = false
            // On live paths an error is the same for all who wait: 400 and 404 are shared while they wait together.
            guard fill.deliversWhole else { return release(id, fill, at: now) }
        }
        return fill.deliversWhole ? [] : deliverAll(fill, response)
    }

    /// Everyone but the leader fetches alone; the leader follows what it fetched.
    private func release(_ id: FillID, _ fill: Fill, at now: ContinuousClock.Instant) -> [Effect] {
        guard let response = fill.response else { return [] }
        fillOfKey[fill.key] = nil
        if passing.count > 10_000 { passing.removeAll() }
        passing[fill.key] = now + Self.passingTime
        var effects: [Effect] = []
        for waiter in fill.order {
            guard let role = fill.waiters[waiter] else { continue }
            fillOfWaiter[waiter] = nil
            if role == .miss {
                effects.append(.deliver(waiter, response, .miss))
            } else {
                counters.passed += 1
                effects.append(.pass(waiter))
            }
        }
        fill.waiters = [:]
        fill.order = []
        return effects
    }

    package func body(_ id: FillID, _ bytes: ByteBuffer) -> [Effect] {
        guard let fill = fills[id], let response = fill.response else { return [] }
        response.body.append(bytes)
        if response.body.byteCount > objectBytes { fill.isKept = false }
        return response.body.followers.isEmpty ? [] : [.grew(response.body.followers)]
    }

    package func finish(_ id: FillID, at now: ContinuousClock.Instant) -> [Effect] {
        guard let fill = fills[id], let response = fill.response else { return fail(id, at: now) }
        response.body.complete()
        var effects = end(id, deliver: response, as: nil)
        if fill.isKept { store(response, under: fill.key) }
        if !response.body.followers.isEmpty { effects.append(.grew(response.body.followers)) }
        return effects
    }

    /// The fetch failed for good. Before its head, what is held stands in; after it, the body is torn.
    package func fail(_ id: FillID, at now: ContinuousClock.Instant) -> [Effect] {
        guard let fill = fills[id] else { return [] }
        counters.failed += 1
        if let response = fill.response {
            response.body.fail()
            let torn = response.body.followers
            return (torn.isEmpty ? [] : [.grew(torn)]) + end(id, deliver: nil, as: nil)
        }
        if let previous = fill.previous, previous.maySubstitute(at: now) {
            counters.stale += UInt64(fill.waiters.count)
            return end(id, deliver: previous, as: .stale)
        }
        return end(id, deliver: nil, as: nil)
    }

    /// Whether anyone still waits for a fetch, so that a second attempt is worth its while.
    package func mayRetry(_ id: FillID) -> Bool { fills[id].map { $0.response == nil && !$0.waiters.isEmpty } ?? false }

    private func revalidated(
        _ id: FillID, _ fill: Fill, _ previous: StoredResponse, by head: ResponseHead,
        at now: ContinuousClock.Instant, unixSeconds: Int64
    ) -> [Effect] {
        counters.revalidated += 1
        // RFC 9111, 3.2: the 304's fields replace those held, content-length and -encoding excepted.
        var merged = previous.head
        for (name, _) in head.fields where !name.starts(with: "content-".utf8) {
            merged.fields.removeAll { held, _ in held == name }
        }
        for (name, value) in head.fields where !name.starts(with: "content-".utf8) {
            merged.fields.append(name: name, value: value)
        }
        let freshness = Freshness(request: fill.request, response: merged, unixSeconds: unixSeconds, policy: policy)
        let response = StoredResponse(head: merged, body: previous.body, freshness: freshness, at: now)
        store(response, under: fill.key)
        return end(id, deliver: response, as: .revalidated)
    }

    private func deliverAll(_ fill: Fill, _ response: StoredResponse, as role: ServedAs? = nil) -> [Effect] {
        let effects = fill.order.compactMap { waiter -> Effect? in
            guard let own = fill.waiters[waiter] else { return nil }
            fillOfWaiter[waiter] = nil
            return .deliver(waiter, response, role ?? own)
        }
        fill.waiters = [:]
        fill.order = []
        return effects
    }

    private func end(_ id: FillID, deliver response: StoredResponse?, as role: ServedAs?) -> [Effect] {
        guard let fill = fills.removeValue(forKey: id) else { return [] }
        if fillOfKey[fill.key] == id { fillOfKey[fill.key] = nil }
        if let response { return deliverAll(fill, response, as: role) }
        return fill.order.compactMap { waiter in
            guard fill.waiters[waiter] != nil else { return nil }
            fillOfWaiter[waiter] = nil
            return .fail(waiter)
        }
    }

    // MARK: Memory

    private func store(_ response: StoredResponse, under key: CacheKey) {
        remove(key)
        // Head, key and bookkeeping are counted too, or a million empty answers would cost nothing.
        let bytes = response.body.byteCount + key.target.count + 1_024
        guard response.body.byteCount <= objectBytes, bytes <= budgetBytes else { return }
        while storedBytes + bytes > budgetBytes, let victim = queue.evict() {
            if let entry = entries.removeValue(forKey: victim) { storedBytes -= entry.bytes }
            counters.evicted += 1
        }
        entries[key] = Entry(response: response, node: queue.insert(key), bytes: bytes)
        storedBytes += bytes
    }

    private func remove(_ key: CacheKey) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        queue.remove(entry.node)
        storedBytes -= entry.bytes
    }

    /// An unsafe method succeeded on this target: what is held of it is void (RFC 9111, 4.4).
    package func invalidate(_ target: HTTPBytes) {
        for key in Self.keys(of: target) { remove(key) }
    }
}
