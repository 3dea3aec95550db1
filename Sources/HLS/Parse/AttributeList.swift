/// The attributes of a tag (4.2): `NAME=value,NAME="value"`.
struct AttributeList {
    private struct Attribute {
        let name: ArraySlice<UInt8>
        let value: ArraySlice<UInt8>
        let isQuoted: Bool
    }

    private let tag: PlaylistTag
    private var attributes: [Attribute] = []

    /// - Throws: `PlaylistError` when the list is not one, or holds a name twice.
    init(_ tag: PlaylistTag) throws(PlaylistError) {
        self.tag = tag
        var rest = tag.value ?? []
        while !rest.isEmpty {
            let attribute = try Self.take(from: &rest, of: tag)
            guard attributes.count < PlaylistLimits.attributes else {
                throw PlaylistError(
                    line: tag.line, reason: .tooMany("attributes in \(tag.name)", limit: PlaylistLimits.attributes))
            }
            guard !attributes.contains(where: { $0.name == attribute.name }) else {
                throw PlaylistError(
                    line: tag.line,
                    reason: .repeatedAttribute(tag: tag.name, name: String(decoding: attribute.name, as: UTF8.self)))
            }
            attributes.append(attribute)
        }
    }

    private static func take(from rest: inout ArraySlice<UInt8>, of tag: PlaylistTag) throws(PlaylistError) -> Attribute
    {
        let isNameByte = { (byte: UInt8) in
            (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
        }
        // Blanks after a comma are not allowed, though seen.
        rest = rest.drop { $0 == 0x20 }
        let name = rest.prefix(while: isNameByte)
        rest = rest.dropFirst(name.count)
        guard !name.isEmpty, rest.first == UInt8(ascii: "=") else {
            throw tag.malformed(rest, "a list of NAME=value")
        }
        rest = rest.dropFirst()
        let value: ArraySlice<UInt8>
        let isQuoted = rest.first == UInt8(ascii: "\"")
        if isQuoted {
            rest = rest.dropFirst()
            value = rest.prefix { $0 != UInt8(ascii: "\"") }
            rest = rest.dropFirst(value.count)
            guard rest.first == UInt8(ascii: "\"") else { throw tag.malformed(value, "a closing quote") }
            rest = rest.dropFirst()
        } else {
            value = rest.prefix { $0 != UInt8(ascii: ",") }
            guard !value.isEmpty, !value.contains(UInt8(ascii: "\"")) else {
                throw tag.malformed(value, "a value after \(String(decoding: name, as: UTF8.self))=")
            }
            rest = rest.dropFirst(value.count)
        }
        guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { throw tag.malformed(rest, "a comma") }
        rest = rest.dropFirst()
        return Attribute(name: name, value: value, isQuoted: isQuoted)
    }

    // MARK: Values

    /// Makes sure that an attribute that must be there is.
    func require<Value>(_ name: StaticString, _ value: Value?) throws(PlaylistError) -> Value {
        guard let value else {
            throw PlaylistError(line: tag.line, reason: .missingAttribute(tag: tag.name, name: "\(name)"))
        }
        return value
    }

    func quoted(_ name: StaticString) throws(PlaylistError) -> String? {
        guard let found = find(name) else { return nil }
        guard found.isQuoted else { throw tag.malformed(found.value, "a quoted string for \(name)") }
        return String(decoding: found.value, as: UTF8.self)
    }

    func token(_ name: StaticString) throws(PlaylistError) -> String? {
        guard let value = try unquoted(name) else { return nil }
        return String(decoding: value, as: UTF8.self)
    }

    /// A value as it stands, and whether it is quoted, where either is to be judged and not refused.
    func any(_ name: StaticString) -> (text: String, isQuoted: Bool)? {
        find(name).map { (String(decoding: $0.value, as: UTF8.self), $0.isQuoted) }
    }

    /// YES is true; NO and absence are false (4.2).
    func isYes(_ name: StaticString) throws(PlaylistError) -> Bool {
        guard let value = try unquoted(name) else { return false }
        if value.elementsEqual("YES".utf8) { return true }
        guard value.elementsEqual("NO".utf8) else { throw tag.malformed(value, "YES or NO for \(name)") }
        return false
    }

    func integer(_ name: StaticString) throws(PlaylistError) -> Int64? {
        guard let value = try unquoted(name) else { return nil }
        guard let number = DecimalText.integer(value) else {
            throw tag.malformed(value, "a decimal integer for \(name)")
        }
        return number
    }

    func seconds(_ name: StaticString) throws(PlaylistError) -> Duration? {
        guard let value = try unquoted(name) else { return nil }
        guard let duration = DecimalText.seconds(value) else { throw tag.malformed(value, "seconds for \(name)") }
        return duration
    }

    /// `{width}x{height}` (4.2).
    func resolution(_ name: StaticString) throws(PlaylistError) -> (width: Int, height: Int)? {
        guard let value = try unquoted(name) else { return nil }
        let sides = value.split(separator: UInt8(ascii: "x"), omittingEmptySubsequences: false)
        guard sides.count == 2, let width = DecimalText.integer(sides[0]), let height = DecimalText.integer(sides[1])
        else { throw tag.malformed(value, "a resolution for \(name)") }
        return (Int(width), Int(height))
    }

    private func unquoted(_ name: StaticString) throws(PlaylistError) -> ArraySlice<UInt8>? {
        guard let found = find(name) else { return nil }
        guard !found.isQuoted else { throw tag.malformed(found.value, "no quotes for \(name)") }
        return found.value
    }

    private func find(_ name: StaticString) -> Attribute? {
        let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return attributes.first { $0.name.elementsEqual(wanted) }
    }
}
