import HTTP

/// What goes upstream: built anew from what a client asked, never its bytes.
package enum UpstreamRequest {
    /// The request of a fetch that is everyone's: GET of the whole object, with validators of what is held.
    static func fill(_ request: RequestHead, key: CacheKey, previous: StoredResponse?) -> RequestHead {
        var upstream = RequestHead(method: .get, target: key.target)
        if CacheKey.isLive(request) {
            // Live media is the same for all: nothing of this client goes upstream but what lets it in.
            if let authorization = request.fields.first("authorization") {
                upstream.fields.append("authorization", authorization)
            }
            if key.takesGzip { upstream.fields.append("accept-encoding", "gzip") }
        } else {
            let hop = HopByHop(request.fields)
            for (name, value) in request.fields where !hop.contains(name) && !isOfOneClient(name) {
                upstream.fields.append(name: name, value: value)
            }
            if ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip {
                upstream.fields.append("accept-encoding", "gzip")
            }
        }
        // 4.3.1: any status that came with a validator can be asked about; a 304 then means that it is so still.
        if let previous, previous.body.isComplete {
            if let tag = previous.head.fields.first("etag") { upstream.fields.append("if-none-match", tag) }
            if let date = previous.head.fields.first("last-modified") {
                upstream.fields.append("if-modified-since", date)
            }
        }
        return upstream
    }

    /// Conditions and ranges are answered here from the whole; codings are folded.
    private static func isOfOneClient(_ name: HTTPBytes) -> Bool {
        for known: StaticString in [
            "if-none-match", "if-modified-since", "if-range", "range", "accept-encoding", "content-length", "host",
            "expect",
        ] where name.isEqual(to: known) { return true }
        return false
    }

    /// The request of a fetch for one client alone: as it came, without what ends at this node.
    package static func alone(_ request: RequestHead) -> RequestHead {
        var upstream = request
        upstream.fields.removeHopByHop()
        for name: StaticString in ["host", "content-length", "expect"] { upstream.fields.remove(name) }
        return upstream
    }
}
