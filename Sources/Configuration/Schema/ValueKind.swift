/// A kind of plain value: how its text is read, how it is described, and how a value of it is written.
package struct ValueKind<Value: Sendable>: Sendable {
    /// For "must be …": `a duration such as "200ms"`.
    package let expectation: String
    /// The bounds or choices in words, for the table of keys; nil when every value of the kind is allowed.
    package var allowed: String?
    /// The value is a secret: messages do not repeat it.
    var isSecret = false
    /// Quoted text is of another type than a number or a truth value.
    var acceptsQuotes = true
    /// Reads the text.
    let read: @Sendable (String) throws(ValueFlaw) -> Value
    /// Writes a value, for the table of keys and messages.
    let write: @Sendable (Value) -> String

    package init(
        expectation: String, allowed: String? = nil, isSecret: Bool = false, acceptsQuotes: Bool = true,
        read: @escaping @Sendable (String) throws(ValueFlaw) -> Value, write: @escaping @Sendable (Value) -> String
    ) {
        self.expectation = expectation
        self.allowed = allowed
        self.isSecret = isSecret
        self.acceptsQuotes = acceptsQuotes
        self.read = read
        self.write = write
    }
}

/// Why a text is not a value of its kind.
package enum ValueFlaw: Error, Equatable {
    /// It does not read as one.
    case malformed(reason: String, hint: String?)
    /// It reads, and is outside the bounds.
    case outOfRange(value: String, allowed: String)
    /// It names something that does not exist.
    case dangling(reason: String, hint: String?)
}

extension ValueKind where Value == Int {
    /// A whole number within bounds.
    package static func integer(_ range: ClosedRange<Int>) -> Self {
        ValueKind(
            expectation: "a whole number", allowed: "\(range.lowerBound) to \(range.upperBound)", acceptsQuotes: false,
            read: { text throws(ValueFlaw) in
                // YAML's underscores between digits are taken: 20_000.
                guard let value = Int(text.filter { $0 != "_" }), text.first != "_" else {
                    throw .malformed(reason: "this is not a whole number", hint: "Write digits alone, such as 64.")
                }
                return try bounded(value, range, write: { "\($0)" })
            },
            write: { "\($0)" })
    }

    /// A size in bytes within bounds, read from `512MiB`, `10MB` or `8GiB`.
    package static func byteSize(_ range: ClosedRange<Int>) -> Self {
        let write: @Sendable (Int) -> String = { ByteSizeText.write($0) }
        return ValueKind(
            expectation: "a size such as 512KiB or 8MiB",
            allowed: "\(write(range.lowerBound)) to \(write(range.upperBound))",
            read: { text throws(ValueFlaw) in
                try bounded(ByteSizeText.read(text), range, write: write)
            },
            write: write)
    }
}

extension ValueKind where Value == Duration {
    /// A span of time within bounds, read from `200ms`, `2s`, `1m` or `1/3s`.
    package static func duration(_ range: ClosedRange<Duration>) -> Self {
        let write: @Sendable (Duration) -> String = { DurationText.write($0) }
        return ValueKind(
            expectation: "a duration such as 200ms, 2s or 1m",
            allowed: "\(write(range.lowerBound)) to \(write(range.upperBound))",
            read: { text throws(ValueFlaw) in
                try bounded(DurationText.read(text), range, write: write)
            },
            write: write)
    }
}

private func bounded<V: Comparable>(
    _ value: V, _ range: ClosedRange<V>, write: (V) -> String
) throws(ValueFlaw) -> V {
    guard range.contains(value) else {
        throw .outOfRange(
            value: write(value), allowed: "\(write(range.lowerBound)) to \(write(range.upperBound))")
    }
    return value
}

extension ValueKind where Value == Bool {
    /// `true` or `false`, nothing else: YAML 1.1's yes and off have surprised enough people.
    package static var truth: Self {
        ValueKind(
            expectation: "true or false", allowed: "true, false", acceptsQuotes: false,
            read: { text throws(ValueFlaw) in
                switch text {
                case "true": return true
                case "false": return false
                default: throw .malformed(reason: "this is neither true nor false", hint: "Write true or false.")
                }
            },
            write: { "\($0)" })
    }
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of an enumeration's words.
    package static var choice: Self {
        let words = Value.allCases.map(\.rawValue)
        let list = words.joined(separator: ", ")
        return ValueKind(
            expectation: "one of \(list)", allowed: list,
            read: { text throws(ValueFlaw) in
                if let value = Value(rawValue: text) { return value }
                let near = NearestName.match(text, among: words).map { "Did you mean \"\($0)\"?" }
                throw .malformed(reason: "this is not one of \(list)", hint: near)
            },
            write: { $0.rawValue })
    }
}

extension ValueKind where Value == String {
    /// A text of 1 to `maximumLength` bytes, each of which `isAllowed` takes; `rule` says in words which those are.
    package static func text(
        _ expectation: String, maximumLength: Int, isSecret: Bool = false, rule: String,
        isAllowed: @escaping @Sendable (UInt8) -> Bool
    ) -> Self {
        ValueKind(
            expectation: expectation, allowed: "1 to \(maximumLength) of \(rule)", isSecret: isSecret,
            read: { text throws(ValueFlaw) in
                guard !text.isEmpty, text.utf8.count <= maximumLength else {
                    throw .outOfRange(value: "\(text.utf8.count) bytes long", allowed: "1 to \(maximumLength) bytes")
                }
                guard text.utf8.allSatisfy(isAllowed) else {
                    throw .malformed(reason: "a character is not allowed here", hint: "Use only \(rule).")
                }
                return text
            },
            write: { $0 })
    }

    /// A name that may stand in a path: a channel's, an edge's.
    package static func name(_ expectation: String) -> Self {
        text(expectation, maximumLength: 64, rule: "letters, digits, \"-\" and \"_\"") { byte in
            isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    }

    /// A path, relative to the working directory. With `finding`, the file must be there.
    package static func path(_ expectation: String, checkedBy files: FileProbe? = nil) -> Self {
        ValueKind(
            expectation: expectation,
            read: { text throws(ValueFlaw) in
                guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
                    throw .malformed(reason: "this is not a path", hint: "Write a path of 1 to 4096 bytes.")
                }
                guard let files else { return text }
                switch files.finding(text) {
                case .readable: return text
                case .missing:
                    throw .dangling(
                        reason: "does not exist", hint: "Paths are relative to the working directory.")
                case .unreadable(let reason):
                    throw .dangling(reason: "cannot be read", hint: "The system says: \(reason).")
                }
            },
            write: { $0 })
    }
}

/// True for ASCII letters and digits.
func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}
