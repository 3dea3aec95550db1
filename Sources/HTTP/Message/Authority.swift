/// Whether bytes may stand as `host[:port]` in Host, `:authority` or an absolute target (RFC 9110, 7.2; RFC 3986, 3.2).
package enum AuthorityRule {
    /// Longest host name of the DNS, a port and its colon.
    private static let longest = 255 + 6

    /// True for a host name or IPv4 address, or an IPv6 address in brackets, with or without a port up to 65535. User
    /// information, percent-encoding and the empty host are refused.
    package static func isValid(_ bytes: HTTPBytes) -> Bool {
        bytes.withUnsafeBytes { isValid($0) }
    }

    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first, bytes.count <= longest else { return false }
        var end = 0
        if first == UInt8(ascii: "[") {
            end = 1
            while end < bytes.count, isAddressByte(bytes[end]) { end += 1 }
            // The shortest address is `::`.
            guard end >= 3, end < bytes.count, bytes[end] == UInt8(ascii: "]") else { return false }
            end += 1
        } else {
            while end < bytes.count, CharacterClass.isHostName(bytes[end]) { end += 1 }
            guard end > 0 else { return false }
        }
        guard end < bytes.count else { return true }
        return bytes[end] == UInt8(ascii: ":") && isPort(bytes, from: end + 1)
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        CharacterClass.hexValue(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    /// RFC 3986 lets the port be empty.
    private static func isPort(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var port = 0
        for index in start..<max(start, bytes.count) {
            guard CharacterClass.isDigit(bytes[index]) else { return false }
            port = port * 10 + Int(bytes[index] - 0x30)
            if port > 65_535 { return false }
        }
        return true
    }
}
