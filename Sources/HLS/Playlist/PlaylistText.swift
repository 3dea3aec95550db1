/// Text of playlists, written with integer arithmetic into one growing buffer.
struct PlaylistText {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func append(contentsOf other: [UInt8]) { bytes.append(contentsOf: other) }

    mutating func append(byte: UInt8) { bytes.append(byte) }

    /// A decimal integer.
    mutating func append(_ number: Int64) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        append(digits: number.magnitude, width: 1)
    }

    /// Seconds with five decimals. What is finer is rounded up, as a limit needs; media has been rounded before.
    mutating func append(_ duration: Duration) {
        let units = UInt64(duration.hundredThousandths)
        append(digits: units / 100_000, width: 1)
        bytes.append(UInt8(ascii: "."))
        append(digits: units % 100_000, width: 5)
    }

    /// A quoted string (4.2). What one must not hold is left out.
    mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 where byte != UInt8(ascii: "\"") && byte != 0x0a && byte != 0x0d { bytes.append(byte) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// At least `width` digits, led by zeros.
    private mutating func append(digits number: UInt64, width: Int) {
        var divisor: UInt64 = 1
        var places = 1
        while places < width || number / divisor >= 10 {
            divisor *= 10
            places += 1
        }
        var rest = number
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / divisor))
            rest %= divisor
            divisor /= 10
        }
    }

    /// ISO 8601 in UTC with milliseconds, as EXT-X-PROGRAM-DATE-TIME wants it (4.4.4.6).
    mutating func append(dateTime unixMicroseconds: Int64) {
        let date = CivilTime(unixMicroseconds: unixMicroseconds)
        append(digits: UInt64(max(0, date.year)), width: 4)
        append(separator: "-", date.month)
        append(separator: "-", date.day)
        append(separator: "T", date.hour)
        append(separator: ":", date.minute)
        append(separator: ":", date.second)
        bytes.append(UInt8(ascii: "."))
        append(digits: UInt64(date.microsecond / 1_000), width: 3)
        bytes.append(UInt8(ascii: "Z"))
    }

    private mutating func append(separator: Unicode.Scalar, _ number: Int64) {
        bytes.append(UInt8(ascii: separator))
        append(digits: UInt64(number), width: 2)
    }
}
