import struct NIOCore.ByteBuffer

/// Writes the few small messages that a server sends, each in one chunk.
struct ChunkWriter {
    /// Announced before anything larger is sent: ffmpeg takes over the server's size for its own chunks.
    static let chunkSize: UInt32 = 65_536

    static func write(type: UInt8, stream: UInt32, lane: UInt8, payload: ByteBuffer, into output: inout ByteBuffer) {
        output.writeInteger(lane & 63)
        output.writeBytes([0, 0, 0])
        let length = UInt32(clamping: payload.readableBytes)
        output.writeBytes([UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)])
        output.writeInteger(type)
        output.writeInteger(stream, endianness: .little)
        output.writeImmutableBuffer(payload)
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
