import struct NIOCore.ByteBuffer

/// Writes messages as chunks (5.3.1): a full header, then continuations of the same lane.
struct ChunkWriter {
    /// Announced before anything larger is sent: ffmpeg takes over the server's size for its own chunks.
    static let chunkSize: UInt32 = 65_536

    static func write(
        type: UInt8, stream: UInt32, lane: UInt8, timestamp: UInt32 = 0, payload: ByteBuffer,
        chunkSize: Int = Int(ChunkWriter.chunkSize), into output: inout ByteBuffer
    ) {
        let isExtended = timestamp >= 0xFF_FFFF
        output.writeInteger(lane & 63)
        write24(isExtended ? 0xFF_FFFF : timestamp, into: &output)
        write24(UInt32(clamping: payload.readableBytes), into: &output)
        output.writeInteger(type)
        output.writeInteger(stream, endianness: .little)
        if isExtended { output.writeInteger(timestamp) }
        var rest = payload
        while let piece = rest.readSlice(length: min(chunkSize, rest.readableBytes)) {
            output.writeImmutableBuffer(piece)
            guard rest.readableBytes > 0 else { return }
            output.writeInteger(0xC0 | lane & 63)
            if isExtended { output.writeInteger(timestamp) }
        }
    }

    private static func write24(_ value: UInt32, into output: inout ByteBuffer) {
        output.writeBytes([UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)])
    }

    /// A protocol control message (5.4): chunk stream 2, message stream 0.
    static func control(_ type: UInt8, _ value: UInt32, extra: UInt8? = nil, into output: inout ByteBuffer) {
        var payload = ByteBuffer()
        payload.writeInteger(value)
        if let extra { payload.writeInteger(extra) }
        write(type: type, stream: 0, lane: 2, payload: payload, into: &output)
    }

    /// A user control event (7.1.7).
    static func event(_ kind: UInt16, _ value: UInt32, into output: inout ByteBuffer) {
        var payload = ByteBuffer()
        payload.writeInteger(kind)
        payload.writeInteger(value)
        write(type: 4, stream: 0, lane: 2, payload: payload, into: &output)
    }
}
