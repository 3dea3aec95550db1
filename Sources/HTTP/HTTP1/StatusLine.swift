/// The first line of a response (RFC 9112, 4). The reason is for people and is dropped.
struct StatusLine {
    let version: HTTPVersion
    let status: UInt16

    init(_ line: UnsafeRawBufferPointer) throws(HTTP1Violation) {
        // Servers that send no reason often leave out the space before it as well.
        guard line.count >= 12, line[8] == 0x20, line.count == 12 || line[12] == 0x20 else {
            throw .malformedStatusLine
        }
        let version = UnsafeRawBufferPointer(rebasing: line[..<8])
        if version.isEqual(to: "HTTP/1.1") {
            self.version = .http11
        } else if version.isEqual(to: "HTTP/1.0") {
            self.version = .http10
        } else {
            throw UnsafeRawBufferPointer(rebasing: version[..<5]).isEqual(to: "HTTP/")
                ? .unsupportedVersion : .malformedStatusLine
        }
        var status: UInt16 = 0
        for byte in line[9..<12] {
            guard CharacterClass.isDigit(byte) else { throw .malformedStatusLine }
            status = status * 10 + UInt16(byte - 0x30)
        }
        guard (100...599).contains(status) else { throw .malformedStatusLine }
        self.status = status
        for byte in line[12...] where !CharacterClass.isFieldValue(byte) {
            throw byte == 0x0d ? .bareCarriageReturn : .malformedStatusLine
        }
    }
}
