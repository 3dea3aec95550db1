/// Bytes of a message as they came: a view that shares the message's memory and allocates nothing.
package typealias HTTPBytes = ArraySlice<UInt8>

extension ArraySlice<UInt8> {
    /// True when these are exactly the bytes of `text`.
    package func isEqual(to text: StaticString) -> Bool {
        withUnsafeBytes { $0.isEqual(to: text) }
    }

    /// True when these are the bytes of `text`, letters of either case. `text` is given in lower case.
    package func isEqualIgnoringCase(to text: StaticString) -> Bool {
        withUnsafeBytes { $0.isEqualIgnoringCase(to: text) }
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
    func isEqual(to text: StaticString) -> Bool {
        text.withUTF8Buffer { count == $0.count && elementsEqual($0) }
    }

    func isEqualIgnoringCase(to text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            count == expected.count && zip(self, expected).allSatisfy { CharacterClass.lowercased($0) == $1 }
        }
    }
}
