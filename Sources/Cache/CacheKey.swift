import HTTP

/// What makes two requests want the same object: its target, with everything else left out.
///
/// On live paths only the delivery directives of a query count, in one order: CMCD, tokens and tracking keys change no
/// byte and never go upstream; and playlists, which come in two codings, are two objects. Elsewhere the whole query counts,
/// and what an answer's Vary names selects among its variants (`VarySelection`).
package struct CacheKey: Hashable, Sendable {
    /// Path and query as they are asked of the upstream.
    package let target: HTTPBytes
    /// Whether the client of a live playlist takes gzip: Accept-Encoding folded into two classes.
    package let takesGzip: Bool

    private static let directives: [StaticString] = ["_HLS_msn", "_HLS_part", "_HLS_skip"]

    package static func == (a: CacheKey, b: CacheKey) -> Bool {
        a.takesGzip == b.takesGzip && a.target.hasSameBytes(as: b.target)
    }

    package func hash(into hasher: inout Hasher) {
        target.withUnsafeBytes { hasher.combine(bytes: $0) }
        hasher.combine(takesGzip)
    }

    /// As it was made once.
    init(target: HTTPBytes, takesGzip: Bool) {
        self.target = target
        self.takesGzip = takesGzip
    }

    package init(_ request: RequestHead) {
        takesGzip = Self.isPlaylist(request) && ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip
        guard Self.isLive(request), request.query != nil else {
            target = request.target
            return
        }
        var canonical = Array(request.path)
        var separator = UInt8(ascii: "?")
        for name in Self.directives {
            // Repeated directives are kept: the origin refuses them, and the refusal is theirs alone.
            for item in request.queryItems where item.name.isEqual(to: name) {
                canonical.append(separator)
                canonical.append(contentsOf: item.name)
                canonical.append(UInt8(ascii: "="))
                canonical.append(contentsOf: item.value)
                separator = UInt8(ascii: "&")
            }
        }
        target = canonical[...]
    }

    /// Playlists are text, of which both codings are kept; media comes in one.
    private static func isPlaylist(_ request: RequestHead) -> Bool {
        isLive(request) && request.path.suffix(5).isEqual(to: ".m3u8")
    }

    /// The live channel that the object is of: what follows `/live/`.
    package var channel: HTTPBytes? {
        guard target.begins(with: "/live/") else { return nil }
        return target.dropFirst(6).prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    }

    /// The keys under which a target may be held.
    package static func all(of target: HTTPBytes) -> [CacheKey] {
        var request = RequestHead(target: target)
        let plain = CacheKey(request)
        request.fields.append("accept-encoding", "gzip")
        let coded = CacheKey(request)
        return plain == coded ? [plain] : [plain, coded]
    }

    /// Whether a request is for live media, which is answered to viewers only when it is whole.
    package static func isLive(_ request: RequestHead) -> Bool {
        request.target.begins(with: "/live/")
    }
}
