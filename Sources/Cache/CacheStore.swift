import HTTP
import struct NIOCore.ByteBuffer

/// The cache of one event loop: one fetch per object, however many ask for it, and what it brings kept within a budget.
///
/// It owns no socket and no clock. The owner performs what `Lookup` and `Effect` say and reports what came of a fetch.
package final class CacheStore {
    private var objectBytes: Int
    let policy: FreshnessPolicy
    var table: ObjectTable
    /// Fetches that others may join, of each key in their order.
    var fillsOfKey: [CacheKey: [FillID]] = [:]
    var fills: [FillID: Fill] = [:]
    /// Reads of files that others join.
    var loads: [DiskTier.FileID: FillID] = [:]
    /// What lies in files; nil where memory is all.
    package internal(set) var disk: DiskTier?
    package weak var diskWorker: (any DiskWorker)?
    private var fillOfWaiter: [WaiterID: FillID] = [:]
    private var passing: [CacheKey: ContinuousClock.Instant] = [:]
    private var lastFill: FillID = 0
    private var counts = Counters()

    /// How long a key that brought something unshareable is not coalesced.
    private static let passingTime = Duration.seconds(2)

    /// `channelBytes` bounds what each live channel holds within the budget.
    package init(
        budgetBytes: Int, objectBytes: Int, channelBytes: Int = .max, policy: FreshnessPolicy = FreshnessPolicy(),
        disk: DiskTier? = nil
    ) {
        self.objectBytes = objectBytes
        self.policy = policy
        table = ObjectTable(budgetBytes: budgetBytes, objectBytes: objectBytes, channelBytes: channelBytes)
        table.gathersEvicted = disk != nil
        self.disk = disk
    }

    package var counters: Counters {
        var counters = counts
        counters.evicted = table.evictions
        return counters
    }
    /// Other budgets from now on; what is beyond them goes, the least wanted first.
    package func resize(budgetBytes: Int, objectBytes: Int) {
        self.objectBytes = objectBytes
        table.resize(budgetBytes: budgetBytes, objectBytes: objectBytes)
    }

    package var entryCount: Int { table.count }
    package var storedBytes: Int { table.bytes }
    package var fillCount: Int { fills.count }
    package var waitingCount: Int { fillOfWaiter.count }

    // MARK: Requests

    /// Decides a GET or HEAD.
    package func look(
        up request: RequestHead, waiter: WaiterID, at now: ContinuousClock.Instant
    ) -> Lookup {
        let key = CacheKey(request)
        let isLive = CacheKey.isLive(request)
        // On live paths players reload all day, many of them with no-cache: only the origin's word counts there.
        let isPlain = isLive || !request.fields.steersCaches
        let held = table.find(key, request.fields)
        if isPlain, let held, held.isFresh(at: now) {
            counts.hits += 1
            return .serve(held, .hit)
        }
        guard held == nil, disk != nil else { return decide(request, key, held, nil, waiter: waiter, at: now) }
        let (taken, filed) = lookOnDisk(key, request, at: now)
        return decide(request, key, taken, filed, waiter: waiter, at: now)
    }

    /// Decides a request for which memory has nothing that is served as it is: `held` is there, `filed` lies in a file.
    private func decide(
        _ request: RequestHead, _ key: CacheKey, _ held: StoredResponse?, _ filed: DiskTier.Object?, waiter: WaiterID,
        at now: ContinuousClock.Instant
    ) -> Lookup {
        let isLive = CacheKey.isLive(request)
        let isPlain = isLive || !request.fields.steersCaches
        let control = isPlain ? CacheControl() : CacheControl.request(request.fields)
        if let held, held.satisfies(control, at: now) {
            if held.isFresh(at: now) { counts.hits += 1 } else { counts.stale += 1 }
            return .serve(held, held.isFresh(at: now) ? .hit : .stale)
        }
        if let filed, !control.noStore, isLive || !Self.isOriginsToJudge(request) {
            return read(filed, key, request, control, waiter: waiter, at: now)
        }
        if CacheControl(request.fields).onlyIfCached { return .notCached }
        if control.noStore {
            counts.passed += 1
            return .pass(.request)
        }
        if !isLive && Self.isOriginsToJudge(request) {
            counts.passed += 1
            return .pass(.request)
        }
        let fill = joinable(key, request)
        if let held, !held.isFresh(at: now), held.mayServeWhileRevalidating(at: now), !control.noCache,
            control.maxAge == nil, control.minFresh == nil
        {
            counts.stale += 1
            guard fill == nil else { return .serve(held, .stale) }
            let (id, upstream) = lead(key, request, held, at: now)
            return .refresh(held, id, upstream)
        }
        if let fill, let state = fills[fill] {
            counts.collapsed += 1
            if let response = state.response, !state.deliversWhole { return .serve(response, .collapsed) }
            wait(waiter, for: fill, .collapsed, request)
            return .joined(fill)
        }
        if let until = passing[key] {
            if now < until {
                counts.passed += 1
                return .pass(.bypass)
            }
            passing[key] = nil
        }
        // A HEAD of something unknown asks for a head: no body is fetched for it.
        if request.method == .head, !isLive {
            counts.passed += 1
            return .pass(.method)
        }
        counts.misses += 1
        let (id, upstream) = lead(key, request, held, at: now)
        wait(waiter, for: id, .miss, request)
        return .lead(id, upstream)
    }

    /// If-Match and If-Unmodified-Since are about the origin's state, not about what is held (RFC 9110, 13.1).
    private static func isOriginsToJudge(_ request: RequestHead) -> Bool {
        request.fields.contains("if-match") || request.fields.contains("if-unmodified-since")
    }

    private func lead(
        _ key: CacheKey, _ request: RequestHead, _ previous: StoredResponse?, at now: ContinuousClock.Instant
    ) -> (FillID, RequestHead) {
        let fill = Fill(
            key: key, original: request, request: UpstreamRequest.fill(request, key: key, previous: previous),
            previous: previous, deliversWhole: CacheKey.isLive(request), startedAt: now)
        let id = addFill(fill)
        fillsOfKey[key, default: []].append(id)
        return (id, fill.request)
    }

    func addFill(_ fill: Fill) -> FillID {
        lastFill += 1
        fills[lastFill] = fill
        return lastFill
    }

    /// Ends a fill. Its waiters are the caller's.
    func removeFill(_ id: FillID) -> Fill? {
        guard let fill = fills.removeValue(forKey: id) else { return nil }
        forget(id, of: fill.key)
        for waiter in fill.waiters.keys { fillOfWaiter[waiter] = nil }
        return fill
    }

    /// A fetch under way whose answer, as far as can be told, is this request's too.
    private func joinable(_ key: CacheKey, _ request: RequestHead) -> FillID? {
        fillsOfKey[key]?.first { id in
            guard let fill = fills[id] else { return false }
            if fill.response != nil { return fill.selection.isEmpty || fill.selection.matches(request.fields) }
            return !table.tellsApart(key, fill.original.fields, request.fields)
        }
    }

    func wait(_ waiter: WaiterID, for fill: FillID, _ role: ServedAs, _ request: RequestHead) {
        fills[fill]?.waiters[waiter] = (role, request)
        fills[fill]?.order.append(waiter)
        fillOfWaiter[waiter] = fill
    }

    /// A client has gone. Its fetch goes on: it belongs to the object.
    package func leave(_ waiter: WaiterID) {
        guard let id = fillOfWaiter.removeValue(forKey: waiter) else { return }
        fills[id]?.waiters[waiter] = nil
    }

    // MARK: What a fetch brings

    package func head(
        _ id: FillID, _ head: ResponseHead, at now: ContinuousClock.Instant, unixSeconds: Int64
    ) -> [Effect] {
        guard let fill = fills[id] else { return [] }
        if head.status == 304, let previous = fill.previous {
            return revalidated(id, fill, previous, by: head, at: now, unixSeconds: unixSeconds)
        }
        // RFC 5861, 4: these and only these are errors of the upstream.
        if [500, 502, 503, 504].contains(head.status), let previous = fill.previous, previous.maySubstitute(at: now) {
            counts.stale += 1
            return end(id, fill, with: previous, as: .stale)
        }
        // The time that a live request is held is no age of what answers it.
        let delay = fill.deliversWhole ? 0 : Int(fill.startedAt.duration(to: now).components.seconds)
        let freshness = Freshness(
            request: fill.original, response: head, unixSeconds: unixSeconds, policy: policy, delay: delay)
        let response = StoredResponse(
            head: dated(head, unixSeconds), body: SharedBody(), freshness: freshness, at: now)
        fill.response = response
        fill.selection = VarySelection(head.fields, request: fill.original.fields)
        if freshness.verdict == .pass {
            fill.isKept = false
            // On live paths an error is the same for all who wait: 400 and 404 are shared while they wait together.
            guard fill.deliversWhole else { return release(id, fill, at: now) }
        }
        var effects = sendAway(fill)
        if !fill.deliversWhole, let length = head.fields.first("content-length")?.decimalValue, length > objectBytes {
            fill.isKept = false
            effects += sendRangesAlone(fill)
        }
        return effects + (fill.deliversWhole ? [] : deliverAll(fill, response))
    }

    /// Who waits here for what turns out to be another variant asks again.
    private func sendAway(_ fill: Fill) -> [Effect] {
        guard !fill.selection.isEmpty else { return [] }
        let strangers = fill.order.filter { waiter in
            fill.waiters[waiter].map { !fill.selection.matches($0.request.fields) } ?? false
        }
        for waiter in strangers {
            fill.waiters[waiter] = nil
            fillOfWaiter[waiter] = nil
        }
        fill.order.removeAll { fill.waiters[$0] == nil }
        return strangers.map { .again($0) }
    }

    /// Of an object too large to be kept, a range is fetched as a range: the whole would come again for each.
    private func sendRangesAlone(_ fill: Fill) -> [Effect] {
        let ranges = fill.order.filter { fill.waiters[$0]?.request.fields.contains("range") ?? false }
        guard !ranges.isEmpty else { return [] }
        mark(fill.key, at: fill.startedAt)
        counts.passed += UInt64(ranges.count)
        for waiter in ranges {
            fill.waiters[waiter] = nil
            fillOfWaiter[waiter] = nil
        }
        fill.order.removeAll { fill.waiters[$0] == nil }
        return ranges.map { .pass($0) }
    }

    private func mark(_ key: CacheKey, at now: ContinuousClock.Instant) {
        if passing.count > 10_000 { passing.removeAll() }
        passing[key] = now + Self.passingTime
    }

    /// RFC 9110, 6.6.1: what is kept or passed on without a Date gets the time of its arrival.
    func dated(_ head: ResponseHead, _ unixSeconds: Int64) -> ResponseHead {
        guard !head.fields.contains("date") else { return head }
        var head = head
        head.fields.append("date", HTTPDate.format(unixSeconds: unixSeconds))
        return head
    }

    /// Everyone but the leader fetches alone; the leader follows what it fetched.
    private func release(_ id: FillID, _ fill: Fill, at now: ContinuousClock.Instant) -> [Effect] {
        guard let response = fill.response else { return [] }
        forget(id, of: fill.key)
        mark(fill.key, at: now)
        var effects: [Effect] = []
        for waiter in fill.order {
            guard let role = fill.waiters[waiter]?.role else { continue }
            fillOfWaiter[waiter] = nil
            if role == .miss {
                effects.append(.deliver(waiter, response, .miss))
            } else {
                counts.passed += 1
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
        if fill.isKept {
            keep(response, under: fill.key, fill.selection, at: now)
        } else if let previous = fill.previous, response.head.status < 500 {
            // Something newer is known and may not be kept: what is held has been overtaken.
            drop(previous, under: fill.key, of: fill.original)
        } else if disk != nil, response.head.status < 500 {
            dropFiled(fill.key, of: fill.original)
        }
        if !response.body.followers.isEmpty { effects.append(.grew(response.body.followers)) }
        return effects
    }

    /// The fetch failed for good. Before its head, what is held stands in; after it, the body is torn.
    package func fail(_ id: FillID, at now: ContinuousClock.Instant) -> [Effect] {
        guard let fill = fills[id] else { return [] }
        counts.failed += 1
        if let response = fill.response {
            response.body.fail()
            let torn = response.body.followers
            return (torn.isEmpty ? [] : [.grew(torn)]) + end(id, deliver: nil, as: nil)
        }
        if let previous = fill.previous, previous.maySubstitute(at: now) {
            let effects = end(id, fill, with: previous, as: .stale)
            counts.stale += UInt64(effects.count { if case .deliver = $0 { true } else { false } })
            return effects
        }
        return end(id, deliver: nil, as: nil)
    }

    /// Whether a fetch is worth going on with: it will be kept, or somebody waits for it or reads it. One that has been
    /// answered by its head alone runs out: to break it off would cost its connection.
    package func isWanted(_ id: FillID) -> Bool {
        guard let fill = fills[id] else { return true }
        return fill.isKept || fill.deliversWhole || !fill.waiters.isEmpty
            || fill.response.map { !$0.body.followers.isEmpty } ?? true
    }

    /// Who waits for the head of a fetch.
    package func waiters(of id: FillID) -> [WaiterID] {
        fills[id]?.order.filter { fills[id]?.waiters[$0] != nil } ?? []
    }

    /// Whether anyone still waits for a fetch, so that a second attempt is worth its while.
    package func mayRetry(_ id: FillID) -> Bool { fills[id].map { $0.response == nil && !$0.waiters.isEmpty } ?? false }

    private func revalidated(
        _ id: FillID, _ fill: Fill, _ previous: StoredResponse, by head: ResponseHead,
        at now: ContinuousClock.Instant, unixSeconds: Int64
    ) -> [Effect] {
        counts.revalidated += 1
        let merged = previous.head.freshened(by: dated(head, unixSeconds))
        let freshness = Freshness(
            request: fill.original, response: merged, unixSeconds: unixSeconds, policy: policy,
            delay: fill.deliversWhole ? 0 : Int(fill.startedAt.duration(to: now).components.seconds))
        let response = StoredResponse(head: merged, body: previous.body, freshness: freshness, at: now)
        if freshness.verdict == .store, fill.isKept {
            keep(
                response, under: fill.key, VarySelection(merged.fields, request: fill.original.fields),
                isSameBody: true,
                at: now)
        } else {
            drop(previous, under: fill.key, of: fill.original)
        }
        return end(id, fill, with: response, as: .revalidated)
    }

    private func deliverAll(_ fill: Fill, _ response: StoredResponse, as role: ServedAs? = nil) -> [Effect] {
        let effects = fill.order.compactMap { waiter -> Effect? in
            guard let own = fill.waiters[waiter] else { return nil }
            fillOfWaiter[waiter] = nil
            return .deliver(waiter, response, role ?? own.role)
        }
        fill.waiters = [:]
        fill.order = []
        return effects
    }

    /// What is held is the answer. Who waits here for another variant than that asks again: nobody may have known, when they
    /// came together, that there are several.
    private func end(_ id: FillID, _ fill: Fill, with held: StoredResponse, as role: ServedAs) -> [Effect] {
        fill.selection = VarySelection(held.head.fields, request: fill.original.fields)
        return sendAway(fill) + end(id, deliver: held, as: role)
    }

    private func end(_ id: FillID, deliver response: StoredResponse?, as role: ServedAs?) -> [Effect] {
        guard let fill = fills.removeValue(forKey: id) else { return [] }
        forget(id, of: fill.key)
        if let response { return deliverAll(fill, response, as: role) }
        return fill.order.compactMap { waiter in
            guard fill.waiters[waiter] != nil else { return nil }
            fillOfWaiter[waiter] = nil
            return .fail(waiter)
        }
    }

    /// No one joins this fetch any more.
    func forget(_ id: FillID, of key: CacheKey) {
        fillsOfKey[key]?.removeAll { $0 == id }
        if fillsOfKey[key]?.isEmpty == true { fillsOfKey[key] = nil }
    }
}
