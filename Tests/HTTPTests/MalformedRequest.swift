import Testing

@testable import HTTP

/// One row of the tables of bytes that are no acceptable request.
struct MalformedRequest: CustomTestStringConvertible, Sendable {
    let rule: String
    let bytes: [UInt8]
    let status: UInt16
    let violation: HTTP1Violation

    init(_ rule: String, _ text: String, _ status: UInt16, _ violation: HTTP1Violation) {
        self.init(rule, Array(text.utf8), status, violation)
    }

    init(_ rule: String, _ bytes: [UInt8], _ status: UInt16, _ violation: HTTP1Violation) {
        self.rule = rule
        self.bytes = bytes
        self.status = status
        self.violation = violation
    }

    var testDescription: String { rule }

    /// A request with this first line that is otherwise in order.
    static func line(_ rule: String, _ line: String, _ status: UInt16, _ violation: HTTP1Violation) -> Self {
        Self(rule, line + "\r\nHost: a\r\n\r\n", status, violation)
    }

    /// A request with this header line that is otherwise in order.
    static func field(_ rule: String, _ line: String, _ status: UInt16, _ violation: HTTP1Violation) -> Self {
        Self(rule, "GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n", status, violation)
    }

    /// A request with this byte inside a field's value.
    static func value(_ rule: String, byte: UInt8, _ status: UInt16, _ violation: HTTP1Violation) -> Self {
        let head = Array("GET / HTTP/1.1\r\nHost: a\r\nX: b".utf8)
        return Self(rule, head + [byte] + Array("c\r\n\r\n".utf8), status, violation)
    }

    /// A request with this byte in its target.
    static func target(_ rule: String, byte: UInt8, _ status: UInt16, _ violation: HTTP1Violation) -> Self {
        let tail = Array("b HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        return Self(rule, Array("GET /a".utf8) + [byte] + tail, status, violation)
    }

    /// A request with this Host.
    static func host(_ rule: String, _ host: String, _ violation: HTTP1Violation = .malformedHost) -> Self {
        Self(rule, "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", 400, violation)
    }

    /// A POST with these framing lines and a request behind it that must not be reached.
    static func framing(_ rule: String, _ lines: String, _ status: UInt16, _ violation: HTTP1Violation) -> Self {
        Self(
            rule, "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            status, violation)
    }

    /// A chunked POST with this body.
    static func chunks(_ rule: String, _ body: String, _ status: UInt16, _ violation: HTTP1Violation) -> Self {
        Self(rule, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body, status, violation)
    }
}
