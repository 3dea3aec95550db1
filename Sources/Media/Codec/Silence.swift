import struct NIOCore.ByteBuffer

/// Frames that decode to silence, to stand where a publisher's sound is missing: a player waits for sound that does not
/// come, while it plays silence on.
struct Silence: Sendable, Codable {
    let bytes: ByteBuffer
    /// Samples that it lasts.
    let samples: Int

    init(for configuration: AudioConfiguration) {
        switch configuration.kind {
        case .aac:
            bytes = ByteBuffer(bytes: Self.aac(channels: configuration.coreChannels))
            samples = configuration.samplesPerFrame
        case .opus(let head):
            bytes = ByteBuffer(bytes: Self.opus(head: head))
            samples = 960
        }
    }

    /// A raw_data_block whose elements hold no scale factor band (ISO 14496-3, 4.4.2.1).
    private static func aac(channels: Int) -> [UInt8] {
        // Which elements each channel count is made of: true for a pair.
        let layouts: [Int: [Bool]] = [
            1: [false], 2: [true], 3: [false, true], 4: [false, true, false], 5: [false, true, true],
            6: [false, true, true, false], 8: [false, true, true, true, false],
        ]
        var bits = BitWriter()
        var singles: UInt32 = 0
        var pairs: UInt32 = 0
        let elements = layouts[channels] ?? [true]
        for (index, isPair) in elements.enumerated() {
            if isPair {
                bits.write(1, 3)
                bits.write(pairs, 4)
                pairs += 1
                // Common window: one long window, no bands; no mid-side mask.
                bits.write(1, 1)
                bits.write(0, 11)
                bits.write(0, 2)
                for _ in 0..<2 { bits.write(0, 8 + 3) }
            } else {
                // The low-frequency channel closes layouts of six and eight.
                let isLow = channels >= 6 && index == elements.count - 1
                bits.write(isLow ? 3 : 0, 3)
                bits.write(isLow ? 0 : singles, 4)
                if !isLow { singles += 1 }
                bits.write(0, 8 + 11 + 3)
            }
        }
        bits.write(7, 3)
        return bits.bytes
    }

    /// A 20 ms CELT frame of silence for each stream, all but the last self-delimited (RFC 6716, appendix B).
    private static func opus(head: [UInt8]) -> [UInt8] {
        let isMapped = head[10] != 0 && head.count >= 13
        let streams = isMapped ? max(1, Int(head[11])) : 1
        let coupled = isMapped ? Int(head[12]) : head[1] > 1 ? 1 : 0
        var bytes: [UInt8] = []
        for stream in 0..<streams {
            bytes.append(stream < coupled ? 0xfc : 0xf8)
            if stream < streams - 1 { bytes.append(2) }
            bytes += [0xff, 0xfe]
        }
        return bytes
    }
}

/// Writes bits, most significant first.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var used = 0

    /// The lowest `count` bits of a value, 32 at most.
    mutating func write(_ value: UInt32, _ count: Int) {
        for bit in stride(from: count - 1, through: 0, by: -1) {
            if used % 8 == 0 { bytes.append(0) }
            bytes[bytes.count - 1] |= UInt8(value >> UInt32(bit) & 1) << UInt8(7 - used % 8)
            used += 1
        }
    }
}
