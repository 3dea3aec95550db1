import struct NIOCore.ByteBuffer

/// One frame of a track, ready to be packaged. Times are in the track's timescale.
struct Sample: Sendable, Codable {
    var decodeTime: Int64
    var duration: UInt32
    /// Presentation minus decode time. Not negative where that can be helped: FFmpeg shows a track later by what is.
    var compositionOffset: Int32
    var isSync: Bool
    var bytes: ByteBuffer
}

/// A CMAF chunk (ISO 23000-19, 7.3.2.3): moof and mdat, tfdt the decode time of its first sample.
enum Fragment {
    private static let syncFlags: UInt32 = 0x0200_0000
    private static let dependentFlags: UInt32 = 0x0101_0000

    static func write(_ samples: [Sample], sequence: UInt32) -> ByteBuffer {
        let payload = samples.reduce(0) { $0 + $1.bytes.readableBytes }
        let hasOffsets = samples.contains { $0.compositionOffset != 0 }
        // Signed offsets are version 1 (ISO 14496-12, 8.8.8).
        let version: UInt8 = samples.contains { $0.compositionOffset < 0 } ? 1 : 0
        let perSample = hasOffsets ? 16 : 12
        var writer = BoxWriter(capacity: 128 + samples.count * perSample + payload)
        var offsetIndex = 0
        writer.box("moof") { moof in
            moof.fullBox("mfhd") { $0.u32(sequence) }
            moof.box("traf") { traf in
                // default-base-is-moof.
                traf.fullBox("tfhd", flags: 0x2_0000) { $0.u32(1) }
                traf.fullBox("tfdt", version: 1) { $0.u64(UInt64(clamping: samples.first?.decodeTime ?? 0)) }
                // Data offset, then duration, size, flags and, where frames are reordered, composition offset.
                traf.fullBox("trun", version: version, flags: 0x701 | (hasOffsets ? 0x800 : 0)) { trun in
                    trun.u32(UInt32(clamping: samples.count))
                    offsetIndex = trun.buffer.writerIndex
                    trun.u32(0)
                    for sample in samples {
                        trun.u32(sample.duration)
                        trun.u32(UInt32(clamping: sample.bytes.readableBytes))
                        trun.u32(sample.isSync ? syncFlags : dependentFlags)
                        if hasOffsets { trun.u32(UInt32(bitPattern: sample.compositionOffset)) }
                    }
                }
            }
        }
        writer.patch(UInt32(truncatingIfNeeded: writer.buffer.writerIndex + 8), at: offsetIndex)
        writer.box("mdat") { mdat in
            for sample in samples { mdat.bytes(sample.bytes) }
        }
        return writer.buffer
    }
}
