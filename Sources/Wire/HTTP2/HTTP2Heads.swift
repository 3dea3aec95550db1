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
    /// already checked the order, the number and the lower case of the names.
    mutating func appendHTTP2(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, limits: HTTP1Limits
    ) -> RequestRefusal? {
        guard name.first == UInt8(ascii: ":") else {
            // Host is the authority's shadow: kept only where there is no authority.
            if name.elementsEqual("host".utf8) {
                if authority.isEmpty { return take(authority: value) }
                return nil
            }
            guard fields.count < limits.fieldCount else { return .headersTooLarge }
            return fields.append(name: name, value: value) ? nil : .malformedField
        }
        if name.elementsEqual(":method".utf8) {
            method = Method(token: Array(value)[...])
            return method == .connect ? .unsupportedMethod : nil
        }
        if name.elementsEqual(":path".utf8) {
            guard value.count <= limits.requestLineBytes else { return .malformedTarget }
            target = Array(value)[...]
            let isServerWide = method == .options && target.isEqual(to: "*")
            return isServerWide || TargetRule.isOriginForm(target) ? nil : .malformedTarget
        }
        if name.elementsEqual(":scheme".utf8) {
            guard let known = Scheme(Array(value)[...]) else { return .malformedTarget }
            scheme = known
            return nil
        }
        if name.elementsEqual(":authority".utf8) { return take(authority: value) }
        return .malformedField
    }

    private mutating func take(authority value: UnsafeRawBufferPointer) -> RequestRefusal? {
        authority = value.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }[...]
        return AuthorityRule.isValid(authority) ? nil : .malformedAuthority
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
        guard name.elementsEqual(":status".utf8), let code = Array(value)[...].decimalValue, (100...599).contains(code)
        else { return false }
        status = UInt16(code)
        return true
    }
}
