import struct NIOCore.ByteBuffer

/// Takes the chunks off a body (RFC 9112, 7.1) and keeps its trailer fields.
struct ChunkedBody {
    private enum State {
        case size
        case data(remaining: Int)
        case dataEnd
        case trailers
    }

    /// Enough for every size that is accepted, with a few leading zeros.
    private static let sizeDigits = 16

    private var state = State.size
    private var scanner = LineScanner()
    private var section = FieldSection()
    private var extensionBytes = 0

    /// The next piece of the body, `.end` behind its trailers, or nil when more bytes are needed.
    mutating func next(
        _ bytes: inout ByteBuffer, limits: HTTP1Limits
    ) throws(HTTP1Violation) -> BodyStep? {
        while true {
            switch state {
            case .size:
                guard let size = try readSize(&bytes, limits: limits) else { return nil }
                state = size == 0 ? .trailers : .data(remaining: size)
            case .data(let remaining):
                guard let piece = bytes.readSlice(length: min(remaining, bytes.readableBytes)),
                    piece.readableBytes > 0
                else { return nil }
                let left = remaining - piece.readableBytes
                state = left == 0 ? .dataEnd : .data(remaining: left)
                return .piece(piece)
            case .dataEnd:
                guard try readDataEnd(&bytes) else { return nil }
                state = .size
            case .trailers:
                let trailerLimits = FieldSection.Limits(
                    bytes: limits.trailerBytes, count: limits.fieldCount, nameBytes: limits.fieldNameBytes,
                    tooLarge: .trailerTooLarge(limit: limits.trailerBytes))
                let isComplete = try bytes.withUnsafeReadableBytes { raw throws(HTTP1Violation) in
                    try section.read(raw, limits: trailerLimits)
                }
                guard isComplete else { return nil }
                bytes.moveReaderIndex(forwardBy: section.scanner.start)
                try ForbiddenTrailers.check(section.fields)
                return .end(trailers: section.fields)
            }
        }
    }

    private mutating func readSize(
        _ bytes: inout ByteBuffer, limits: HTTP1Limits
    ) throws(HTTP1Violation) -> Int? {
        let room = limits.chunkExtensionBytes - extensionBytes
        let parsed = try bytes.withUnsafeReadableBytes { raw throws(HTTP1Violation) -> (size: Int, extra: Int)? in
            guard
                let line = try scanner.next(
                    in: raw, limit: Self.sizeDigits + room,
                    orThrow: .chunkExtensionsTooLarge(limit: limits.chunkExtensionBytes))
            else { return nil }
            return try Self.parseSize(UnsafeRawBufferPointer(rebasing: raw[line]))
        }
        guard let parsed else { return nil }
        if parsed.extra > room { throw .chunkExtensionsTooLarge(limit: limits.chunkExtensionBytes) }
        extensionBytes += parsed.extra
        bytes.moveReaderIndex(forwardBy: scanner.start)
        scanner = LineScanner()
        return parsed.size
    }

    private static func parseSize(
        _ line: UnsafeRawBufferPointer
    ) throws(HTTP1Violation) -> (size: Int, extra: Int) {
        var size = 0
        var digits = 0
        while digits < line.count, let value = CharacterClass.hexValue(line[digits]) {
            // Beyond 60 bits no body is meant.
            if size >> 56 != 0 { throw .chunkSizeOverflow }
            size = size << 4 | Int(value)
            digits += 1
        }
        if digits == 0 { throw line.contains(0x0d) ? .bareCarriageReturn : .invalidChunkSize }
        if digits > sizeDigits { throw .chunkSizeOverflow }
        guard digits < line.count else { return (size, 0) }
        for byte in line[digits...] where !CharacterClass.isFieldValue(byte) {
            throw byte == 0x0d ? .bareCarriageReturn : .invalidChunkExtension
        }
        // Blanks before the semicolon are "bad" even to the grammar, and readers differ about them.
        guard line[digits] == UInt8(ascii: ";") else { throw .invalidChunkSize }
        return (size, line.count - digits)
    }

    /// The same violation whether one or both bytes have arrived.
    private func readDataEnd(_ bytes: inout ByteBuffer) throws(HTTP1Violation) -> Bool {
        guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return false }
        guard first == 0x0d else { throw .chunkNotTerminated }
        guard let second = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt8.self) else { return false }
        guard second == 0x0a else { throw .chunkNotTerminated }
        bytes.moveReaderIndex(forwardBy: 2)
        return true
    }
}

/// Fields that mean nothing, or something dangerous, once a body has gone by (RFC 9110, 6.5.1): framing, routing,
/// conditions, authentication, content description, and what controls how the response is kept.
enum ForbiddenTrailers {
    private static let names: Set<[UInt8]> = Set(
        [
            "age", "authorization", "cache-control", "connection", "content-encoding", "content-length",
            "content-range", "content-type", "cookie", "date", "expect", "expires", "host", "if-match",
            "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "location",
            "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "proxy-connection", "range",
            "retry-after", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "vary", "warning",
            "www-authenticate",
        ].map { Array($0.utf8) })

    /// `name` in lower case.
    static func contains(_ name: HTTPBytes) -> Bool { names.contains(Array(name)) }

    static func check(_ trailers: HTTPFields) throws(HTTP1Violation) {
        for (name, _) in trailers where contains(name) { throw .forbiddenTrailer }
    }
}
