import HTTP

/// The Cache-Control of a message (RFC 9111, 5.2), read leniently: what is not understood is passed over, a number that is
/// malformed counts as 0 (4.2.1: invalid freshness is stale), of repeated numbers the first counts, and any sign of "do
/// not store" is heeded.
package struct CacheControl: Sendable, Equatable {
    package private(set) var noStore = false
    package private(set) var noCache = false
    package private(set) var isPrivate = false
    package private(set) var isPublic = false
    package private(set) var mustRevalidate = false
    package private(set) var mustUnderstand = false
    package private(set) var isImmutable = false
    package private(set) var onlyIfCached = false
    package private(set) var maxAge: Int?
    package private(set) var sharedMaxAge: Int?
    package private(set) var staleIfError: Int?
    package private(set) var staleWhileRevalidate: Int?
    package private(set) var minFresh: Int?
    /// Requests: seconds past freshness that are still welcome, `.max` where no number was given.
    package private(set) var maxStale: Int?
    /// Names of fields, as they came, that `no-cache="…"` or `private="…"` keeps out of what is reused (5.2.2.4, 5.2.2.7).
    package private(set) var withheld: [HTTPBytes] = []

    /// Seconds that are "very long" (1.2.2).
    static let longest = 1 << 31

    /// Says nothing.
    package init() {}

    package init(_ fields: HTTPFields) {
        for line in fields.all("cache-control") {
            for member in ListMembers(line) { read(member) }
        }
    }

    /// A targeted field (RFC 9213), which is a structured dictionary. Nil where the field is not there, or malformed: then it
    /// is passed over as a whole.
    package init?(targeted field: StaticString, _ fields: HTTPFields) {
        let lines = fields.all(field)
        guard !lines.isEmpty, let dictionary = StructuredDictionary(lines), !dictionary.members.isEmpty else {
            return nil
        }
        for (key, value) in dictionary.members {
            switch value {
            case .integer(let seconds): set(key, seconds: min(max(0, seconds), Self.longest), names: nil)
            case .truth(true): set(key, seconds: nil, names: nil)
            case .string(let names) where !Self.isNumber(key): set(key, seconds: nil, names: names[...])
            // 2.1: a value of another type than the directive's makes the field invalid.
            case .string, .token, .other, .truth(false):
                if Self.isNumber(key) { return nil }
            }
        }
    }

    private static func isNumber(_ name: HTTPBytes) -> Bool {
        for known: StaticString in ["max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"]
        where name.isEqualIgnoringCase(to: known) { return true }
        return false
    }

    private mutating func read(_ member: HTTPBytes) {
        guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else {
            return set(member, seconds: nil, names: nil)
        }
        let value = member[member.index(after: equals)...]
        let isQuoted = value.count >= 2 && value.first == 0x22 && value.last == 0x22
        let bare = isQuoted ? value.dropFirst().dropLast() : value
        set(member[..<equals], seconds: Self.seconds(bare), names: isQuoted ? bare : nil)
    }

    private mutating func set(_ name: HTTPBytes, seconds: Int?, names: HTTPBytes?) {
        if name.isEqualIgnoringCase(to: "no-store") {
            noStore = true
        } else if name.isEqualIgnoringCase(to: "no-cache") {
            if let names { withheld += ListMembers(names) } else { noCache = true }
        } else if name.isEqualIgnoringCase(to: "private") {
            if let names { withheld += ListMembers(names) } else { isPrivate = true }
        } else if name.isEqualIgnoringCase(to: "public") {
            isPublic = true
        } else if name.isEqualIgnoringCase(to: "must-revalidate") || name.isEqualIgnoringCase(to: "proxy-revalidate") {
            mustRevalidate = true
        } else if name.isEqualIgnoringCase(to: "must-understand") {
            mustUnderstand = true
        } else if name.isEqualIgnoringCase(to: "immutable") {
            isImmutable = true
        } else if name.isEqualIgnoringCase(to: "only-if-cached") {
            onlyIfCached = true
        } else if name.isEqualIgnoringCase(to: "max-age") {
            maxAge = maxAge ?? seconds ?? 0
        } else if name.isEqualIgnoringCase(to: "s-maxage") {
            sharedMaxAge = sharedMaxAge ?? seconds ?? 0
        } else if name.isEqualIgnoringCase(to: "stale-if-error") {
            staleIfError = staleIfError ?? seconds ?? 0
        } else if name.isEqualIgnoringCase(to: "stale-while-revalidate") {
            staleWhileRevalidate = staleWhileRevalidate ?? seconds ?? 0
        } else if name.isEqualIgnoringCase(to: "min-fresh") {
            minFresh = minFresh ?? seconds
        } else if name.isEqualIgnoringCase(to: "max-stale") {
            maxStale = maxStale ?? seconds ?? .max
        }
    }

    /// What a request asks of caches: its Cache-Control or, where it has none, `Pragma: no-cache` (5.4).
    package static func request(_ fields: HTTPFields) -> CacheControl {
        var control = CacheControl(fields)
        if !fields.contains("cache-control"), fields.list("pragma", contains: "no-cache") { control.noCache = true }
        return control
    }

    /// Digits and nothing else; what overflows is very long.
    private static func seconds(_ value: HTTPBytes) -> Int? {
        guard !value.isEmpty, value.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return min(value.decimalValue ?? .max, longest)
    }
}
