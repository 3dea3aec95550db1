import struct NIOCore.ByteBuffer

/// The client's reader of one HTTP/1.1 response (RFC 9112): bytes in any pieces in, events out. One parser per request.
///
/// Call `feed` until it returns nil, then again with the bytes that it left, more behind them. After `.end` it consumes
/// nothing; bytes that are left belong to no request unless the connection is pipelined.
package struct HTTP1ResponseParser {
    package enum Event: Equatable {
        /// A 1xx response; the final one follows.
        case interim(ResponseHead)
        case head(ResponseHead)
        /// A piece of the body, never empty, that shares the memory which was fed.
        case body(ByteBuffer)
        /// The response is complete; its trailer fields are in `trailers`.
        case end
    }

    private enum State {
        case statusLine(LineScanner)
        case fields(StatusLine)
        case body(HTTP1BodyKind)
        case ended
        case refused(HTTP1Violation)
    }

    private let method: Method
    private let limits: HTTP1Limits
    private let allowsUpgrade: Bool
    private var state = State.statusLine(LineScanner())
    private var section = FieldSection()
    private var body = BodyReader.ended
    private var interimResponses = 0
    private var mayPersist = false

    /// The trailer fields of the body; valid after `.end`.
    package private(set) var trailers = HTTPFields()
    /// True after a 101: the bytes behind its `.end` belong to the protocol that was asked for.
    package private(set) var isUpgraded = false

    /// A parser for the response to a request with this method, of which the end of the body depends. Without
    /// `allowsUpgrade` a 101 is refused.
    package init(requestMethod: Method, limits: HTTP1Limits = HTTP1Limits(), allowsUpgrade: Bool = false) {
        method = requestMethod
        self.limits = limits
        self.allowsUpgrade = allowsUpgrade
    }

    /// Whether the connection may carry another request; false until the response is complete.
    package var keepsAlive: Bool { if case .ended = state { mayPersist } else { false } }

    /// How the body ends; nil before the final head.
    package var bodyKind: HTTP1BodyKind? { if case .body(let kind) = state { kind } else { nil } }

    /// The next event, or nil when it takes more bytes, or after `.end`.
    ///
    /// - Throws: the violation after which the connection is of no use; from then on the same one each time.
    package mutating func feed(_ bytes: inout ByteBuffer) throws(HTTP1Violation) -> Event? {
        do throws(HTTP1Violation) {
            return try next(&bytes)
        } catch {
            state = .refused(error)
            throw error
        }
    }

    /// Says that the connection has ended, after all bytes were fed. Returns `.end` when that is how the body ends, and
    /// nil when the response was complete before.
    ///
    /// - Throws: `truncated` when the response is not whole, or the violation that was found before.
    package mutating func eof() throws(HTTP1Violation) -> Event? {
        switch state {
        case .ended: return nil
        case .body(.untilClose):
            state = .ended
            return .end
        case .refused(let violation): throw violation
        case .statusLine, .fields, .body:
            state = .refused(.truncated)
            throw .truncated
        }
    }

    private mutating func next(_ bytes: inout ByteBuffer) throws(HTTP1Violation) -> Event? {
        switch state {
        case .statusLine, .fields:
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
                state = .ended
                return .end
            }
        case .ended: return nil
        case .refused(let violation): throw violation
        }
    }

    private mutating func readHead(_ raw: UnsafeRawBufferPointer) throws(HTTP1Violation) -> Bool {
        if case .statusLine(var scanner) = state {
            if let first = raw.first, first != UInt8(ascii: "H") { throw .notHTTP }
            let line = try scanner.next(
                in: raw, limit: limits.requestLineBytes, orThrow: .requestLineTooLong(limit: limits.requestLineBytes))
            guard let line else {
                state = .statusLine(scanner)
                return false
            }
            let status = try StatusLine(UnsafeRawBufferPointer(rebasing: raw[line]))
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            let capacity = min(raw.count, 2048) + 32
            section = FieldSection(scanner: scanner, fields: HTTPFields(prefix: none, capacity: capacity))
            state = .fields(status)
        }
        return try section.read(
            raw,
            limits: FieldSection.Limits(
                bytes: limits.headerBytes, count: limits.fieldCount, nameBytes: limits.fieldNameBytes,
                tooLarge: .headerTooLarge(limit: limits.headerBytes)))
    }

    private mutating func finishHead(_ line: StatusLine) throws(HTTP1Violation) -> Event {
        let head = ResponseHead(status: line.status, fields: section.fields)
        section = FieldSection()
        let framing = FramingFields(head.fields)
        // Checked for every response, also where no body follows: a contradiction is a sign of an attack.
        let announced = try framing.announcedBody(version: line.version)
        if line.status == 101 {
            guard allowsUpgrade else { throw .upgradeNotRequested }
            isUpgraded = true
            body = BodyReader(.none)
            state = .body(.none)
            return .head(head)
        }
        if line.status < 200 {
            interimResponses += 1
            if interimResponses > limits.interimResponses {
                throw .tooManyInterimResponses(limit: limits.interimResponses)
            }
            state = .statusLine(LineScanner())
            return .interim(head)
        }
        let kind = head.allowsBody && method != .head ? announced ?? .untilClose : .none
        // RFC 9110, 8.6 and RFC 9112, 6.1: a 204 announces no body. One that does may well send it.
        let isDoubtful = line.status == 204 && announced != nil && announced != HTTP1BodyKind.none
        mayPersist =
            kind != .untilClose && !isDoubtful && framing.keepsAlive(head.fields, version: line.version)
        body = BodyReader(kind)
        state = .body(kind)
        return .head(head)
    }
}
