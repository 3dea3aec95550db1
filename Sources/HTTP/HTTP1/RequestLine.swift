/// The first line of a request (RFC 9112, 3).
struct RequestLine {
    /// Where the target's parts lie, counted from its first byte.
    enum Target: Equatable {
        /// `/path?query`
        case origin
        /// `http://authority/path?query`; the path may be empty.
        case absolute(authority: Range<Int>, path: Range<Int>)
        /// `*`
        case asterisk
    }

    let method: Method
    let target: Target
    /// The whole target, counted from the line's first byte.
    let targetRange: Range<Int>
    let version: HTTPVersion

    init(_ line: UnsafeRawBufferPointer, methodLimit: Int) throws(HTTP1Violation) {
        var methodEnd = 0
        while methodEnd < line.count, CharacterClass.isToken(line[methodEnd]) { methodEnd += 1 }
        guard methodEnd > 0, methodEnd < line.count, line[methodEnd] == 0x20 else { throw Self.lineFault(line) }
        if methodEnd > methodLimit { throw .methodTooLong(limit: methodLimit) }
        // The version is what follows the last space: a target with a space in it is then named as such.
        guard let versionSpace = line.lastIndex(of: 0x20), versionSpace > methodEnd + 1 else {
            throw Self.lineFault(line)
        }
        version = try Self.version(UnsafeRawBufferPointer(rebasing: line[(versionSpace + 1)...]), in: line)
        method = Method(UnsafeRawBufferPointer(rebasing: line[..<methodEnd]))
        targetRange = methodEnd + 1..<versionSpace
        let bytes = UnsafeRawBufferPointer(rebasing: line[targetRange])
        if let fault = TargetRule.fault(in: bytes) { throw bytes.contains(0x0d) ? .bareCarriageReturn : fault }
        target = try Self.form(of: bytes, method: method)
    }

    private static func lineFault(_ line: UnsafeRawBufferPointer) -> HTTP1Violation {
        line.contains(0x0d) ? .bareCarriageReturn : .malformedRequestLine
    }

    private static func version(
        _ bytes: UnsafeRawBufferPointer, in line: UnsafeRawBufferPointer
    ) throws(HTTP1Violation) -> HTTPVersion {
        if bytes.isEqual(to: "HTTP/1.1") { return .http11 }
        if bytes.isEqual(to: "HTTP/1.0") { return .http10 }
        let isVersion =
            bytes.count == 8 && UnsafeRawBufferPointer(rebasing: bytes[..<5]).isEqual(to: "HTTP/")
            && CharacterClass.isDigit(bytes[5]) && bytes[6] == UInt8(ascii: ".") && CharacterClass.isDigit(bytes[7])
        throw isVersion ? .unsupportedVersion : lineFault(line)
    }

    private static func form(of target: UnsafeRawBufferPointer, method: Method) throws(HTTP1Violation) -> Target {
        if method == .connect { throw .connectMethod }
        if target.first == UInt8(ascii: "/") { return .origin }
        if target.count == 1 && target[0] == UInt8(ascii: "*") {
            guard method == .options else { throw .misplacedTargetForm }
            return .asterisk
        }
        let scheme = target.prefix { $0 != UInt8(ascii: ":") }
        let authorityStart = scheme.count + 3
        guard Scheme(HTTPBytes(scheme)) != nil, authorityStart <= target.count,
            target[scheme.count + 1] == UInt8(ascii: "/"), target[scheme.count + 2] == UInt8(ascii: "/")
        else { throw .misplacedTargetForm }
        let end =
            target[authorityStart...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.count
        let authority = authorityStart..<end
        guard AuthorityRule.isValid(UnsafeRawBufferPointer(rebasing: target[authority])) else { throw .malformedHost }
        return .absolute(authority: authority, path: end..<target.count)
    }
}
