/// Header fields in their order: one stretch of memory that already is their HTTP/1.1 form, and an index into it.
///
/// Names are lower case, values carry no control characters (whoever appends them). A copy shares the memory until one
/// side changes.
package struct HTTPFields: Sendable {
    /// Where one line `name: value CRLF` lies in `storage`.
    struct Line: Sendable {
        var start: UInt32
        var valueLength: UInt32
        var nameLength: UInt16

        var name: Range<Int> { Int(start)..<Int(start) + Int(nameLength) }
        var value: Range<Int> {
            let first = Int(start) + Int(nameLength) + 2
            return first..<first + Int(valueLength)
        }
    }

    private(set) var storage: [UInt8]
    private(set) var lines: [Line] = []
    /// Bytes before the first line: a parser keeps the request target there, so that one allocation holds a whole head.
    private let prefixLength: Int
    /// True when `storage` after the prefix may be sent as it is: nothing was removed, and no line belongs to one
    /// connection or to the framing of one body.
    private(set) var isSendableAsStored = true
    /// False when no field says what a cache is to do with the message: no condition, range, Cache-Control or the like, so
    /// that none of them needs to be looked for.
    package private(set) var steersCaches = false

    /// No fields.
    package init() {
        storage = []
        prefixLength = 0
    }

    init(prefix: UnsafeRawBufferPointer, capacity: Int) {
        storage = []
        storage.reserveCapacity(capacity)
        storage.append(contentsOf: prefix)
        prefixLength = prefix.count
        lines.reserveCapacity(12)
    }

    /// Bytes that the lines take.
    package var byteCount: Int { storage.count }

    /// The lines as HTTP/1.1 writes them.
    var storedLines: ArraySlice<UInt8> { storage[prefixLength...] }

    func bytes(_ range: Range<Int>) -> HTTPBytes { storage[range] }

    mutating func lowercase(_ range: Range<Int>) {
        storage.withUnsafeMutableBufferPointer { bytes in
            for index in range { bytes[index] = CharacterClass.lowercased(bytes[index]) }
        }
    }

    /// Appends a line whose name is a token and whose value is free of control characters.
    mutating func appendChecked(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard let line = appendLine(name: name, value: value) else { return }
        lowercase(line.name)
        classify(line)
    }

    /// Appends a line that needs no check: the name is a token in lower case, the value free of control characters.
    package mutating func appendValid(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        if let line = appendLine(name: name, value: value) { classify(line) }
    }

    private mutating func appendLine(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Line? {
        guard let start = UInt32(exactly: storage.count), let nameLength = UInt16(exactly: name.count),
            let valueLength = UInt32(exactly: value.count)
        else { return nil }
        if storage.isEmpty {
            storage.reserveCapacity(512)
            lines.reserveCapacity(12)
        }
        storage.append(contentsOf: name.assumingMemoryBound(to: UInt8.self))
        storage.append(0x3a)
        storage.append(0x20)
        storage.append(contentsOf: value.assumingMemoryBound(to: UInt8.self))
        storage.append(0x0d)
        storage.append(0x0a)
        let line = Line(start: start, valueLength: valueLength, nameLength: nameLength)
        lines.append(line)
        return line
    }

    private mutating func classify(_ line: Line) {
        let length = Int(line.nameLength)
        if isSendableAsStored, ConnectionField.hasLength(length), ConnectionField(name: storage[line.name]) != nil {
            isSendableAsStored = false
        }
        if !steersCaches, SteeringField.hasLength(length), SteeringField.isOne(storage[line.name]) {
            steersCaches = true
        }
    }

    /// Becomes empty and keeps its memory, unless somebody else holds a copy: then the memory is theirs.
    package mutating func clear() {
        storage.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        isSendableAsStored = true
        steersCaches = false
    }
}

// MARK: Reading

extension HTTPFields: RandomAccessCollection {
    package typealias Element = (name: HTTPBytes, value: HTTPBytes)

    package var startIndex: Int { 0 }
    package var endIndex: Int { lines.count }
    package var count: Int { lines.count }
    package var isEmpty: Bool { lines.isEmpty }

    package subscript(position: Int) -> Element {
        let line = lines[position]
        return (storage[line.name], storage[line.value])
    }

    /// The first value of a field; `name` in lower case.
    package func first(_ name: StaticString) -> HTTPBytes? {
        guard let index = index(of: name, from: 0) else { return nil }
        return storage[lines[index].value]
    }

    /// The first value of a field whose name, in lower case, is not known when the program is written.
    package func first(named name: some Collection<UInt8>) -> HTTPBytes? {
        guard let line = lines.first(where: { storage[$0.name].elementsEqual(name) }) else { return nil }
        return storage[line.value]
    }

    /// All values of a field, in their order; `name` in lower case.
    package func all(_ name: StaticString) -> [HTTPBytes] {
        var values: [HTTPBytes] = []
        var next = 0
        while let index = index(of: name, from: next) {
            values.append(storage[lines[index].value])
            next = index + 1
        }
        return values
    }

    /// True when the field is there; `name` in lower case.
    package func contains(_ name: StaticString) -> Bool { index(of: name, from: 0) != nil }

    /// The first value as text, for control paths; `name` in lower case.
    package func text(_ name: StaticString) -> String? { first(name)?.text }

    /// True when a list field (RFC 9110, 5.6.1) such as `connection` holds `member`, in any of its lines and in letters
    /// of either case. `name` and `member` in lower case.
    package func list(_ name: StaticString, contains member: StaticString) -> Bool {
        var next = 0
        while let index = index(of: name, from: next) {
            if ListMembers(storage[lines[index].value]).contains(where: { $0.isEqualIgnoringCase(to: member) }) {
                return true
            }
            next = index + 1
        }
        return false
    }

    private func index(of name: StaticString, from first: Int) -> Int? {
        guard name.hasPointerRepresentation else { return nil }
        return storage.withUnsafeBytes { bytes in
            var index = first
            while index < lines.count {
                let line = lines[index]
                if Int(line.nameLength) == name.utf8CodeUnitCount,
                    UnsafeRawBufferPointer(rebasing: bytes[line.name]).isEqual(to: name)
                {
                    return index
                }
                index += 1
            }
            return nil
        }
    }
}

extension HTTPFields: Equatable {
    /// Same names and values in the same order.
    package static func == (a: HTTPFields, b: HTTPFields) -> Bool {
        a.elementsEqual(b) { $0.name == $1.name && $0.value == $1.value }
    }
}

extension HTTPFields: CustomStringConvertible {
    package var description: String {
        map { "\($0.name.text): \($0.value.text)" }.joined(separator: "\n")
    }
}

// MARK: Writing

extension HTTPFields {
    /// Appends a field of ours. Control characters in the value become spaces, so that no value can end its line.
    package mutating func append(_ name: StaticString, _ value: some Collection<UInt8>) {
        _ = name.withUTF8Buffer { append(UnsafeRawBufferPointer($0), value: value) }
    }

    /// Appends a field of ours. Control characters in the value become spaces, so that no value can end its line.
    package mutating func append(_ name: StaticString, _ value: String) {
        append(name, value.utf8)
    }

    /// Appends a field with a decimal number.
    package mutating func append(_ name: StaticString, decimal value: Int) {
        append(name, String(value).utf8)
    }

    /// Appends a field whose name comes from elsewhere: folded to lower case, its value as in `append(_:_:)`.
    ///
    /// - Returns: false, and nothing is appended, when the name is empty, no token or longer than 65,535 bytes.
    @discardableResult
    package mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) -> Bool {
        guard !name.isEmpty, name.count <= Int(UInt16.max), name.allSatisfy(CharacterClass.isToken) else {
            return false
        }
        if let appended = name.withContiguousStorageIfAvailable({ append(UnsafeRawBufferPointer($0), value: value) }) {
            return appended
        }
        return Array(name).withUnsafeBytes { append($0, value: value) }
    }

    /// Puts one field in the place of all fields of that name; `name` in lower case.
    package mutating func set(_ name: StaticString, _ value: some Collection<UInt8>) {
        remove(name)
        append(name, value)
    }

    /// Puts one field in the place of all fields of that name; `name` in lower case.
    package mutating func set(_ name: StaticString, _ value: String) {
        set(name, value.utf8)
    }

    /// Removes all fields of a name, given in lower case.
    package mutating func remove(_ name: StaticString) {
        guard let first = index(of: name, from: 0) else { return }
        isSendableAsStored = false
        let found = storage[lines[first].name]
        lines.removeAll { storage[$0.name] == found }
    }

    /// Removes all fields for which `isUnwanted` is true.
    package mutating func removeAll(where isUnwanted: (_ name: HTTPBytes, _ value: HTTPBytes) -> Bool) {
        let before = lines.count
        lines.removeAll { isUnwanted(storage[$0.name], storage[$0.value]) }
        if lines.count != before { isSendableAsStored = false }
    }

    /// Appends all fields of `other`.
    package mutating func append(contentsOf other: HTTPFields) {
        for (name, value) in other { append(name: name, value: value) }
    }

    @discardableResult
    private mutating func append(_ name: UnsafeRawBufferPointer, value: some Collection<UInt8>) -> Bool {
        let first = storage.count + name.count + 2
        if value.withContiguousStorageIfAvailable({ appendChecked(name: name, value: UnsafeRawBufferPointer($0)) })
            == nil
        {
            Array(value).withUnsafeBytes { appendChecked(name: name, value: $0) }
        }
        guard let line = lines.last, line.value.lowerBound == first else { return false }
        for index in line.value where !CharacterClass.isFieldValue(storage[index]) { storage[index] = 0x20 }
        return true
    }
}
