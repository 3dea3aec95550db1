import HTTP

/// What makes two requests want the same bytes: target and content coding, with everything else left out.
///
/// On live paths only the delivery directives of a query count, in one order: CMCD, tokens and tracking keys change no
/// byte and never go upstream. Elsewhere the whole query counts.
package struct CacheKey: Hashable, Sendable {
    /// Path and query as they are asked of the upstream.
    package let target: HTTPBytes
    /// Whether the client takes gzip: Accept-Encoding folded into two classes.
    package let takesGzip: Bool

    private static let directives: [StaticString] = ["_HLS_msn", "_HLS_part", "_HLS_skip"]

    package init(_ request: RequestHead) {
        takesGzip = ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip
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

    /// Whether a request is for live media, which is answered to viewers only when it is whole.
    package static func isLive(_ request: RequestHead) -> Bool {
        request.target.starts(with: "/live/".utf8)
    }
}
