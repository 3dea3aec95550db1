import HTTP

/// Cross-origin rules of the live paths: any page may play (RFC 8216bis, appendix B.1).
package enum CORS {
    /// The answer to a preflight request.
    package static let preflight: ResponseHead = {
        var head = ResponseHead(status: 204)
        head.fields.append("access-control-allow-origin", "*")
        head.fields.append("access-control-allow-methods", "GET, HEAD, OPTIONS")
        // "*" stands for any name but Authorization; the names are for browsers that do not know it yet.
        head.fields.append(
            "access-control-allow-headers",
            "*, Authorization, Range, Content-Type, Accept, Cache-Control, Pragma, If-None-Match, If-Modified-Since, "
                + "If-Range, X-Requested-With, CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session")
        head.fields.append("access-control-max-age", "86400")
        return head
    }()

    /// Adds what lets a page read an answer and its age.
    package static func append(to fields: inout HTTPFields) {
        fields.append("access-control-allow-origin", "*")
        fields.append("access-control-expose-headers", "Age, Date, Content-Length, Content-Range, Cache-Status")
    }
}
