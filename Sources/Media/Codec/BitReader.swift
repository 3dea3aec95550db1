/// Reads bits, most significant first. Past the end it reads nothing and says so: every caller handles a short input.
struct BitReader {
    private let bytes: [UInt8]
    private(set) var position = 0

    /// Bits of `bytes` as they are.
    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// Bits of an H.264 or HEVC NAL unit, its emulation prevention bytes taken out (H.264, 7.4.1; HEVC, 7.4.2).
    init(nalUnit: some Sequence<UInt8>) {
        var payload: [UInt8] = []
        var zeros = 0
        for byte in nalUnit {
            if zeros >= 2 && byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            payload.append(byte)
        }
        bytes = payload
    }

    var bitsLeft: Int { bytes.count * 8 - position }

    /// Up to 32 bits, or nil when fewer are left.
    mutating func read(_ count: Int) -> UInt32? {
        guard count >= 0, count <= 32, bitsLeft >= count else { return nil }
        var value: UInt32 = 0
        for _ in 0..<count {
            value = value << 1 | UInt32(bytes[position >> 3] >> UInt8(7 - position & 7) & 1)
            position += 1
        }
        return value
    }

    mutating func flag() -> Bool? { read(1).map { $0 == 1 } }

    /// Passes over bits. Returns nil when fewer are left.
    mutating func skip(_ count: Int) -> Void? {
        guard count >= 0, bitsLeft >= count else { return nil }
        position += count
        return ()
    }

    /// Unsigned Exp-Golomb code, ue(v) (H.264, 9.1).
    mutating func unsigned() -> UInt32? {
        var zeros = 0
        while true {
            guard let bit = read(1) else { return nil }
            if bit == 1 { break }
            zeros += 1
            if zeros > 31 { return nil }
        }
        guard let rest = read(zeros) else { return nil }
        return (UInt32(1) << UInt32(zeros)) &- 1 &+ rest
    }

    /// Signed Exp-Golomb code, se(v).
    mutating func signed() -> Int32? {
        guard let code = unsigned() else { return nil }
        let magnitude = Int32(code / 2 + code % 2)
        return code % 2 == 1 ? magnitude : -magnitude
    }
}
