#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Finds the lines of a head in bytes that arrive in any pieces, and looks at no byte twice.
///
/// Offsets count from the first byte that is not yet consumed, which stays the same from call to call.
struct LineScanner {
    /// Where the next line begins.
    private(set) var start = 0
    private var searched = 0

    /// True once it was shown a byte.
    var hasSearched: Bool { searched > 0 || start > 0 }

    /// The next line without its CRLF, or nil when its end has not arrived.
    ///
    /// - Throws: `tooLong` as soon as the line must be longer than `limit`, and `bareLineFeed`. Which of them does not
    ///   depend on how the bytes were cut.
    @inline(__always)
    mutating func next(
        in bytes: UnsafeRawBufferPointer, limit: Int, orThrow tooLong: @autoclosure () -> HTTP1Violation
    ) throws(HTTP1Violation) -> Range<Int>? {
        guard start < bytes.count else { return nil }
        guard let end = Self.firstLineFeed(in: bytes, from: max(searched, start)) else {
            searched = bytes.count
            let seen = bytes.count - start
            let atLeast = bytes[bytes.count - 1] == 0x0d ? seen - 1 : seen
            if atLeast > limit { throw tooLong() }
            return nil
        }
        let hasReturn = end > start && bytes[end - 1] == 0x0d
        let line = start..<(hasReturn ? end - 1 : end)
        if line.count > limit { throw tooLong() }
        guard hasReturn else { throw .bareLineFeed }
        start = end + 1
        return line
    }

    @inline(__always)
    private static func firstLineFeed(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress else { return nil }
        guard let found = memchr(base + start, 0x0a, bytes.count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
