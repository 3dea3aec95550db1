import HTTP
import struct NIOCore.ByteBuffer

/// What the cache learns beside its own fetches: changes, heads, answers that may be kept, and purges.
extension CacheStore {
    /// An unsafe method succeeded on this target: what is held of it is void, and what is under way may be (RFC 9111, 4.4).
    package func invalidate(_ target: HTTPBytes) {
        for key in CacheKey.all(of: target) {
            table.remove(key)
            disk?.overtake(key)
            for id in fillsOfKey[key] ?? [] { fills[id]?.isKept = false }
        }
        tellWorker()
    }

    /// An operator's purge: what it selects is let go of or let be stale, and what is under way is not kept. Returns how
    /// many answers were held.
    package func purge(_ selector: PurgeSelector, _ mode: PurgeMode, at now: ContinuousClock.Instant) -> PurgedObjects {
        for fill in fills.values {
            let isMeant =
                switch selector {
                case .target(let target): CacheKey.all(of: target).contains(fill.key)
                case .prefix(let prefix): fill.key.target.starts(with: prefix)
                case .surrogateKey(let name):
                    fill.response.map { SurrogateKeys.of($0.head.fields).contains(name) } ?? false
                }
            if isMeant { fill.isKept = false }
        }
        guard disk != nil else { return table.purge(selector, mode, at: now) }
        let filed = disk?.purge(selector, mode, at: now) ?? []
        let onlyFiled = filed.filter { !table.holds($0.key, $0.selection) }
        var purged = table.purge(selector, mode, at: now)
        for object in onlyFiled { purged.add(object.key, 1) }
        tellWorker()
        return purged
    }

    /// Bytes that a live channel holds.
    package func bytes(ofChannel name: HTTPBytes) -> Int { table.bytes(ofChannel: name) }

    /// A HEAD was answered by the upstream: the head freshens what is held, or shows that it has changed (RFC 9111, 4.3.5).
    package func headed(
        _ request: RequestHead, _ head: ResponseHead, at now: ContinuousClock.Instant, unixSeconds: Int64
    ) {
        let key = CacheKey(request)
        guard let held = table.find(key, request.fields), head.status == 200, held.head.status == 200 else { return }
        for name: StaticString in ["etag", "last-modified", "content-length"] {
            guard let new = head.fields.first(name), let old = held.head.fields.first(name), new != old else {
                continue
            }
            return drop(held, under: key, of: request)
        }
        let merged = held.head.freshened(by: dated(head, unixSeconds))
        let freshness = Freshness(request: request, response: merged, unixSeconds: unixSeconds, policy: policy)
        guard freshness.verdict == .store else { return drop(held, under: key, of: request) }
        keep(
            StoredResponse(head: merged, body: held.body, freshness: freshness, at: now), under: key,
            VarySelection(merged.fields, request: request.fields), isSameBody: true, at: now)
    }

    /// The answer to a POST that names itself as the target's content with a lifetime of its own is kept for GETs
    /// (RFC 9110, 9.3.3).
    package func adopt(
        _ request: RequestHead, _ head: ResponseHead, body: [ByteBuffer], at now: ContinuousClock.Instant,
        unixSeconds: Int64
    ) {
        let freshness = Freshness(request: request, response: head, unixSeconds: unixSeconds, policy: policy)
        guard freshness.verdict == .store, freshness.lifetime > 0, head.status == 200 else { return }
        let shared = SharedBody()
        for piece in body { shared.append(piece) }
        shared.complete()
        keep(
            StoredResponse(head: dated(head, unixSeconds), body: shared, freshness: freshness, at: now),
            under: CacheKey(request), VarySelection(head.fields, request: request.fields), at: now)
    }
}

extension ResponseHead {
    /// What is held, with the fields of a newer head of the same content in their places (RFC 9111, 3.2). What describes
    /// the bytes that are held stays.
    func freshened(by newer: ResponseHead) -> ResponseHead {
        let hop = HopByHop(newer.fields)
        let isTaken = { (name: HTTPBytes) in
            !hop.contains(name) && !name.isEqual(to: "content-length") && !name.isEqual(to: "content-encoding")
                && !name.isEqual(to: "content-range")
        }
        var merged = self
        // An Age belongs to the message that brought it.
        merged.fields.remove("age")
        for (name, _) in newer.fields where isTaken(name) { merged.fields.removeAll { held, _ in held == name } }
        for (name, value) in newer.fields where isTaken(name) { merged.fields.append(name: name, value: value) }
        return merged
    }
}
