import struct NIOCore.ByteBuffer

/// Bits of a configuration, most significant first. Nil past the end.
struct BitSource {
    private let bytes: [UInt8]
    private var position = 0

    init(_ buffer: ByteBuffer) { bytes = Array(buffer.readableBytesView) }

    /// Without the emulation prevention bytes of a NAL unit (H.264, 7.4.1; H.265, 7.4.2).
    init(nalUnit: ByteBuffer) {
        var kept: [UInt8] = []
        var zeros = 0
        for byte in nalUnit.readableBytesView {
            let isPrevention = byte == 3 && zeros >= 2
            zeros = byte == 0 ? zeros + 1 : 0
            if !isPrevention { kept.append(byte) }
        }
        bytes = kept
    }

    mutating func bits(_ count: Int) -> UInt64? {
        guard count <= 64, position + count <= bytes.count * 8 else { return nil }
        var value: UInt64 = 0
        for _ in 0..<count {
            value = value << 1 | UInt64(bytes[position / 8] >> UInt8(7 - position % 8) & 1)
            position += 1
        }
        return value
    }

    mutating func flag() -> Bool? { bits(1).map { $0 == 1 } }

    mutating func pass(_ count: Int) -> Bool {
        guard position + count <= bytes.count * 8 else { return false }
        position += count
        return true
    }

    /// An Exp-Golomb code (H.264, 9.1), below 2^32.
    mutating func golomb() -> Int? {
        var zeros = 0
        while zeros < 32 {
            guard let bit = flag() else { return nil }
            if bit { break }
            zeros += 1
        }
        guard zeros < 32, let rest = bits(zeros) else { return nil }
        return (1 << zeros) - 1 + Int(rest)
    }

    /// Passes over Exp-Golomb codes, signed or not.
    mutating func passGolomb(_ count: Int = 1) -> Bool {
        for _ in 0..<count where golomb() == nil { return false }
        return true
    }
}
