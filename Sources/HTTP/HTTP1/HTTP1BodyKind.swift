/// How a message's body ends (RFC 9112, 6.3).
package enum HTTP1BodyKind: Sendable, Equatable {
    /// There is no body.
    case none
    /// After this many bytes, more than 0.
    case length(Int)
    /// With its last chunk.
    case chunked
    /// With its connection; responses only.
    case untilClose
}

/// The fields of a head that say how its body ends and what becomes of its connection, gathered in one pass.
struct FramingFields {
    /// The index of Host, and whether there are more of it.
    private(set) var host: Int?
    private(set) var hasManyHosts = false
    private var contentLength: HTTPBytes?
    private var hasManyLengths = false
    private var transferEncoding: HTTPBytes?
    private var hasManyEncodings = false
    private(set) var hasConnection = false
    private(set) var hasUpgrade = false
    private(set) var hasExpect = false

    init(_ fields: HTTPFields) {
        for (index, line) in fields.lines.enumerated() {
            // Only these lengths occur among the names below.
            switch line.nameLength {
            case 4, 6, 7, 10, 14, 17: note(fields[index], at: index)
            default: break
            }
        }
    }

    private mutating func note(_ field: HTTPFields.Element, at index: Int) {
        if let known = ConnectionField(name: field.name) {
            switch known {
            case .host:
                hasManyHosts = host != nil
                host = host ?? index
            case .contentLength:
                hasManyLengths = contentLength != nil
                contentLength = field.value
            case .transferEncoding:
                hasManyEncodings = transferEncoding != nil
                transferEncoding = field.value
            case .connection: hasConnection = true
            case .upgrade: hasUpgrade = true
            case .keepAlive, .proxyConnection, .te, .trailer: break
            }
        } else if field.name.isEqual(to: "expect") {
            hasExpect = true
        }
    }

    /// The body that the framing fields announce, nil where there are none of them.
    ///
    /// Where two readers could differ, there is no answer but refusal: everything that is merely odd is thrown.
    func announcedBody(version: HTTPVersion) throws(HTTP1Violation) -> HTTP1BodyKind? {
        if let transferEncoding {
            if version == .http10 { throw .transferEncodingInHTTP10 }
            if contentLength != nil { throw .lengthAndTransferEncoding }
            guard !hasManyEncodings, transferEncoding.isEqualIgnoringCase(to: "chunked") else {
                throw Self.codingFault(transferEncoding, isAlone: !hasManyEncodings)
            }
            return .chunked
        }
        guard let contentLength else { return nil }
        if hasManyLengths { throw .repeatedContentLength }
        guard !contentLength.isEmpty, contentLength.allSatisfy(CharacterClass.isDigit) else {
            throw .invalidContentLength
        }
        guard let length = contentLength.decimalValue else { throw .contentLengthOverflow }
        return length == 0 ? HTTP1BodyKind.none : .length(length)
    }

    /// `gzip, chunked` is sound but not understood here; everything else leaves the body's end unclear.
    private static func codingFault(_ value: HTTPBytes, isAlone: Bool) -> HTTP1Violation {
        let codings = Array(ListMembers(value))
        let isSound =
            isAlone && codings.count > 1 && codings.last?.isEqualIgnoringCase(to: "chunked") == true
            && codings.dropLast().allSatisfy {
                $0.allSatisfy(CharacterClass.isToken) && !$0.isEqualIgnoringCase(to: "chunked")
            }
        return isSound ? .unknownTransferCoding : .invalidTransferEncoding
    }

    /// Whether the connection may carry another message after this one (RFC 9112, 9.3).
    func keepsAlive(_ fields: HTTPFields, version: HTTPVersion) -> Bool {
        guard hasConnection else { return version == .http11 }
        if fields.list("connection", contains: "close") { return false }
        return version == .http11 || fields.list("connection", contains: "keep-alive")
    }
}
