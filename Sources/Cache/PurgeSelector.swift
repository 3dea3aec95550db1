import HTTP

/// Which of what is held a purge is about.
package enum PurgeSelector: Sendable, Equatable {
    /// One target, path and query, in all its variants.
    case target(HTTPBytes)
    /// Every target that begins so.
    case prefix(HTTPBytes)
    /// Every answer that its origin gave this name in Surrogate-Key or Cache-Tag.
    case surrogateKey(HTTPBytes)
}

/// What becomes of what a purge selects.
package enum PurgeMode: Sendable, Equatable {
    /// It is let go of: the next request fetches it.
    case hard
    /// It is stale from now on: the next request asks about it, and it stands in where the upstream fails.
    case soft
}

/// The names that an origin gives an answer, so that it can be purged with all others of that name.
enum SurrogateKeys {
    /// Names of one answer beyond these are passed over.
    private static let limit = 64

    /// Surrogate-Key parts its names with spaces, Cache-Tag with commas.
    static func of(_ fields: HTTPFields) -> [HTTPBytes] {
        var keys: [HTTPBytes] = []
        for line in fields.all("surrogate-key") { keys += line.split(separator: 0x20) }
        for line in fields.all("cache-tag") { keys += ListMembers(line) }
        return Array(keys.prefix(limit))
    }
}

/// What a purge has met.
package struct PurgedObjects: Sendable {
    private var variants: [CacheKey: Int] = [:]

    package init() {}

    /// Objects, each variant of a target one.
    package var count: Int { variants.values.reduce(0, +) }

    mutating func add(_ key: CacheKey, _ count: Int) {
        if count > 0 { variants[key, default: 0] += count }
    }

    /// Adds what the same purge met in another cache of this node: an object that both held is one.
    package mutating func unite(with other: PurgedObjects) {
        variants.merge(other.variants) { max($0, $1) }
    }
}
