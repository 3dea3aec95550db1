import HTTP

/// What the cache and its owner say to each other, and what it knows of a fetch.
extension CacheStore {
    /// How an answer was come by, for logs and Cache-Status.
    package enum ServedAs: Sendable, Equatable { case hit, miss, collapsed, stale, revalidated, pushed, disk }

    /// Why a request goes past the cache (`fwd` of RFC 9211).
    package enum PassReason: Sendable, Equatable { case method, request, bypass }

    package enum Lookup {
        case serve(StoredResponse, ServedAs)
        /// Serve what is held, stale as it is, and fetch this to replace it (RFC 5861, 3).
        case refresh(StoredResponse, FillID, RequestHead)
        /// Wait: the answer comes as an effect.
        case joined(FillID)
        /// Wait, and fetch this for everyone who waits.
        case lead(FillID, RequestHead)
        /// Wait, and read this file's body for everyone who waits (`loaded`).
        case load(FillID, DiskTier.Object)
        /// Send what is asked for from this file, and tell when that is done (`released`).
        case file(DiskTier.Object)
        /// The answer cannot be shared: fetch it for this client alone.
        case pass(PassReason)
        /// only-if-cached and nothing to serve (RFC 9111, 5.2.1.7).
        case notCached
    }

    package enum Effect {
        case deliver(WaiterID, StoredResponse, ServedAs)
        /// What came cannot be shared: fetch it for this waiter alone, all of them at the same time.
        case pass(WaiterID)
        /// What came is for other requests than this waiter's: look its request up again.
        case again(WaiterID)
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

        /// Adds what another store has counted.
        package mutating func add(_ other: Counters) {
            hits += other.hits
            misses += other.misses
            collapsed += other.collapsed
            stale += other.stale
            revalidated += other.revalidated
            passed += other.passed
            evicted += other.evicted
            failed += other.failed
        }
    }

    final class Fill {
        let key: CacheKey
        /// As its first client asked, and as it goes upstream.
        let original: RequestHead
        let request: RequestHead
        let previous: StoredResponse?
        let deliversWhole: Bool
        let startedAt: ContinuousClock.Instant
        /// The file that it is read from, in place of an upstream.
        let file: DiskTier.FileID?
        var waiters: [WaiterID: (role: ServedAs, request: RequestHead)] = [:]
        var order: [WaiterID] = []
        var response: StoredResponse?
        var selection = VarySelection()
        var isKept = true

        init(
            key: CacheKey, original: RequestHead, request: RequestHead, previous: StoredResponse?,
            deliversWhole: Bool, startedAt: ContinuousClock.Instant, file: DiskTier.FileID? = nil
        ) {
            self.file = file
            self.key = key
            self.original = original
            self.request = request
            self.previous = previous
            self.deliversWhole = deliversWhole
            self.startedAt = startedAt
        }
    }
}
