import HTTP

/// Why a request is refused before any responder sees it.
enum RequestRefusal {
    case headersTooLarge
    case bodyTooLarge
    case malformedTarget
    case malformedAuthority
    case malformedField
    case unsupportedMethod
    case timeout

    var problem: Problem {
        switch self {
        case .headersTooLarge:
            Problem(
                name: "headers-too-large", title: "Header block too large", status: 431,
                detail: "The request's header fields together exceed this server's limit.")
        case .bodyTooLarge:
            Problem(
                name: "body-too-large", title: "Body too large", status: 413,
                detail: "The request's body exceeds this server's limit.")
        case .malformedTarget:
            Problem(
                name: "malformed-target", title: "Malformed request target", status: 400,
                detail: "The path must begin with / and hold printable ASCII, the rest percent-encoded.")
        case .malformedAuthority:
            Problem(
                name: "malformed-host", title: "Malformed host", status: 400,
                detail: "The authority must be a host name or address, with or without a port.")
        case .malformedField:
            Problem(
                name: "malformed-field", title: "Malformed header field", status: 400,
                detail: "A header field's name or value holds a character that is not allowed there.")
        case .unsupportedMethod:
            Problem(
                name: "unsupported-method", title: "Method not supported", status: 501,
                detail: "CONNECT is not supported here.")
        case .timeout:
            Problem(
                name: "request-timeout", title: "Request timed out", status: 408,
                detail: "The request did not arrive whole in the time that this server allows.")
        }
    }
}

extension RequestHead {
    /// A head that HTTP/2 fields are about to fill.
    static var emptyHTTP2: RequestHead { RequestHead(target: [], version: .http2) }

    /// Takes one field of an HTTP/2 header block (RFC 9113, 8.3.1), or says why it cannot be taken. libnghttp2 has
    /// already checked the order, the number and the lower case of the names, and that values are free of control
    /// characters. `known` is an authority that was found valid before: most clients send the same one again.
    mutating func appendHTTP2(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, limits: HTTP1Limits, known: HTTPBytes
    ) -> RequestRefusal? {
        guard name.first == UInt8(ascii: ":") else {
            // Host is the authority's shadow: kept only where there is no authority.
            if name.isEqual(to: "host") {
                if authority.isEmpty { return take(authority: value, known: known) }
                return nil
            }
            guard fields.count < limits.fieldCount else { return .headersTooLarge }
            fields.appendValid(name: name, value: value)
            return nil
        }
        switch name.count {
        case 5 where name.isEqual(to: ":path"):
            guard value.count <= limits.requestLineBytes else { return .malformedTarget }
            target = Array(value)[...]
            let isServerWide = method == .options && target.isEqual(to: "*")
            return isServerWide || TargetRule.isOriginForm(target) ? nil : .malformedTarget
        case 7 where name.isEqual(to: ":method"):
            method = Method(value)
            return method == .connect ? .unsupportedMethod : nil
        case 7 where name.isEqual(to: ":scheme"):
            guard let known = Scheme(value) else { return .malformedTarget }
            scheme = known
            return nil
        case 10 where name.isEqual(to: ":authority"): return take(authority: value, known: known)
        default: return .malformedField
        }
    }

    private mutating func take(authority value: UnsafeRawBufferPointer, known: HTTPBytes) -> RequestRefusal? {
        if !known.isEmpty, known.elementsEqual(value) {
            authority = known
            return nil
        }
        authority = value.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }[...]
        return AuthorityRule.isValid(authority) ? nil : .malformedAuthority
    }

    /// Empties what HTTP/2 fields have filled, and keeps its memory where nobody else has it.
    mutating func clearHTTP2() {
        method = .get
        target = []
        authority = []
        scheme = .http
        fields.clear()
    }

    /// What a complete HTTP/2 head lacks.
    var http2Refusal: RequestRefusal? {
        if target.isEmpty { return .malformedTarget }
        return authority.isEmpty ? .malformedAuthority : nil
    }
}

extension ResponseHead {
    /// Takes one field of an upstream's header block. Returns false when it is malformed.
    mutating func appendHTTP2(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        guard name.first == UInt8(ascii: ":") else { return fields.append(name: name, value: value) }
        guard name.isEqual(to: ":status"), let code = Array(value)[...].decimalValue, (100...599).contains(code)
        else { return false }
        status = UInt16(code)
        return true
    }
}
