import Cache
import HTTP
import Testing

@testable import Edge

/// What a gateway changes and refuses (RFC 9110, 7.6), what unsafe methods void (RFC 9111, 4.4), what a purge says.
@Suite struct ForwardingTests {
    private static func fields(_ pairs: [(String, String)]) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in pairs { fields.append(name: HTTPBytes(name), value: HTTPBytes(value)) }
        return fields
    }

    @Test func hopsAreTold() {
        let request = RequestHead(
            method: .options, fields: Self.fields([("via", "1.0 a"), ("max-forwards", "3")]), version: .http2)
        let sent = Forwarding.toUpstream(UpstreamRequest.alone(request), from: request, via: "edge-1")
        #expect(sent.fields.all("via").map(\.text) == ["1.0 a", "2 edge-1"])
        #expect(sent.fields.text("max-forwards") == "2")
        // 7.6.2: other methods do not count hops.
        let get = RequestHead(fields: Self.fields([("max-forwards", "3")]))
        #expect(Forwarding.toUpstream(get, from: get, via: "e").fields.text("max-forwards") == "3")
    }

    @Test func whatGoesNoFurther() {
        func status(_ method: HTTP.Method, _ fields: [(String, String)]) -> UInt16? {
            Forwarding.refusal(RequestHead(method: method, fields: Self.fields(fields)))?.status
        }
        #expect(status(.get, []) == nil)
        #expect(status(.get, [("via", Array(repeating: "1.1 a", count: 15).joined(separator: ","))]) == nil)
        #expect(status(.get, [("via", Array(repeating: "1.1 a", count: 16).joined(separator: ","))]) == 508)
        #expect(status(.post, [("expect", "100-continue")]) == nil)
        #expect(status(.post, [("expect", "x")]) == 417)
        #expect(status(.trace, [("max-forwards", "0")]) == 405)
        #expect(status(.options, [("max-forwards", "0")]) == 400)
        #expect(status(.get, [("max-forwards", "0")]) == nil)
    }

    @Test(
        "References are resolved within the origin",
        arguments: [
            ("", "/a/b?c"), ("/x?y#z", "/x?y"), ("x", "/a/x"), ("?q", "/a/b?q"), ("#f", "/a/b?c"),
            ("http://h:1/x", "/x"), ("HTTPS://H:1/x", "/x"), ("//h:1", "/"), ("//h:1?q", "/?q"),
            ("http://other/x", nil),
            ("//other/x", nil), ("ftp://h:1/x", nil), ("mailto:a", nil), ("http:x", nil),
        ] as [(String, String?)])
    func resolves(reference: String, target: String?) {
        let request = RequestHead(target: HTTPBytes("/a/b?c"), authority: HTTPBytes("h:1"))
        #expect(Forwarding.resolve(HTTPBytes(reference), against: request)?.text == target)
    }

    @Test func unsafeMethodsVoidWhatTheyName() {
        let request = RequestHead(method: .post, target: HTTPBytes("/a"), authority: HTTPBytes("h"))
        let head = ResponseHead(
            status: 201, fields: Self.fields([("location", "/b"), ("content-location", "http://elsewhere/c")]))
        #expect(Forwarding.invalidated(by: head, to: request).map(\.text) == ["/a", "/b"])
    }

    @Test(
        "Purges are worded once and exactly",
        arguments: [
            ("url=/a%3Fb", "url /a?b hard"), ("prefix=/live/&mode=soft", "prefix /live/ soft"),
            ("key=a%20b&mode=hard", "key a b hard"),
            ("mode=soft", nil), ("url=a", nil), ("url=/a&key=b", nil), ("url=/a&x=y", nil), ("url=", nil),
            ("key=%zz", nil), ("", nil),
        ] as [(String, String?)])
    func purgesAreRead(query: String, meaning: String?) {
        let asked = PurgeQuery(RequestHead(target: HTTPBytes("/v1/purge?\(query)")))
        let words = asked.selector.map { PurgeQuery.words($0) }
        #expect(words.map { "\($0.kind) \($0.value) \(asked.mode.map { "\($0)" } ?? "")" } == meaning)
        #expect(PurgeQuery(RequestHead(target: HTTPBytes("/v1/purge?url=/a&mode=x"))).mode == nil)
    }
}
