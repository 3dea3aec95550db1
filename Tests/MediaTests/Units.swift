import NIOCore

@testable import Media

/// NAL units of made-up access units, and how they are framed.
enum Units {
    static let picture: [UInt8] = [0x68, 0xce, 0x38, 0x80]
    static let delimiter: [UInt8] = [0x09, 0xf0]
    static let filler: [UInt8] = [0x0c, 0xff, 0xff, 0x80]
    /// A slice: first macroblock 0, its type, picture parameter set 0.
    static func slice(_ head: UInt8, isIntra: Bool) -> [UInt8] {
        var bits = BitWriter()
        bits.write(UInt32(head), 8)
        bits.write(1, 1)
        // ue(7): I; ue(5): P.
        bits.write(isIntra ? 0b0001000 : 0b00110, isIntra ? 7 : 5)
        bits.write(1, 1)
        return bits.bytes + [0x55, 0xaa, 0x55]
    }
    static let idr = slice(0x65, isIntra: true)
    static let intra = slice(0x41, isIntra: true)
    static let predicted = slice(0x41, isIntra: false)
    /// A recovery point over so many frames (H.264, D.1.8).
    static func recovery(_ frames: UInt32) -> [UInt8] {
        var bits = BitWriter()
        let length = 32 - (frames + 1).leadingZeroBitCount
        bits.write(0, length - 1)
        bits.write(frames + 1, length)
        bits.write(0b1_0_00_1, 5)
        return [6, 6, UInt8(bits.bytes.count)] + bits.bytes + [0x80]
    }
    static let captions: [UInt8] =
        [6, 4, 14, 0xb5, 0, 0x31, 0x47, 0x41, 0x39, 0x34, 3, 0xc1, 0xff, 0xfc, 0x80, 0x80, 0xff, 0x80]

    static func lengths(_ units: [[UInt8]], size: Int = 4) -> ByteBuffer {
        var buffer = ByteBuffer()
        for unit in units {
            for shift in (0..<size).reversed() { buffer.writeInteger(UInt8(unit.count >> (8 * shift) & 255)) }
            buffer.writeBytes(unit)
        }
        return buffer
    }

    static func byteStream(_ units: [[UInt8]]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for (index, unit) in units.enumerated() { buffer.writeBytes((index == 0 ? [0, 0, 0, 1] : [0, 0, 1]) + unit) }
        return buffer
    }

    /// An avcC with these sets.
    static func record(_ sequence: [UInt8], _ pictures: [[UInt8]] = [picture]) -> ByteBuffer {
        var bytes: [UInt8] =
            [1, sequence[1], sequence[2], sequence[3], 0xff, 0xe1, 0, UInt8(sequence.count)] + sequence
        bytes.append(UInt8(pictures.count))
        for picture in pictures { bytes += [0, UInt8(picture.count)] + picture }
        return ByteBuffer(bytes: bytes)
    }
}
