import HTTP
import struct NIOCore.ByteBuffer

/// Told that there is something to be done on the disk. Its owner then asks the store for work.
package protocol DiskWorker: AnyObject {
    func diskHasWork()
}

/// The second tier: what memory does not hold is looked for in files before an upstream is asked, and what memory is given
/// goes to files too.
extension CacheStore {
    /// Objects up to this size are loaded into memory when they are asked for whole; larger ones are sent from their file.
    static let loadedBytes = 16 << 20

    /// Keeps an answer in memory and, where it is worth that, in a file. `isSameBody` when only its head is another.
    func keep(
        _ response: StoredResponse, under key: CacheKey, _ selection: VarySelection, isSameBody: Bool = false,
        at now: ContinuousClock.Instant
    ) {
        table.store(response, under: key, selection)
        guard disk != nil else { return }
        spill(at: now)
        if !isSameBody || disk?.freshen(response, under: key, selection) == false {
            disk?.offer(response, under: key, selection, at: now)
        }
        tellWorker()
    }

    /// What memory had no room for.
    private func spill(at now: ContinuousClock.Instant) {
        for gone in table.takeEvicted() { disk?.spill(gone.response, under: gone.key, gone.selection, at: now) }
    }

    /// Lets go of an answer that has been overtaken, in memory and in files.
    func drop(_ response: StoredResponse, under key: CacheKey, of request: RequestHead) {
        table.remove(response, under: key)
        if disk != nil { dropFiled(key, of: request) }
    }

    /// The same of what came from a file while something newer was fetched.
    func dropFiled(_ key: CacheKey, of request: RequestHead) {
        table.remove(key, selectedBy: request.fields)
        disk?.overtake(key) { $0.isEmpty || $0.matches(request.fields) }
        tellWorker()
    }

    func tellWorker() { if disk?.hasWork == true { diskWorker?.diskHasWork() } }

    // MARK: Requests

    /// What files hold for a request for which memory has nothing. What is on its way to a file is memory's again.
    func lookOnDisk(
        _ key: CacheKey, _ request: RequestHead, at now: ContinuousClock.Instant
    ) -> (held: StoredResponse?, filed: DiskTier.Object?) {
        switch disk?.find(key, request.fields) {
        case .waiting(let response, let selection):
            table.store(response, under: key, selection)
            spill(at: now)
            tellWorker()
            return (response, nil)
        case .file(let object): return (nil, object)
        case nil: return (nil, nil)
        }
    }

    /// How a request is answered from a file.
    func read(
        _ object: DiskTier.Object, _ key: CacheKey, _ request: RequestHead, _ control: CacheControl,
        waiter: WaiterID, at now: ContinuousClock.Instant
    ) -> Lookup {
        let isFresh = object.response.satisfies(control, at: now)
        if isFresh, request.method == .get, Self.isRange(request) || object.bodyBytes > Self.loadedBytes {
            disk?.retain(object.file)
            return .file(object)
        }
        if let load = loads[object.file] {
            wait(waiter, for: load, .collapsed, request)
            return .joined(load)
        }
        let id = startLoad(object, key, request, at: now)
        wait(waiter, for: id, .disk, request)
        return .load(id, object)
    }

    /// One range: several are cut from memory.
    private static func isRange(_ request: RequestHead) -> Bool {
        request.fields.first("range").map { !$0.contains(UInt8(ascii: ",")) } ?? false
    }

    private func startLoad(
        _ object: DiskTier.Object, _ key: CacheKey, _ request: RequestHead, at now: ContinuousClock.Instant
    ) -> FillID {
        disk?.retain(object.file)
        let id = addFill(
            Fill(
                key: key, original: request, request: request, previous: nil, deliversWhole: true, startedAt: now,
                file: object.file))
        loads[object.file] = id
        return id
    }

    // MARK: What comes of it

    /// A file's body has been read, or could not be. Memory holds it from now on; where it is not what is wanted any
    /// more, those who wait ask again.
    package func loaded(_ id: FillID, _ body: [ByteBuffer]?, at now: ContinuousClock.Instant) -> [Effect] {
        guard let fill = fills[id], let file = fill.file else { return [] }
        loads[file] = nil
        defer {
            disk?.release(file)
            tellWorker()
        }
        guard let current = disk?.current(file) else { return endLoad(id) { _ in nil } }
        let response = StoredResponse(current.object.response, body: SharedBody(whole: body ?? []))
        guard response.body.byteCount == current.object.bodyBytes else {
            disk?.failed(.read(file), .missing, at: now)
            return endLoad(id) { _ in nil }
        }
        table.store(response, under: current.key, current.selection)
        spill(at: now)
        let isHeld = table.holds(current.key, current.selection)
        let effects = endLoad(id) { request in
            let isPlain = CacheKey.isLive(request) || !request.fields.steersCaches
            let control = isPlain ? CacheControl() : CacheControl.request(request.fields)
            return response.satisfies(control, at: now) ? response : nil
        }
        // What memory cannot hold would be loaded again by each who asks about it.
        if !isHeld, effects.contains(where: { if case .again = $0 { true } else { false } }) {
            disk?.overtake(current.key)
        }
        return effects
    }

    private func endLoad(_ id: FillID, _ answer: (RequestHead) -> StoredResponse?) -> [Effect] {
        guard let fill = removeFill(id) else { return [] }
        return fill.order.compactMap { waiter -> Effect? in
            guard let own = fill.waiters[waiter] else { return nil }
            guard let response = answer(own.request) else { return .again(waiter) }
            disk?.countHit()
            return .deliver(waiter, response, .disk)
        }
    }

    /// Who was told to read a file has done so.
    package func released(_ object: DiskTier.Object, wasServed: Bool) {
        if wasServed { disk?.countHit() }
        disk?.release(object.file)
        tellWorker()
    }

    /// What is to be done on the disk next.
    package func takeDiskWork(at now: ContinuousClock.Instant, unixMicroseconds: Int64) -> [DiskTier.Work] {
        disk?.takeWork(at: now, unixMicroseconds: unixMicroseconds) ?? []
    }

    /// Reports to the tier what came of its work.
    package func disk(_ report: (inout DiskTier) -> Void) {
        guard var tier = disk.take() else { return }
        report(&tier)
        disk = tier
        tellWorker()
    }
}
