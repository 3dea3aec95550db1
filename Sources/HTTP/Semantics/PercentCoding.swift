/// Percent-encoding (RFC 3986, 2.1).
package enum PercentCoding {
    /// Decodes `bytes`.
    ///
    /// - Returns: nil when the result would be longer than `limit` bytes or hold a NUL, or when a `%` is not followed by two
    ///   hexadecimal digits. `+` stays `+`.
    package static func decode(_ bytes: HTTPBytes, limit: Int) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(min(bytes.count, max(limit, 0)))
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            var value = byte
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(CharacterClass.hexValue),
                    let low = rest.popFirst().flatMap(CharacterClass.hexValue)
                else { return nil }
                value = high << 4 | low
            }
            guard value != 0, decoded.count < limit else { return nil }
            decoded.append(value)
        }
        return decoded
    }

    /// Encodes what is no unreserved character (RFC 3986, 2.3), slashes included.
    package static func encode(_ text: String) -> String {
        let bytes = encode(Array(text.utf8)[...]) { byte in
            CharacterClass.isDigit(byte) || 0x61...0x7a ~= CharacterClass.lowercased(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "~")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func encode(_ bytes: HTTPBytes, keeping isKept: (UInt8) -> Bool) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.count + 16)
        for byte in bytes {
            if isKept(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xf)]]
            }
        }
        return encoded
    }
}
