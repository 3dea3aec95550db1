/// The alphabets of RFC 9110 and RFC 3986, one bit a byte below 128.
enum CharacterClass {
    private struct Set {
        let low: UInt64
        let high: UInt64

        @inline(__always)
        func contains(_ byte: UInt8) -> Bool {
            if byte < 64 { return low >> UInt64(byte) & 1 == 1 }
            return byte < 128 && high >> UInt64(byte - 64) & 1 == 1
        }
    }

    // Letters: bits 1...26 (A to Z) and 33...58 (a to z) of `high`. Digits: bits 48...57 of `low`.
    private static let letters: UInt64 = 0x07ff_fffe_07ff_fffe
    private static let digits: UInt64 = 0x03ff_0000_0000_0000

    /// tchar (RFC 9110, 5.6.2): digits, letters and !#$%&'*+-.^_`|~
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // Low: ! 33, # 35, $ 36, % 37, & 38, ' 39, * 42, + 43, - 45, . 46. High: ^ 94, _ 95, ` 96, | 124, ~ 126.
        Set(low: digits | 0x6cfa << 32, high: letters | 0x5000_0001_c000_0000).contains(byte)
    }

    /// What may stand in a request target: printable ASCII without space, `"`, `#`, `<`, `>` and `\`. Wider than RFC
    /// 3986 by ^ ` { | }, which browsers send in queries as they are.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        Set(low: 0xaffffff2_00000000, high: 0x7fff_ffff_efff_ffff).contains(byte)
    }

    /// A registered name or an IPv4 address in an authority. The sub-delimiters that RFC 3986 also allows appear in no
    /// host name and only serve to confuse whoever reads them next.
    @inline(__always)
    static func isHostName(_ byte: UInt8) -> Bool {
        // - 45, . 46, _ 95, ~ 126.
        Set(low: digits | 0x6000 << 32, high: letters | 0x4000_0000_8000_0000).contains(byte)
    }

    /// A field value (RFC 9110, 5.5): visible bytes, space, tab and obs-text; no other control characters.
    @inline(__always)
    static func isFieldValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7f || byte == 0x09
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        let folded = byte | 0x20
        return folded &- 0x61 < 6 ? folded &- 0x61 &+ 10 : nil
    }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
