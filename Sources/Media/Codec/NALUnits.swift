/// NAL units of an access unit: each behind its length, as MP4 and FLV carry them, or each behind a start code, as a byte
/// stream does (H.264, annex B; HEVC, annex B).
enum NALUnits {
    /// Visits the range of each unit, empty ones too. Returns false where a length goes beyond the frame: the units
    /// before it have been visited.
    static func visit(
        lengthsOf frame: UnsafeRawBufferPointer, size: Int, _ body: (Range<Int>) -> Void
    ) -> Bool {
        var offset = 0
        while offset < frame.count {
            guard frame.count - offset >= size else { return false }
            var length = 0
            for index in 0..<size { length = length << 8 | Int(frame[offset + index]) }
            offset += size
            guard length <= frame.count - offset else { return false }
            body(offset..<offset + length)
            offset += length
        }
        return true
    }

    /// Visits the range of each unit of a byte stream, its trailing zeros left out.
    static func visit(byteStream frame: UnsafeRawBufferPointer, _ body: (Range<Int>) -> Void) {
        var start: Int?
        var zeros = 0
        for index in 0..<frame.count {
            let byte = frame[index]
            if byte == 1 && zeros >= 2 {
                if let start { body(start..<index - zeros) }
                start = index + 1
            }
            zeros = byte == 0 ? zeros + 1 : 0
        }
        if let start { body(start..<max(start, frame.count - zeros)) }
    }

    /// Whether bytes begin as a byte stream does: 00 00 01 or 00 00 00 01.
    static func beginsWithStartCode(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else { return false }
        return bytes[2] == 1 || bytes[2] == 0 && bytes[3] == 1
    }

    /// The units of a byte stream, copied: for configuration records.
    static func units(ofByteStream bytes: [UInt8]) -> [[UInt8]] {
        var units: [[UInt8]] = []
        bytes.withUnsafeBytes { raw in visit(byteStream: raw) { if !$0.isEmpty { units.append(Array(raw[$0])) } } }
        return units
    }
}

/// Walks a NAL unit's payload, its emulation prevention bytes left out (H.264, 7.4.1), without a copy.
struct PayloadWalk {
    private let bytes: UnsafeRawBufferPointer
    private var index: Int
    private let end: Int
    private var zeros = 0
    private var held: UInt8 = 0
    private var heldBits = 0

    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        (index, end) = (range.lowerBound, range.upperBound)
    }

    /// The next byte; nil at the end.
    mutating func byte() -> UInt8? {
        if index < end, zeros >= 2, bytes[index] == 3 {
            index += 1
            zeros = 0
        }
        guard index < end else { return nil }
        let byte = bytes[index]
        index += 1
        zeros = byte == 0 ? zeros + 1 : 0
        return byte
    }

    private mutating func bit() -> Bool? {
        if heldBits == 0 {
            guard let next = byte() else { return nil }
            (held, heldBits) = (next, 8)
        }
        heldBits -= 1
        return held >> UInt8(heldBits) & 1 == 1
    }

    /// Passes over bits. Returns nil where fewer are left.
    mutating func skip(bits count: Int) -> Void? {
        for _ in 0..<count where bit() == nil { return nil }
        return ()
    }

    /// Unsigned Exp-Golomb code (H.264, 9.1); nil where it is over 31 bits or the payload ends.
    mutating func unsigned() -> UInt32? {
        var zeros = 0
        while let bit = bit(), !bit {
            zeros += 1
            if zeros > 31 { return nil }
        }
        var value: UInt32 = 1
        for _ in 0..<zeros {
            guard let bit = bit() else { return nil }
            value = value << 1 | (bit ? 1 : 0)
        }
        return value - 1
    }

    mutating func flag() -> Bool? { bit() }
}
