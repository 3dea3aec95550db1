/// Text from strangers, made safe for a line of a log.
///
/// A value can hold anything a publisher or viewer sent. It must not end its line, colour a terminal, turn the direction
/// of what follows, or pass for another field.
enum LogText {
    /// Longest message or value in bytes; what is longer is cut and ends in `…`.
    static let maximumBytes = 4096

    /// Appends `text` between quotes, by JSON's rules (RFC 8259, 7), with more escaped than they ask for.
    static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var length = 0
        for scalar in text.unicodeScalars {
            length += UTF8.width(scalar)
            guard length <= maximumBytes else {
                bytes.append(contentsOf: "…".utf8)
                break
            }
            append(scalar, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends `text` as it is where nothing in it could mislead, quoted where something could.
    ///
    /// - Parameter allowsSpaces: For a message, which ends where the first `key=` begins.
    static func appendPlain(_ text: String, allowsSpaces: Bool, to bytes: inout [UInt8]) {
        let isSafe =
            !text.isEmpty && text.utf8.count <= maximumBytes
            && text.unicodeScalars.allSatisfy { scalar in
                scalar != "=" && scalar != "\"" && scalar != "\\" && (allowsSpaces || scalar != " ")
                    && !isHidden(scalar)
            }
        if isSafe { bytes.append(contentsOf: text.utf8) } else { appendQuoted(text, to: &bytes) }
    }

    /// Appends a key: letters, digits, `_`, `.` and `-`, with `_` for the rest.
    static func appendKey(_ text: String, to bytes: inout [UInt8]) {
        if text.isEmpty { bytes.append(UInt8(ascii: "_")) }
        for byte in text.utf8.prefix(128) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                bytes.append(byte)
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar {
        case "\"": bytes.append(contentsOf: #"\""#.utf8)
        case "\\": bytes.append(contentsOf: #"\\"#.utf8)
        case "\n": bytes.append(contentsOf: #"\n"#.utf8)
        case "\r": bytes.append(contentsOf: #"\r"#.utf8)
        case "\t": bytes.append(contentsOf: #"\t"#.utf8)
        case _ where isHidden(scalar):
            // Beyond 16 bits JSON takes a surrogate pair.
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                bytes.append(contentsOf: "\\u".utf8)
                bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                bytes.append(contentsOf: digits.utf8)
            }
        default: bytes.append(contentsOf: String(scalar).utf8)
        }
    }

    /// Controls, marks that turn the direction of text, separators of lines, and what no font shows.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: return true
        default: return false
        }
    }
}
