/// Bytes of strangers, made safe for a line of an access log: none can end it, or pass for another field.
enum AccessText {
    /// Longest value in bytes; what is longer is cut and ends in `…`, or in `...` where there is ASCII alone.
    static let maximumBytes = 8_192

    /// Appends `value` as the inside of a JSON string (RFC 8259, 7). What is no UTF-8 becomes U+FFFD; controls and what
    /// turns the direction of text or ends a line in some reader are escaped.
    static func appendJSON(_ value: UnsafeRawBufferPointer, to line: inout [UInt8]) {
        let end = min(value.count, maximumBytes)
        var plainFrom = 0
        var index = 0
        while index < end {
            let byte = value[index]
            if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                index += 1
                continue
            }
            line.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[plainFrom..<index]))
            index += appendOddJSON(value, at: index, to: &line)
            plainFrom = index
        }
        if plainFrom < index { line.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[plainFrom..<index])) }
        if value.count > end { line.append(contentsOf: [0xe2, 0x80, 0xa6]) }
    }

    /// Appends what stands at `index`, escaped or whole, and returns how many bytes that was.
    private static func appendOddJSON(_ value: UnsafeRawBufferPointer, at index: Int, to line: inout [UInt8]) -> Int {
        let byte = value[index]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            line.append(UInt8(ascii: "\\"))
            line.append(byte)
            return 1
        case 0x0a: line.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
        case 0x0d: line.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
        case 0x09: line.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
        case ..<0x20, 0x7f: appendUnit(UInt16(byte), to: &line)
        default:
            guard let (scalar, length) = UTF8Scalar.decode(value, at: index) else {
                appendUnit(0xfffd, to: &line)
                return 1
            }
            if let unit = UInt16(exactly: scalar), isHidden(unit) {
                appendUnit(unit, to: &line)
            } else {
                line.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[index..<index + length]))
            }
            return length
        }
        return 1
    }

    /// C1 controls, marks of direction, separators of lines and paragraphs, joiners and the like.
    private static func isHidden(_ unit: UInt16) -> Bool {
        switch unit {
        case 0x80...0x9f, 0xad, 0x61c, 0x180e, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff,
            0xfff9...0xfffb:
            true
        default: false
        }
    }

    private static func appendUnit(_ unit: UInt16, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\\"))
        line.append(UInt8(ascii: "u"))
        for shift in [12, 8, 4, 0] { line.append(hexadecimal(UInt8(truncatingIfNeeded: unit >> shift) & 0xf, "a")) }
    }

    /// Appends `value` for between the quotes of the combined format: whatever is not printable ASCII, a quote or a
    /// backslash becomes `\xHH`, so that a quote ends a value and nothing else does.
    static func appendQuotable(_ value: UnsafeRawBufferPointer, to line: inout [UInt8]) {
        let end = min(value.count, maximumBytes)
        var plainFrom = 0
        for index in 0..<end {
            let byte = value[index]
            if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
            line.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[plainFrom..<index]))
            line.append(UInt8(ascii: "\\"))
            line.append(UInt8(ascii: "x"))
            line.append(hexadecimal(byte >> 4, "A"))
            line.append(hexadecimal(byte & 0xf, "A"))
            plainFrom = index + 1
        }
        if plainFrom < end { line.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[plainFrom..<end])) }
        if value.count > end { line.append(contentsOf: repeatElement(UInt8(ascii: "."), count: 3)) }
    }

    private static func hexadecimal(_ digit: UInt8, _ ten: Unicode.Scalar) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: ten) + digit - 10
    }

    /// Appends a number in decimal, with zeros before it up to `digits`.
    static func append(_ number: some FixedWidthInteger, digits: Int = 1, to line: inout [UInt8]) {
        var rest = UInt64(clamping: number)
        let start = line.count
        repeat {
            line.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0 || line.count - start < digits
        line[start...].reverse()
    }

    /// Appends `.123` or `.123456`, less than a whole.
    static func append(fraction: Int64, digits: Int, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "."))
        append(fraction, digits: digits, to: &line)
    }
}

/// UTF-8 by its table of well-formed sequences (Unicode, 3.9, table 3-7).
enum UTF8Scalar {
    /// The scalar that begins at `index` and its length in bytes; nil where no whole and shortest form of one stands.
    static func decode(_ bytes: UnsafeRawBufferPointer, at index: Int) -> (scalar: UInt32, length: Int)? {
        let first = bytes[index]
        let length: Int
        let second: ClosedRange<UInt8>
        switch first {
        case ..<0x80: return (UInt32(first), 1)
        case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: (length, second) = (3, 0x80...0xbf)
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        default: return nil
        }
        guard bytes.count - index >= length, second.contains(bytes[index + 1]) else { return nil }
        var scalar = UInt32(first) & (0xff >> UInt32(length + 1))
        for next in index + 1..<index + length {
            guard bytes[next] & 0xc0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(bytes[next] & 0x3f)
        }
        return (scalar, length)
    }
}
