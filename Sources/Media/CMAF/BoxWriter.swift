import struct NIOCore.ByteBuffer

/// Writes ISO base media boxes (ISO 14496-12, 4.2): sizes are filled in when a box is closed.
struct BoxWriter {
    private(set) var buffer: ByteBuffer

    init(capacity: Int) {
        buffer = ByteBuffer()
        buffer.reserveCapacity(capacity)
    }

    mutating func box(_ type: StaticString, _ content: (inout BoxWriter) -> Void) {
        let start = buffer.writerIndex
        buffer.writeInteger(UInt32(0))
        buffer.writeStaticString(type)
        content(&self)
        buffer.setInteger(UInt32(truncatingIfNeeded: buffer.writerIndex - start), at: start)
    }

    mutating func fullBox(
        _ type: StaticString, version: UInt8 = 0, flags: UInt32 = 0, _ content: (inout BoxWriter) -> Void
    ) {
        box(type) { box in
            box.u32(UInt32(version) << 24 | flags)
            content(&box)
        }
    }

    /// A descriptor of MPEG-4 systems (ISO 14496-1, 8.3.3): its length, which is filled in when it is closed, has seven bits
    /// in each of as many bytes as it needs.
    mutating func descriptor(_ tag: UInt8, _ content: (inout BoxWriter) -> Void) {
        var inner = BoxWriter(capacity: 64)
        content(&inner)
        let size = inner.buffer.readableBytes
        u8(tag)
        for shift in [21, 14, 7] where size >> shift > 0 { u8(UInt8(size >> shift & 0x7f) | 0x80) }
        u8(UInt8(size & 0x7f))
        bytes(inner.buffer)
    }

    mutating func u8(_ value: UInt8) { buffer.writeInteger(value) }
    mutating func u16(_ value: UInt16) { buffer.writeInteger(value) }
    mutating func u32(_ value: UInt32) { buffer.writeInteger(value) }
    mutating func u64(_ value: UInt64) { buffer.writeInteger(value) }
    mutating func bytes(_ value: [UInt8]) { buffer.writeBytes(value) }
    mutating func bytes(_ value: ByteBuffer) { buffer.writeImmutableBuffer(value) }
    mutating func text(_ value: StaticString) { buffer.writeStaticString(value) }
    mutating func zeros(_ count: Int) { buffer.writeRepeatingByte(0, count: count) }

    /// Overwrites four bytes that were left open, such as a data offset.
    mutating func patch(_ value: UInt32, at index: Int) { buffer.setInteger(value, at: index) }
}
