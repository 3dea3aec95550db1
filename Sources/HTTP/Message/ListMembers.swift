/// The members of a comma-separated field value without the blanks around them (RFC 9110, 5.6.1). Empty members are
/// skipped; commas inside quoted strings separate nothing.
package struct ListMembers: Sequence, IteratorProtocol {
    private var rest: HTTPBytes

    package init(_ value: HTTPBytes) { rest = value }

    package mutating func next() -> HTTPBytes? {
        while !rest.isEmpty {
            var isQuoted = false
            var isEscaped = false
            let end =
                rest.firstIndex { byte in
                    if isEscaped {
                        isEscaped = false
                    } else if isQuoted && byte == UInt8(ascii: "\\") {
                        isEscaped = true
                    } else if byte == UInt8(ascii: "\"") {
                        isQuoted.toggle()
                    }
                    return byte == UInt8(ascii: ",") && !isQuoted
                } ?? rest.endIndex
            let member = rest[rest.startIndex..<end].trimmingBlanks()
            rest = end < rest.endIndex ? rest[rest.index(after: end)...] : rest[end...]
            if !member.isEmpty { return member }
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    /// Without the spaces and tabs at both ends.
    package func trimmingBlanks() -> ArraySlice<UInt8> {
        var slice = self
        while let first = slice.first, CharacterClass.isBlank(first) { slice.removeFirst() }
        while let last = slice.last, CharacterClass.isBlank(last) { slice.removeLast() }
        return slice
    }
}
