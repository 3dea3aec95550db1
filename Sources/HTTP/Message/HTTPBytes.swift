#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Bytes of a message as they came: a view that shares the message's memory and allocates nothing.
package typealias HTTPBytes = ArraySlice<UInt8>

extension ArraySlice<UInt8> {
    /// True when these are exactly the bytes of `text`.
    package func isEqual(to text: StaticString) -> Bool {
        withUnsafeBytes { $0.isEqual(to: text) }
    }

    /// True when the first of these bytes are those of `text`.
    package func begins(with text: StaticString) -> Bool {
        withUnsafeBytes { bytes in
            text.withUTF8Buffer { $0.count <= bytes.count && isSame(bytes.baseAddress, $0.baseAddress, $0.count) }
        }
    }

    /// True when both are the same bytes: as `==`, by one comparison of memory.
    package func hasSameBytes(as other: ArraySlice<UInt8>) -> Bool {
        withUnsafeBytes { bytes in
            other.withUnsafeBytes { $0.count == bytes.count && isSame(bytes.baseAddress, $0.baseAddress, $0.count) }
        }
    }

    /// True when these are the bytes of `text`, letters of either case. `text` is given in lower case.
    package func isEqualIgnoringCase(to text: StaticString) -> Bool {
        withUnsafeBytes { $0.isEqualIgnoringCase(to: text) }
    }

    /// How many bytes stand before the first `byte`; nil where there is none.
    func offset(of byte: UInt8) -> Int? {
        withUnsafeBytes { bytes in
            guard let first = bytes.baseAddress, let found = memchr(first, Int32(byte), bytes.count) else { return nil }
            return UnsafeRawPointer(found) - first
        }
    }

    /// The bytes as text, for logs and control paths; what is not UTF-8 becomes U+FFFD.
    package var text: String { String(decoding: self, as: UTF8.self) }

    /// The bytes of `text`, copied.
    package init(_ text: String) {
        self = Array(text.utf8)[...]
    }

    /// The value of one to eighteen decimal digits and nothing else, or nil.
    package var decimalValue: Int? {
        guard !isEmpty, count <= 18 else { return nil }
        var value = 0
        for byte in self {
            guard CharacterClass.isDigit(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }
}

extension UnsafeRawBufferPointer {
    /// True when these are exactly the bytes of `text`.
    package func isEqual(to text: StaticString) -> Bool {
        text.withUTF8Buffer { count == $0.count && isSame(baseAddress, $0.baseAddress, count) }
    }

    func isEqualIgnoringCase(to text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            count == expected.count && zip(self, expected).allSatisfy { CharacterClass.lowercased($0) == $1 }
        }
    }
}

@inline(__always)
private func isSame(_ a: UnsafeRawPointer?, _ b: UnsafeRawPointer?, _ count: Int) -> Bool {
    guard let a, let b else { return count == 0 }
    return memcmp(a, b, count) == 0
}
