import struct NIOCore.ByteBuffer

/// The server's reader of HTTP/1.1 requests (RFC 9112): bytes in any pieces in, events out, one request after another.
///
/// Call `feed` until it returns nil, then again with the bytes that it left, more behind them. A head is consumed whole:
/// until it is complete, all of its bytes stay in the buffer. A request with a body that two readers could see
/// differently is refused, never repaired.
package struct HTTP1RequestParser {
    package enum Event: Equatable {
        case head(RequestHead, HTTP1BodyKind)
        /// A piece of the body, never empty, that shares the memory which was fed.
        case body(ByteBuffer)
        /// The request is complete; its trailer fields are in `trailers`.
        case end
    }

    private enum State {
        case requestLine(LineScanner, hasSkippedLine: Bool)
        case fields(RequestLine)
        case body
        case upgrading
        case refused(HTTP1Violation)
    }

    private let limits: HTTP1Limits
    private let scheme: Scheme
    private var state = State.requestLine(LineScanner(), hasSkippedLine: false)
    private var section = FieldSection()
    private var body = BodyReader.ended
    private var mayPersist = true

    /// True when `Expect: 100-continue` waits for an answer before it sends its body; valid from `.head` on.
    package private(set) var expectsContinue = false
    /// True when the last head asks for another protocol: after its `.end` nothing more is parsed, and the bytes left
    /// belong to that protocol. `declineUpgrade()` goes on in HTTP/1.1.
    package private(set) var requestsUpgrade = false
    /// The trailer fields of the last body; valid from its `.end` to the next one.
    package private(set) var trailers = HTTPFields()

    /// `scheme` is what the connection is: heads carry it whatever an absolute target says.
    package init(limits: HTTP1Limits = HTTP1Limits(), scheme: Scheme = .http) {
        self.limits = limits
        self.scheme = scheme
    }

    /// Whether the connection may carry another request after the last one. False while an upgrade is undecided.
    package var keepsAlive: Bool { mayPersist && !requestsUpgrade }

    /// True between two requests: no byte of a next one was seen by the last `feed` that returned nil.
    package var isBetweenRequests: Bool {
        if case .requestLine(let scanner, false) = state { !scanner.hasSearched } else { false }
    }

    /// The next event, or nil when it takes more bytes, or after the end of a request that asks for an upgrade.
    ///
    /// - Throws: the violation after which the connection has no more requests; from then on the same one each time.
    package mutating func feed(_ bytes: inout ByteBuffer) throws(HTTP1Violation) -> Event? {
        do throws(HTTP1Violation) {
            return try next(&bytes)
        } catch {
            state = .refused(error)
            mayPersist = false
            throw error
        }
    }

    /// Goes on in HTTP/1.1 after a request for another protocol that is not granted.
    package mutating func declineUpgrade() {
        requestsUpgrade = false
        if case .upgrading = state { state = .requestLine(LineScanner(), hasSkippedLine: false) }
    }

    private mutating func next(_ bytes: inout ByteBuffer) throws(HTTP1Violation) -> Event? {
        switch state {
        case .requestLine, .fields:
            let isComplete = try bytes.withUnsafeReadableBytes { raw throws(HTTP1Violation) in
                try readHead(raw)
            }
            guard isComplete, case .fields(let line) = state else { return nil }
            bytes.moveReaderIndex(forwardBy: section.scanner.start)
            return try finishHead(line)
        case .body:
            switch try body.next(&bytes, limits: limits) {
            case nil: return nil
            case .piece(let piece)?: return .body(piece)
            case .end(let trailers)?:
                self.trailers = trailers
                expectsContinue = false
                state = requestsUpgrade ? .upgrading : .requestLine(LineScanner(), hasSkippedLine: false)
                return .end
            }
        case .upgrading: return nil
        case .refused(let violation): throw violation
        }
    }

    // MARK: Heads

    /// Reads the lines that have arrived. Returns true once the head is complete.
    private mutating func readHead(_ raw: UnsafeRawBufferPointer) throws(HTTP1Violation) -> Bool {
        if case .requestLine(var scanner, var hasSkippedLine) = state {
            while true {
                // A TLS hello or other noise is told apart by its first byte, before any line end comes.
                if scanner.start < raw.count {
                    let first = raw[scanner.start]
                    guard CharacterClass.isToken(first) || first == 0x0d || first == 0x0a else { throw .notHTTP }
                }
                let line = try scanner.next(
                    in: raw, limit: limits.requestLineBytes,
                    orThrow: .requestLineTooLong(limit: limits.requestLineBytes))
                guard let line else {
                    state = .requestLine(scanner, hasSkippedLine: hasSkippedLine)
                    return false
                }
                // RFC 9112, 2.2: an empty line before a request is skipped; old clients end their bodies with one.
                if line.isEmpty {
                    if hasSkippedLine { throw .tooManyEmptyLines }
                    hasSkippedLine = true
                    continue
                }
                try readRequestLine(UnsafeRawBufferPointer(rebasing: raw[line]), scanner: scanner, seen: raw.count)
                break
            }
        }
        return try section.read(
            raw,
            limits: FieldSection.Limits(
                bytes: limits.headerBytes, count: limits.fieldCount, nameBytes: limits.fieldNameBytes,
                tooLarge: .headerTooLarge(limit: limits.headerBytes)))
    }

    private mutating func readRequestLine(
        _ raw: UnsafeRawBufferPointer, scanner: LineScanner, seen: Int
    ) throws(HTTP1Violation) {
        let line = try RequestLine(raw, methodLimit: limits.methodBytes)
        let target = UnsafeRawBufferPointer(rebasing: raw[line.targetRange])
        // Most heads arrive whole and are small: room for what is here and the blanks that its lines may lack, but not
        // for a body behind it.
        let capacity = target.count + min(seen, 2048) + 32
        section = FieldSection(scanner: scanner, fields: HTTPFields(prefix: target, capacity: capacity))
        state = .fields(line)
    }

    private mutating func finishHead(_ line: RequestLine) throws(HTTP1Violation) -> Event {
        var fields = section.fields
        section = FieldSection()
        let framing = FramingFields(fields)
        if framing.hasManyHosts { throw .repeatedHost }
        var authority: HTTPBytes = []
        if let host = framing.host {
            let range = fields.lines[host].value
            guard AuthorityRule.isValid(fields.bytes(range)) else { throw .malformedHost }
            fields.lowercase(range)
            authority = fields.bytes(range)
        } else if line.version == .http11 {
            throw .missingHost
        }
        let kind = try framing.announcedBody(version: line.version) ?? .none
        if framing.hasExpect && line.version == .http11 {
            guard fields.all("expect").allSatisfy({ $0.isEqualIgnoringCase(to: "100-continue") }) else {
                throw .unknownExpectation
            }
            expectsContinue = kind != .none
        } else {
            expectsContinue = false
        }
        mayPersist = framing.keepsAlive(fields, version: line.version)
        requestsUpgrade =
            framing.hasUpgrade && line.version == .http11 && fields.list("connection", contains: "upgrade")
        body = BodyReader(kind)
        state = .body
        var head = RequestHead(
            method: line.method, target: fields.bytes(0..<line.targetRange.count), authority: authority, scheme: scheme,
            fields: fields, version: line.version)
        resolve(line, in: &head)
        return .head(head, kind)
    }

    /// An absolute target's authority takes the place of Host (RFC 9112, 3.2.2), and the rest becomes the target.
    private func resolve(_ line: RequestLine, in head: inout RequestHead) {
        guard case .absolute(let authority, let path) = line.target else { return }
        let whole = head.target
        head.authority = HTTPBytes(whole[authority].map(CharacterClass.lowercased))
        head.fields.set("host", head.authority)
        let rest = whole[path]
        switch rest.first {
        case UInt8(ascii: "/"): head.target = rest
        case nil where head.method == .options: head.target = [UInt8(ascii: "*")]
        default: head.target = HTTPBytes([UInt8(ascii: "/")] + rest)
        }
    }
}
