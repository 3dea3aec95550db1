import HTTP

/// The Cache-Control of a message (RFC 9111, 5.2), read leniently: what is malformed counts as absent, except that any
/// sign of "do not store" is heeded.
package struct CacheControl: Sendable, Equatable {
    package private(set) var noStore = false
    package private(set) var noCache = false
    package private(set) var isPrivate = false
    package private(set) var isPublic = false
    package private(set) var mustRevalidate = false
    package private(set) var onlyIfCached = false
    package private(set) var maxAge: Int?
    package private(set) var sharedMaxAge: Int?
    package private(set) var staleIfError: Int?

    package init(_ fields: HTTPFields, field: StaticString = "cache-control") {
        for line in fields.all(field) {
            for member in line.split(separator: UInt8(ascii: ",")) { read(member.trimmingBlanks()) }
        }
    }

    private mutating func read(_ member: HTTPBytes) {
        let equals = member.firstIndex(of: UInt8(ascii: "=")) ?? member.endIndex
        let name = member[..<equals]
        let value = equals < member.endIndex ? member[member.index(after: equals)...] : []
        if name.isEqualIgnoringCase(to: "no-store") {
            noStore = true
        } else if name.isEqualIgnoringCase(to: "no-cache") {
            noCache = true
        } else if name.isEqualIgnoringCase(to: "private") {
            isPrivate = true
        } else if name.isEqualIgnoringCase(to: "public") {
            isPublic = true
        } else if name.isEqualIgnoringCase(to: "must-revalidate") || name.isEqualIgnoringCase(to: "proxy-revalidate") {
            mustRevalidate = true
        } else if name.isEqualIgnoringCase(to: "only-if-cached") {
            onlyIfCached = true
        } else if name.isEqualIgnoringCase(to: "max-age") {
            maxAge = maxAge ?? Self.seconds(value)
        } else if name.isEqualIgnoringCase(to: "s-maxage") {
            sharedMaxAge = sharedMaxAge ?? Self.seconds(value)
        } else if name.isEqualIgnoringCase(to: "stale-if-error") {
            staleIfError = staleIfError ?? Self.seconds(value)
        }
    }

    /// A number of seconds, quoted or not; what overflows is very long (RFC 9111, 1.2.2).
    private static func seconds(_ value: HTTPBytes) -> Int? {
        var digits = value
        if digits.count >= 2, digits.first == 0x22, digits.last == 0x22 { digits = digits.dropFirst().dropLast() }
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return min(digits.decimalValue ?? .max, 1 << 31)
    }
}

/// How long an answer may be reused, and how old it was when it came (RFC 9111, 4.2).
package struct Freshness: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable { case store, pass }

    package let verdict: Verdict
    /// Seconds for which it is fresh.
    package let lifetime: Double
    /// Seconds of age on arrival.
    package let initialAge: Int
    package let mustRevalidate: Bool
    /// Seconds for which it may be served stale when the upstream fails.
    package let staleIfError: Double

    private static let understood: Set<UInt16> = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]

    package init(request: RequestHead, response: ResponseHead, unixSeconds: Int64, policy: FreshnessPolicy) {
        let control = CacheControl(response.fields)
        let targeted = CacheControl(response.fields, field: "cdn-cache-control")
        // RFC 9213: the targeted field replaces the general one where it is there.
        let rules = response.fields.contains("cdn-cache-control") ? targeted : control
        let date = response.fields.first("date").flatMap { HTTPDate.parse($0) } ?? unixSeconds
        let age = response.fields.first("age")?.decimalValue ?? 0
        initialAge = max(age, Int(clamping: max(0, unixSeconds - date)))
        mustRevalidate = rules.mustRevalidate || rules.noCache
        staleIfError = rules.staleIfError.map(Double.init) ?? policy.staleIfError

        var explicit = (rules.sharedMaxAge ?? rules.maxAge).map(Double.init)
        if explicit == nil, let expires = response.fields.first("expires") {
            explicit = HTTPDate.parse(expires).map { Double(max(0, $0 - date)) } ?? 0
        }
        let forbids =
            rules.noStore || rules.isPrivate || CacheControl(request.fields).noStore
            || response.fields.contains("set-cookie") || response.status == 206 || response.status < 200
            || Self.variesBeyondCoding(response.fields)
            || request.fields.contains("authorization") && !rules.isPublic && rules.sharedMaxAge == nil
                && !rules.mustRevalidate
        if forbids {
            verdict = .pass
            lifetime = 0
        } else if let explicit {
            // A refusal of something that will exist must not hide it.
            verdict = Self.understood.contains(response.status) || response.status < 500 ? .store : .pass
            lifetime = rules.noCache ? 0 : explicit
        } else if response.status == 404 || response.status == 503 {
            verdict = policy.errorLifetime > 0 && response.status == 404 ? .store : .pass
            lifetime = policy.errorLifetime
        } else if Self.understood.contains(response.status),
            let modified = response.fields.first("last-modified").flatMap({ HTTPDate.parse($0) }), modified < date
        {
            verdict = .store
            lifetime = rules.noCache ? 0 : min(Double(date - modified) / 10, 86_400)
        } else {
            // Without a lifetime it can only be kept to be asked about again.
            verdict = response.status == 200 && response.fields.contains("etag") ? .store : .pass
            lifetime = 0
        }
    }

    /// Vary of anything but Accept-Encoding, whose classes stand in the key, makes an answer its asker's alone.
    private static func variesBeyondCoding(_ fields: HTTPFields) -> Bool {
        for line in fields.all("vary") {
            for member in line.split(separator: UInt8(ascii: ",")) {
                let name = member.trimmingBlanks()
                if !name.isEmpty && !name.isEqualIgnoringCase(to: "accept-encoding") { return true }
            }
        }
        return false
    }
}

/// What the operator decides about reuse.
package struct FreshnessPolicy: Sendable, Equatable {
    /// Seconds for which an answer may be served stale when every upstream fails.
    package var staleIfError: Double = 30
    /// Seconds for which a 404 without a lifetime of its own is kept: shorter than any part.
    package var errorLifetime: Double = 0.1

    package init() {}
}
