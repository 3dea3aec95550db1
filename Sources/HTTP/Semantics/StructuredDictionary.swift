/// A dictionary of structured fields (RFC 9651, 3.2), as far as a cache reads one: whole or not at all, so that one
/// malformed member voids the field.
package struct StructuredDictionary {
    package enum Value: Equatable {
        case integer(Int)
        case truth(Bool)
        case string([UInt8])
        case token(HTTPBytes)
        /// Decimals, byte sequences, dates and inner lists: well-formed, and of no use here.
        case other
    }

    /// In their order; a repeated key keeps the last value.
    package private(set) var members: [(key: HTTPBytes, value: Value)] = []

    /// Nil when the lines of the field are no dictionary.
    package init?(_ lines: [HTTPBytes]) {
        // 4.2: lines are joined before they are parsed.
        var joined: [UInt8] = []
        for line in lines {
            if !joined.isEmpty { joined.append(UInt8(ascii: ",")) }
            joined += line
        }
        var reader = StructuredReader(joined[...])
        reader.skipSpaces()
        while !reader.isAtEnd {
            guard let key = reader.key() else { return nil }
            var value = Value.truth(true)
            if reader.take("=") {
                guard let read = reader.take("(") ? reader.innerList() : reader.bareItem() else { return nil }
                value = read
            }
            guard reader.parameters() else { return nil }
            members.removeAll { $0.key == key }
            members.append((key, value))
            reader.skipBlanks()
            if reader.isAtEnd { return }
            guard reader.take(",") else { return nil }
            reader.skipBlanks()
            // A comma with nothing behind it.
            guard !reader.isAtEnd else { return nil }
        }
    }

    /// The value of a key.
    package subscript(_ key: StaticString) -> Value? {
        members.first { $0.key.isEqual(to: key) }?.value
    }
}

/// Reads the pieces of RFC 9651, 4.2. Every function returns nil, or false, for what is malformed.
private struct StructuredReader {
    private var rest: HTTPBytes

    init(_ bytes: HTTPBytes) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skipSpaces() { while rest.first == 0x20 { rest.removeFirst() } }
    mutating func skipBlanks() { while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() } }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func take(while isWanted: (UInt8) -> Bool) -> HTTPBytes {
        let end = rest.firstIndex { !isWanted($0) } ?? rest.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    mutating func key() -> HTTPBytes? {
        guard let first = rest.first, 0x61...0x7a ~= first || first == UInt8(ascii: "*") else { return nil }
        return take {
            0x61...0x7a ~= $0 || CharacterClass.isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "*")
        }
    }

    mutating func bareItem() -> StructuredDictionary.Value? {
        guard let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "?"):
            rest.removeFirst()
            if take("1") { return .truth(true) }
            return take("0") ? .truth(false) : nil
        case UInt8(ascii: ":"):
            rest.removeFirst()
            _ = take {
                CharacterClass.isDigit($0) || 0x61...0x7a ~= CharacterClass.lowercased($0) || $0 == UInt8(ascii: "+")
                    || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "=")
            }
            return take(":") ? .other : nil
        case UInt8(ascii: "@"):
            rest.removeFirst()
            if case .integer = number() { return .other }
            return nil
        case UInt8(ascii: "-"), 0x30...0x39: return number()
        case UInt8(ascii: "*"), 0x41...0x5a, 0x61...0x7a:
            return .token(take { CharacterClass.isToken($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") })
        default: return nil
        }
    }

    private mutating func string() -> StructuredDictionary.Value? {
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return .string(text)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { return nil }
                text.append(escaped)
            case 0x20...0x7e: text.append(byte)
            default: return nil
            }
        }
        return nil
    }

    /// Integers have up to 15 digits, decimals up to 12 before the point and 3 behind it.
    private mutating func number() -> StructuredDictionary.Value? {
        let isNegative = take("-")
        let digits = take(while: CharacterClass.isDigit)
        guard !digits.isEmpty else { return nil }
        if take(".") {
            let decimals = take(while: CharacterClass.isDigit)
            return digits.count <= 12 && 1...3 ~= decimals.count ? .other : nil
        }
        guard digits.count <= 15, let value = digits.decimalValue else { return nil }
        return .integer(isNegative ? -value : value)
    }

    mutating func innerList() -> StructuredDictionary.Value? {
        while !isAtEnd {
            skipSpaces()
            if take(")") { return .other }
            guard bareItem() != nil, parameters() else { return nil }
            guard rest.first == 0x20 || rest.first == UInt8(ascii: ")") else { return nil }
        }
        return nil
    }

    mutating func parameters() -> Bool {
        while take(";") {
            skipSpaces()
            guard key() != nil else { return false }
            if take("="), bareItem() == nil { return false }
        }
        return true
    }
}
