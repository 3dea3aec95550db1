import HTTP

/// What a gateway changes in messages that it passes on (RFC 9110, 7.6): they are rebuilt from what was understood.
enum Forwarding {
    /// Nodes that a request may have gone through: beyond them it goes round in circles.
    private static let hopLimit = 16

    /// A request as it goes upstream, with this node's name in Via (7.6.3) and one hop less in Max-Forwards (7.6.2). Without
    /// a name it stays within the node: another event loop of it does both.
    static func toUpstream(_ upstream: RequestHead, from request: RequestHead, via name: String?) -> RequestHead {
        var upstream = upstream
        let version =
            switch request.version {
            case .http10: "1.0"
            case .http11: "1.1"
            case .http2: "2"
            }
        upstream.fields.remove("via")
        // Hops before this one are told whatever else of the request was left out.
        for line in request.fields.all("via") { upstream.fields.append("via", line) }
        guard let name else {
            upstream.version = request.version
            return upstream
        }
        upstream.fields.append("via", "\(version) \(name)")
        if countsHops(request), let left = request.fields.first("max-forwards")?.decimalValue {
            upstream.fields.set("max-forwards", String(max(0, left - 1)))
        }
        return upstream
    }

    private static func countsHops(_ request: RequestHead) -> Bool {
        request.method == .trace || request.method == .options
    }

    /// Why a request goes no further, if it does not.
    static func refusal(_ request: RequestHead) -> Problem? {
        guard request.fields.steersCaches else { return nil }
        if request.fields.all("via").reduce(0, { $0 + Array(ListMembers($1)).count }) >= hopLimit {
            return Problem(
                name: "loop", title: "Loop detected", status: 508,
                detail: "The request has gone through \(hopLimit) nodes: their upstreams lead back to each other.")
        }
        if request.fields.contains("expect"), !request.fields.list("expect", contains: "100-continue") {
            return Problem(
                name: "expectation-failed", status: 417, detail: "Only 100-continue can be expected of this server.")
        }
        if countsHops(request), request.fields.first("max-forwards")?.decimalValue == 0 {
            return Problem(
                name: "last-hop", title: "No hop is left", status: request.method == .trace ? 405 : 400,
                detail: "Max-Forwards is 0 and this edge is not the origin: what it would answer is the origin's.")
        }
        return nil
    }

    /// An answer without what ended at this node.
    static func toClient(_ head: ResponseHead) -> ResponseHead {
        var head = head
        head.fields.removeHopByHop()
        return head
    }

    /// Targets that the answer to an unsafe method makes void (RFC 9111, 4.4): its own, and those of the same origin that
    /// Location and Content-Location name.
    static func invalidated(by head: ResponseHead, to request: RequestHead) -> [HTTPBytes] {
        var targets = [request.target]
        for name: StaticString in ["location", "content-location"] {
            if let reference = head.fields.first(name), let target = resolve(reference, against: request) {
                targets.append(target)
            }
        }
        return targets
    }

    /// Whether an answer says that it is what its own target holds.
    static func isContent(of request: RequestHead, _ head: ResponseHead) -> Bool {
        guard head.status == 200, let reference = head.fields.first("content-location") else { return false }
        return resolve(reference, against: request) == request.target
    }

    /// The target of a reference (RFC 3986, 5.2) within the request's origin; nil where it leads elsewhere.
    static func resolve(_ reference: HTTPBytes, against request: RequestHead) -> HTTPBytes? {
        let fragment = reference.firstIndex(of: UInt8(ascii: "#")) ?? reference.endIndex
        let text = reference[..<fragment]
        if text.isEmpty { return request.target }
        if text.starts(with: "//".utf8) { return target(afterAuthority: text.dropFirst(2), of: request) }
        if text.first == UInt8(ascii: "/") { return text }
        if text.first == UInt8(ascii: "?") { return request.path + text }
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        let slash = text.firstIndex(of: UInt8(ascii: "/")) ?? text.endIndex
        if colon < slash {
            let rest = text[text.index(after: colon)...]
            guard Scheme(text[..<colon]) != nil, rest.starts(with: "//".utf8) else { return nil }
            return target(afterAuthority: rest.dropFirst(2), of: request)
        }
        let end = request.path.lastIndex(of: UInt8(ascii: "/")).map { request.path.index(after: $0) }
        return request.path[..<(end ?? request.path.startIndex)] + text
    }

    private static func target(afterAuthority text: HTTPBytes, of request: RequestHead) -> HTTPBytes? {
        let end = text.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? text.endIndex
        let authority = text[..<end].map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        guard authority.elementsEqual(request.authority) else { return nil }
        let rest = text[end...]
        return rest.first == UInt8(ascii: "/") ? rest : RequestHead.root + rest
    }
}
