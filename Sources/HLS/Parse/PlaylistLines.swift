/// A line of a playlist that says something.
enum PlaylistLine {
    /// A tag: `#EXT…` and what follows its colon.
    case tag(PlaylistTag)
    case uri(String)
}

/// A tag with its place, to tell of mistakes.
struct PlaylistTag {
    let line: Int
    /// With its `#`.
    let name: String
    /// What follows the colon; nil without one.
    let value: ArraySlice<UInt8>?

    func malformed(_ value: ArraySlice<UInt8>?, _ expected: String) -> PlaylistError {
        let shown = String(decoding: (value ?? []).prefix(40), as: UTF8.self)
        return PlaylistError(line: line, reason: .malformed(tag: name, value: shown, expected: expected))
    }

    func misplaced(_ why: String) -> PlaylistError {
        PlaylistError(line: line, reason: .misplaced(tag: name, why: why))
    }

    var repeated: PlaylistError { PlaylistError(line: line, reason: .repeatedTag(name)) }

    /// The value as a decimal integer (4.2).
    func integer() throws(PlaylistError) -> Int64 {
        guard let value, let number = DecimalText.integer(value) else {
            throw malformed(value, "a decimal integer below 2^63")
        }
        return number
    }
}

/// Cuts a playlist into its tags and URIs. Comments and empty lines are passed over (4.1).
struct PlaylistLines {
    private let bytes: [UInt8]
    /// Whether all of it is text: then no line needs to be looked at for that.
    private let isText: Bool
    private var position = 0
    /// Number of the line read last, from 1.
    private(set) var line = 0

    /// - Throws: `PlaylistError` when it is too large or does not begin as a playlist.
    init(_ bytes: [UInt8]) throws(PlaylistError) {
        guard bytes.count <= PlaylistLimits.bytes else {
            throw PlaylistError(line: 0, reason: .tooLarge(limit: PlaylistLimits.bytes))
        }
        self.bytes = bytes
        isText = Self.isText(bytes[...])
        guard let first = try nextLine(), first.elementsEqual("#EXTM3U".utf8) else {
            throw PlaylistError(line: 1, reason: .noHeader)
        }
    }

    mutating func next() throws(PlaylistError) -> PlaylistLine? {
        while let text = try nextLine() {
            guard let first = text.first else { continue }
            guard first == UInt8(ascii: "#") else { return .uri(String(decoding: text, as: UTF8.self)) }
            guard text.starts(with: "#EXT".utf8) else { continue }
            let colon = text.firstIndex(of: UInt8(ascii: ":"))
            let name = String(decoding: text[..<(colon ?? text.endIndex)], as: UTF8.self)
            return .tag(PlaylistTag(line: line, name: name, value: colon.map { text[($0 + 1)...] }))
        }
        return nil
    }

    private mutating func nextLine() throws(PlaylistError) -> ArraySlice<UInt8>? {
        guard position < bytes.count else { return nil }
        line += 1
        var end = position
        var returns = 0
        while end < bytes.count, bytes[end] != 0x0a {
            if bytes[end] == 0x0d { returns += 1 }
            end += 1
        }
        var text = bytes[position..<end]
        position = end + 1
        if text.last == 0x0d {
            text.removeLast()
            returns -= 1
        }
        guard text.count <= PlaylistLimits.lineBytes else {
            throw PlaylistError(line: line, reason: .lineTooLong(limit: PlaylistLimits.lineBytes))
        }
        guard returns == 0, isText || Self.isText(text) else { throw PlaylistError(line: line, reason: .notText) }
        // Trailing blanks are no part of a value.
        while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }

    /// 4.1: UTF-8 without control characters, but for the ends of lines and tabs.
    private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
        let hasControls = bytes.withUnsafeBufferPointer { bytes in
            for byte in bytes where byte < 0x20 || byte == 0x7f {
                if byte != 0x0a && byte != 0x0d && byte != 0x09 { return true }
            }
            return false
        }
        return !hasControls && String(validating: bytes, as: UTF8.self) != nil
    }
}

/// Numbers as playlists write them (4.2).
enum DecimalText {
    /// Digits alone, below 2^63.
    static func integer(_ text: some Collection<UInt8>) -> Int64? {
        guard !text.isEmpty, text.count <= 20 else { return nil }
        var value: Int64 = 0
        for digit in text {
            guard (0x30...0x39).contains(digit) else { return nil }
            let scaled = value.multipliedReportingOverflow(by: 10)
            let sum = scaled.partialValue.addingReportingOverflow(Int64(digit - 0x30))
            guard !scaled.overflow, !sum.overflow else { return nil }
            value = sum.partialValue
        }
        return value
    }

    /// Digits with or without a fraction, as exact as a nanosecond. At most 10^10 seconds.
    static func seconds(_ text: some Collection<UInt8>) -> Duration? {
        let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.endIndex
        guard let whole = integer(text[..<point]), whole <= 10_000_000_000 else { return nil }
        guard point < text.endIndex else { return .seconds(whole) }
        let fraction = text[text.index(after: point)...]
        guard fraction.count <= 40, fraction.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var nanoseconds: Int64 = 0
        var scale: Int64 = 1_000_000_000
        for digit in fraction.prefix(9) {
            scale /= 10
            nanoseconds += Int64(digit - 0x30) * scale
        }
        return .seconds(whole) + .nanoseconds(nanoseconds)
    }
}
