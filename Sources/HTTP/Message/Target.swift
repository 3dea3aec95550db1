extension RequestHead {
    /// The target up to its query.
    package var path: HTTPBytes {
        guard let mark = target.offset(of: UInt8(ascii: "?")) else { return target }
        return target.prefix(mark)
    }

    /// The target after its first `?`, nil where it has none.
    package var query: HTTPBytes? {
        guard let mark = target.offset(of: UInt8(ascii: "?")) else { return nil }
        return target.dropFirst(mark + 1)
    }

    /// The items of the query, as they came.
    package var queryItems: QueryItems { QueryItems(query ?? []) }

    /// The value of the first query item with this name, as it came: empty for `name` and `name=`, nil where there is none.
    package func queryValue(_ name: StaticString) -> HTTPBytes? {
        for item in queryItems where item.name.isEqual(to: name) { return item.value }
        return nil
    }
}

/// The `name=value` items of a query, separated by `&`, neither decoded nor copied. Empty items are skipped.
package struct QueryItems: Sequence, IteratorProtocol {
    private var rest: HTTPBytes

    package init(_ query: HTTPBytes) { rest = query }

    package mutating func next() -> (name: HTTPBytes, value: HTTPBytes)? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
            let item = rest[rest.startIndex..<end]
            rest = end < rest.endIndex ? rest[rest.index(after: end)...] : rest[end...]
            if item.isEmpty { continue }
            guard let equals = item.firstIndex(of: UInt8(ascii: "=")) else { return (item, item[item.endIndex...]) }
            return (item[item.startIndex..<equals], item[item.index(after: equals)...])
        }
        return nil
    }
}

/// Whether bytes may stand as a request target. HTTP/2's `:path` obeys the same rule as HTTP/1.1's request line.
package enum TargetRule {
    /// True for an origin-form target: `/` first, printable ASCII without space, `"`, `#`, `<`, `>` and `\`, and every `%`
    /// followed by two hexadecimal digits.
    package static func isOriginForm(_ bytes: HTTPBytes) -> Bool {
        bytes.withUnsafeBytes { $0.first == UInt8(ascii: "/") && fault(in: $0) == nil }
    }

    static func fault(in bytes: UnsafeRawBufferPointer) -> HTTP1Violation? {
        var hasPercent = false
        for byte in bytes {
            guard CharacterClass.isTarget(byte) else {
                return byte == UInt8(ascii: "#") ? .fragmentInTarget : .invalidTarget
            }
            if byte == UInt8(ascii: "%") { hasPercent = true }
        }
        return hasPercent && !hasSoundPercents(bytes) ? .invalidTarget : nil
    }

    private static func hasSoundPercents(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.count, CharacterClass.hexValue(bytes[index + 1]) != nil,
                    CharacterClass.hexValue(bytes[index + 2]) != nil
                else { return false }
                index += 2
            }
            index += 1
        }
        return true
    }
}
