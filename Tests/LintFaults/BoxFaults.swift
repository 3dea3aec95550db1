import HLS
import NIOCore

/// Media that lenient players play all the same.
extension Fault {
    static let boxes: [Fault] = [
        Fault("elementary-stream-too-long", "boxesValid") {
            $0.needsBoth = true
            $0.bytes = { bytes, context in
                // Type, version and flags, then the tag.
                context.kind == .initSection ? changed(bytes, at: "esds", 4 + 5) { $0 + 1 } : bytes
            }
        },
        Fault("data-in-no-mdat", "boxesValid") {
            $0.bytes = { bytes, context in
                // Type, version and flags, count, then the lowest byte of the data's offset.
                context.kind == .part || context.kind == .segment
                    ? changed(bytes, at: "trun", 4 + 11) { $0 ^ 4 } : bytes
            }
        },
        Fault("an-old-brand", "mediaProfile") {
            $0.bytes = { bytes, context in
                guard context.kind == .initSection else { return bytes }
                return ByteBuffer(
                    bytes: Array(bytes.readableBytesView).replacing(
                        Array("iso6cmfc".utf8), with: Array("iso5mp42".utf8)
                    )
                    .replacing(Array("iso6".utf8), with: Array("iso5".utf8)))
            }
        },
        Fault("frames-collide", "shownInOrder") {
            $0.bytes = { bytes, context in
                context.kind == .part || context.kind == .segment ? collided(bytes) : bytes
            }
        },
        Fault("no-independent-frame", "segmentHoldsIndependent") {
            $0.text = { text, _ in
                text.replacing("#EXT-X-INDEPENDENT-SEGMENTS\n", with: "").replacing(",INDEPENDENT=YES", with: "")
            }
            $0.bytes = { bytes, context in
                context.kind == .part || context.kind == .segment ? dependent(bytes) : bytes
            }
        },
        Fault("independent-frame-later", "segmentStartsIndependent") {
            $0.text = { text, _ in text.replacing("#EXT-X-INDEPENDENT-SEGMENTS\n", with: "") }
            $0.bytes = { bytes, context in
                context.kind == .part || context.kind == .segment ? laterSync(bytes) : bytes
            }
        },
    ]

    /// Changes one byte, so far behind the beginning of the first box of that type.
    private static func changed(_ bytes: ByteBuffer, at type: String, _ offset: Int, by change: (UInt8) -> UInt8)
        -> ByteBuffer
    {
        var bytes = bytes
        guard let found = bytes.readableBytesView.firstRange(of: Array(type.utf8)),
            let byte = bytes.getInteger(at: found.lowerBound + offset, as: UInt8.self)
        else { return bytes }
        bytes.setInteger(change(byte), at: found.lowerBound + offset)
        return bytes
    }

    /// Where the samples of the first run stand, if it begins with a sync sample: duration, size and flags of each.
    private static func firstSamples(of bytes: ByteBuffer) -> Int? {
        guard let found = bytes.readableBytesView.firstRange(of: Array("trun".utf8)) else { return nil }
        let first = found.upperBound + 12
        return bytes.getInteger(at: first + 8, as: UInt32.self) == 0x0200_0000 ? first : nil
    }

    /// The third frame is shown where the fourth is.
    private static func collided(_ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        guard let first = firstSamples(of: bytes), let duration = bytes.getInteger(at: first, as: UInt32.self) else {
            return bytes
        }
        bytes.setInteger(duration * 2, at: first + 12)
        bytes.setInteger(UInt32(0), at: first + 24)
        return bytes
    }

    /// The second sample is the sync sample.
    private static func laterSync(_ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        guard let first = firstSamples(of: bytes) else { return bytes }
        bytes.setInteger(UInt32(0x0101_0000), at: first + 8)
        bytes.setInteger(UInt32(0x0200_0000), at: first + 20)
        return bytes
    }
}
