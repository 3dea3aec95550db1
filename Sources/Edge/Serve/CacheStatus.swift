import AccessLog
import Cache
import HTTP

/// How an answer was come by, as the Cache-Status field says it (RFC 9211). An edge's line stands behind those of the
/// caches nearer to the origin.
enum CacheStatus {
    static func text(
        _ name: String, _ role: CacheStore.ServedAs, _ response: StoredResponse, at now: ContinuousClock.Instant
    ) -> String {
        let ttl = "ttl=\(response.remaining(at: now))"
        let stored = response.freshness.verdict == .store ? "; stored" : ""
        return switch role {
        case .hit: "\(name); hit; \(ttl)"
        case .disk: "\(name); hit; \(ttl); detail=disk"
        case .pushed: "\(name); hit; \(ttl); detail=pushed"
        // 2.2: what is served without the upstream's having answered is a hit, however old.
        case .stale: "\(name); hit; \(ttl); detail=stale"
        case .miss: "\(name); fwd=miss; fwd-status=\(response.head.status)\(stored); \(ttl)"
        case .collapsed: "\(name); fwd=miss; fwd-status=\(response.head.status); collapsed; \(ttl)"
        case .revalidated: "\(name); fwd=stale; fwd-status=304\(stored); \(ttl)"
        }
    }

    static func text(_ name: String, passed reason: CacheStore.PassReason, status: UInt16) -> String {
        let word =
            switch reason {
            case .method: "method"
            case .request: "request"
            case .bypass: "bypass"
            }
        return "\(name); fwd=\(word); fwd-status=\(status)"
    }

    /// The field by which the plane that talks to upstreams tells another how it came by an answer. No client sees it.
    static let note: StaticString = "needletail-came-by"

    static func takeNote(from head: inout ResponseHead) -> String? {
        guard let value = head.fields.first(note) else { return nil }
        head.fields.remove(note)
        return value.text
    }
}

extension CacheStore.ServedAs {
    /// Whether the request went on: where to, another plane of this edge knows better.
    var isForwarded: Bool {
        switch self {
        case .miss, .revalidated: true
        case .hit, .disk, .pushed, .stale, .collapsed: false
        }
    }

    /// The same for the access log and the metrics.
    var result: CacheResult {
        switch self {
        case .hit: .hit
        case .disk: .disk
        case .miss: .miss
        case .collapsed: .collapsed
        case .stale: .stale
        case .revalidated: .revalidated
        case .pushed: .pushed
        }
    }
}

extension CacheStore.PassReason {
    /// The same for the access log and the metrics.
    var result: CacheResult {
        switch self {
        case .method: .method
        case .request: .request
        case .bypass: .bypass
        }
    }
}

extension CacheResult {
    /// What another plane of this edge noted, in the words of Cache-Status.
    init?(note: String) {
        // The first member names the cache; the others of interest are those that do not change from answer to answer.
        let words = note.split(separator: ";").dropFirst().map { $0.drop { $0 == " " } }.filter {
            !$0.hasPrefix("ttl=") && !$0.hasPrefix("fwd-status=") && $0 != "stored"
        }
        let text = words.joined(separator: "; ")
        guard let found = CacheResult.allCases.first(where: { $0.words.map { "\($0)" == text } ?? false }) else {
            return nil
        }
        self = found
    }

    /// Whether an upstream was asked for it.
    var asksUpstream: Bool {
        switch self {
        case .miss, .collapsed, .revalidated, .method, .request, .bypass: true
        case .none, .hit, .disk, .pushed, .stale: false
        }
    }
}
