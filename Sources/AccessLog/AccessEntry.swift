import HTTP

/// What an access log tells of one exchange, but for how long it took and how it ended.
package struct AccessEntry {
    /// When its head came, in microseconds since 1970, UTC.
    package var startedAt: Int64
    /// The client's address as text, empty where there is none.
    package var peer: [UInt8]
    package var peerPort: Int
    /// Nil when no request could be read.
    package var request: RequestHead?
    /// What its connection speaks.
    package var version: HTTPVersion
    package var isSecure: Bool
    /// 0 when no answer was sent.
    package var status: UInt16
    /// Bytes of the answer's body.
    package var bodyBytes: Int
    package var cache: CacheResult
    /// How long it waited for something to come to be, in microseconds; nil when it did not wait.
    package var held: Int64?
    /// How long the upstream took to begin its answer, in microseconds; nil when none was asked for it.
    package var upstream: Int64?

    package init(
        startedAt: Int64, peer: [UInt8], peerPort: Int, request: RequestHead?, version: HTTPVersion, isSecure: Bool,
        status: UInt16, bodyBytes: Int, cache: CacheResult, held: Int64?, upstream: Int64?
    ) {
        self.startedAt = startedAt
        self.peer = peer
        self.peerPort = peerPort
        self.request = request
        self.version = version
        self.isSecure = isSecure
        self.status = status
        self.bodyBytes = bodyBytes
        self.cache = cache
        self.held = held
        self.upstream = upstream
    }
}

/// What a node's cache had to do with an answer.
package enum CacheResult: UInt8, CaseIterable, Sendable {
    /// Nothing: the node's own pages, refusals, and all that an origin answers.
    case none
    case hit, disk, pushed, stale, miss, collapsed, revalidated
    /// Not the cache's to answer: by its method, by its own wish, or because nobody may share it.
    case method, request, bypass

    /// The parameters that RFC 9211 has for it; nil for nothing.
    package var words: StaticString? {
        switch self {
        case .none: nil
        case .hit: "hit"
        case .disk: "hit; detail=disk"
        case .pushed: "hit; detail=pushed"
        case .stale: "hit; detail=stale"
        case .miss: "fwd=miss"
        case .collapsed: "fwd=miss; collapsed"
        case .revalidated: "fwd=stale"
        case .method: "fwd=method"
        case .request: "fwd=request"
        case .bypass: "fwd=bypass"
        }
    }
}

/// How an exchange ended.
package enum AccessEnding: UInt8, Sendable {
    /// The socket has taken the whole answer.
    case whole
    /// This node broke it off: by a limit, at its own end, or because the body could not be had.
    case cut
    /// The client went away, or wanted no more.
    case gone

    var word: StaticString {
        switch self {
        case .whole: "whole"
        case .cut: "cut"
        case .gone: "gone"
        }
    }
}
