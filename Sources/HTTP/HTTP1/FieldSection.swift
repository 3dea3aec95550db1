/// Reads header or trailer lines up to the empty line that ends them (RFC 9112, 5).
struct FieldSection {
    struct Limits {
        var bytes: Int
        var count: Int
        var nameBytes: Int
        /// What is thrown when `bytes` are exceeded.
        var tooLarge: HTTP1Violation
    }

    var scanner: LineScanner
    var fields: HTTPFields
    private var usedBytes = 0

    init(scanner: LineScanner = LineScanner(), fields: HTTPFields = HTTPFields()) {
        self.scanner = scanner
        self.fields = fields
    }

    /// Reads as many lines as have arrived. Returns true once the section is complete; `scanner.start` is then its end.
    mutating func read(_ bytes: UnsafeRawBufferPointer, limits: Limits) throws(HTTP1Violation) -> Bool {
        while true {
            // A line and its CRLF must fit into what is left; the empty line that ends the section is not counted.
            let room = limits.bytes - usedBytes - 2
            guard let line = try scanner.next(in: bytes, limit: max(room, 0), orThrow: limits.tooLarge) else {
                return false
            }
            if line.isEmpty { return true }
            if fields.count >= limits.count { throw .tooManyFields(limit: limits.count) }
            usedBytes += line.count + 2
            try append(UnsafeRawBufferPointer(rebasing: bytes[line]), nameLimit: limits.nameBytes)
        }
    }

    @inline(__always)
    private mutating func append(_ line: UnsafeRawBufferPointer, nameLimit: Int) throws(HTTP1Violation) {
        var colon = 0
        while colon < line.count, CharacterClass.isToken(line[colon]) { colon += 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else { throw nameFault(line, at: colon) }
        if colon > nameLimit { throw .fieldNameTooLong(limit: nameLimit) }
        var first = colon + 1
        var end = line.count
        while first < end, CharacterClass.isBlank(line[first]) { first += 1 }
        while end > first, CharacterClass.isBlank(line[end - 1]) { end -= 1 }
        let value = UnsafeRawBufferPointer(rebasing: line[first..<end])
        for byte in value where !CharacterClass.isFieldValue(byte) {
            throw byte == 0x0d ? .bareCarriageReturn : .invalidFieldValue
        }
        fields.appendChecked(name: UnsafeRawBufferPointer(rebasing: line[..<colon]), value: value)
    }

    /// Says what is wrong with a line whose first byte outside the token alphabet, at `index`, is not the colon that ends
    /// a name.
    private func nameFault(_ line: UnsafeRawBufferPointer, at index: Int) -> HTTP1Violation {
        guard index < line.count else { return .missingColon }
        let byte = line[index]
        if CharacterClass.isBlank(byte) {
            if index == 0 { return .foldedLine }
            let next = line[index...].first { !CharacterClass.isBlank($0) }
            return next == UInt8(ascii: ":") ? .blankBeforeColon : .invalidFieldName
        }
        return byte == 0x0d ? .bareCarriageReturn : .invalidFieldName
    }
}
