/// Requests that a client makes against what it holds (RFC 9110, 13).
package enum ConditionalRequest {
    /// Whether a 304 answers the request.
    package static func isUnchanged(_ request: RequestHead, _ head: ResponseHead, now: Int64) -> Bool {
        guard head.status == 200, request.method == .get || request.method == .head else { return false }
        if request.fields.contains("if-none-match") {
            return holds(ifNoneMatch: request, head)
        }
        guard let condition = request.fields.first("if-modified-since"),
            let modified = head.fields.first("last-modified") ?? head.fields.first("date")
        else { return false }
        // 13.1.3: the same bytes mean the same date, however they are written.
        if condition == modified { return true }
        guard let since = HTTPDate.parse(condition, now: now), let moment = HTTPDate.parse(modified, now: now) else {
            return false
        }
        return moment <= since
    }

    /// Whether If-None-Match names what `head` describes: "*" names anything that exists, tagged or not (13.1.2).
    package static func holds(ifNoneMatch request: RequestHead, _ head: ResponseHead) -> Bool {
        let tag = head.fields.first("etag").map(weak)
        return request.fields.all("if-none-match").contains { line in
            ListMembers(line).contains { $0.isEqual(to: "*") || tag?.elementsEqual(weak($0)) == true }
        }
    }

    /// If-None-Match compares weakly (RFC 9110, 13.1.2).
    private static func weak(_ tag: HTTPBytes) -> HTTPBytes {
        tag.starts(with: "W/".utf8) ? tag.dropFirst(2) : tag
    }
}
