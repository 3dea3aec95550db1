import HTTP

/// How long an answer may be reused, and how old it was when it came (RFC 9111, 3 and 4.2).
package struct Freshness: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable { case store, pass }

    package let verdict: Verdict
    /// Seconds for which it is fresh.
    package let lifetime: Double
    /// Seconds of age on arrival.
    package let initialAge: Int
    /// Never served stale, whatever happens (5.2.2.2, 5.2.2.8; 5.2.2.10 for s-maxage).
    package let mustRevalidate: Bool
    /// Reloads do not ask about it while it is fresh (RFC 8246).
    package let isImmutable: Bool
    /// Seconds past its lifetime for which it may be served stale when the upstream fails (RFC 5861, 4).
    package let staleIfError: Double
    /// Seconds past its lifetime for which it is served while it is asked about (RFC 5861, 3).
    package let staleWhileRevalidate: Double
    /// Fields that only the client which caused the fetch gets.
    package let withheld: [HTTPBytes]

    /// Statuses that may be kept without a lifetime of their own (RFC 9110, 15.1); a 206 is never kept as it is.
    private static let heuristic: Set<UInt16> = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]
    /// Final statuses whose rules for caches are known here (must-understand, 5.2.2.3).
    private static let understood: Set<UInt16> = heuristic.union([302, 303, 307, 400, 403, 500, 502, 503, 504])

    /// `delay` in whole seconds is how long the fetch took to its head (4.2.3).
    package init(
        request: RequestHead, response: ResponseHead, unixSeconds: Int64, policy: FreshnessPolicy, delay: Int = 0
    ) {
        let fields = response.fields
        // RFC 9213, 2.2: the targeted field stands in for Cache-Control and Expires where it is there and well-formed.
        let targeted = CacheControl(targeted: "cdn-cache-control", fields)
        let rules = targeted ?? CacheControl(fields)
        let date = fields.first("date").flatMap { HTTPDate.parse($0, now: unixSeconds) } ?? unixSeconds
        initialAge = max(Self.age(fields) + max(0, delay), Int(clamping: max(0, unixSeconds - date)))
        mustRevalidate = rules.mustRevalidate || rules.noCache || rules.sharedMaxAge != nil
        isImmutable = rules.isImmutable
        staleIfError = rules.staleIfError.map(Double.init) ?? policy.staleIfError
        staleWhileRevalidate = Double(rules.staleWhileRevalidate ?? 0)
        withheld = rules.withheld

        var explicit = (rules.sharedMaxAge ?? rules.maxAge).map(Double.init)
        if explicit == nil, targeted == nil, fields.contains("expires") {
            explicit = Self.expiry(fields, now: unixSeconds).map { Double(max(0, $0 - date)) } ?? 0
        }
        let isUnderstood = Self.understood.contains(response.status)
        // A cookie is its asker's alone, unless the origin says that all may have it.
        let isShared = rules.isPublic || rules.sharedMaxAge != nil || targeted?.maxAge != nil
        let forbids =
            (rules.mustUnderstand ? !isUnderstood : rules.noStore) || rules.isPrivate
            || CacheControl(request.fields).noStore && !CacheKey.isLive(request)
            || fields.contains("set-cookie") && !isShared || response.status == 206 || response.status < 200
            || response.status == 304 || VarySelection.isUnbounded(fields)
            || request.fields.contains("authorization") && !rules.isPublic && rules.sharedMaxAge == nil
                && !rules.mustRevalidate
        if forbids {
            (verdict, lifetime) = (.pass, 0)
        } else if let explicit {
            (verdict, lifetime) = (.store, rules.noCache ? 0 : explicit)
        } else if CacheKey.isLive(request), response.status == 404 || response.status == 503 {
            // A refusal of something that will exist must not hide it.
            let isKept = policy.errorLifetime > 0 && response.status == 404
            (verdict, lifetime) = (isKept ? .store : .pass, policy.errorLifetime)
        } else if Self.heuristic.contains(response.status) || rules.isPublic,
            let modified = fields.first("last-modified").flatMap({ HTTPDate.parse($0, now: unixSeconds) }),
            modified < date
        {
            // 4.2.2: a tenth of the time since it was modified.
            (verdict, lifetime) = (.store, rules.noCache ? 0 : min(Double(date - modified) / 10, 86_400))
        } else {
            // Without a lifetime it can only be kept to be asked about again.
            let canBeAsked = fields.contains("etag") || fields.contains("last-modified")
            (verdict, lifetime) = (response.status == 200 && canBeAsked ? .store : .pass, 0)
        }
    }

    private init(_ other: Freshness, lifetime: Double, initialAge: Int) {
        verdict = other.verdict
        self.lifetime = lifetime
        self.initialAge = initialAge
        mustRevalidate = other.mustRevalidate
        isImmutable = other.isImmutable
        staleIfError = other.staleIfError
        staleWhileRevalidate = other.staleWhileRevalidate
        withheld = other.withheld
    }

    /// As a file of the disk tier tells it: what is kept was to be stored.
    init(
        lifetime: Double, initialAge: Int, mustRevalidate: Bool, isImmutable: Bool, staleIfError: Double,
        staleWhileRevalidate: Double, withheld: [HTTPBytes]
    ) {
        verdict = .store
        self.lifetime = lifetime
        self.initialAge = initialAge
        self.mustRevalidate = mustRevalidate
        self.isImmutable = isImmutable
        self.staleIfError = staleIfError
        self.staleWhileRevalidate = staleWhileRevalidate
        self.withheld = withheld
    }

    /// The same at another age.
    func at(age: Int) -> Freshness { Freshness(self, lifetime: lifetime, initialAge: age) }

    /// The same at this age, stale from now on.
    func expired(at age: Int) -> Freshness {
        Freshness(self, lifetime: min(lifetime, Double(age)), initialAge: age)
    }

    /// 5.1: seconds of the first Age; what is no number is passed over, what is too large is very old.
    private static func age(_ fields: HTTPFields) -> Int {
        guard let line = fields.first("age"), let first = line.split(separator: UInt8(ascii: ",")).first else {
            return 0
        }
        let digits = first.trimmingBlanks()
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return 0 }
        return min(digits.decimalValue ?? .max, CacheControl.longest)
    }

    /// 5.3: nil for anything but one well-formed date, which counts as the past.
    private static func expiry(_ fields: HTTPFields, now: Int64) -> Int64? {
        let lines = fields.all("expires")
        guard lines.count == 1, let line = lines.first else { return nil }
        return HTTPDate.parse(line, now: now)
    }
}

/// What the operator decides about reuse.
package struct FreshnessPolicy: Sendable, Equatable {
    /// Seconds for which an answer may be served stale when every upstream fails.
    package var staleIfError: Double = 30
    /// Seconds for which a 404 of a live path without a lifetime of its own is kept: shorter than any part.
    package var errorLifetime: Double = 0.1

    package init() {}
}
