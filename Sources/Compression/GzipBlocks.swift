import CZlib
import struct NIOCore.ByteBuffer

/// A stretch of bytes, compressed on its own so that it can stand anywhere in a gzip member (RFC 1951, 3.2.4: it ends at
/// a byte's border and refers to nothing before it).
package struct DeflatedBlock: Sendable {
    package let bytes: ByteBuffer
    let checksum: UInt
    /// Bytes before they were compressed.
    let count: Int
}

extension Gzip {
    /// Compresses a stretch that others follow.
    package static func block(_ bytes: ByteBuffer) -> DeflatedBlock {
        var stream = z_stream()
        // It fails only when memory is out.
        precondition(needletail_deflate_raw(&stream, 5) == Z_OK, "zlib could not start")
        defer { deflateEnd(&stream) }
        // A flush adds an empty stored block, which zlib's bound leaves out.
        let bound = Int(deflateBound(&stream, UInt(bytes.readableBytes))) + 32
        var out = ByteBuffer()
        var checksum: UInt = 0
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
            bytes.withUnsafeReadableBytes { source in
                let start = source.baseAddress?.assumingMemoryBound(to: UInt8.self)
                checksum = crc32(0, start, UInt32(clamping: source.count))
                stream.next_in = UnsafeMutablePointer(mutating: start)
                stream.avail_in = UInt32(clamping: source.count)
                stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(clamping: target.count)
                let result = deflate(&stream, Z_FULL_FLUSH)
                // With nothing to compress there is nothing to flush.
                precondition(
                    (result == Z_OK || result == Z_BUF_ERROR) && stream.avail_in == 0 && stream.avail_out > 0,
                    "zlib's bound holds for every input")
                return target.count - Int(stream.avail_out)
            }
        }
        return DeflatedBlock(bytes: out, checksum: checksum, count: bytes.readableBytes)
    }

    /// One gzip member (RFC 1952) of the blocks, in pieces: theirs are shared.
    package static func member(_ blocks: [DeflatedBlock]) -> [ByteBuffer] {
        var checksum: UInt = 0
        var count: UInt32 = 0
        var pieces: [ByteBuffer] = []
        pieces.reserveCapacity(blocks.count + 2)
        // Deflate; no name, no time, an unknown system.
        pieces.append(ByteBuffer(bytes: [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]))
        for block in blocks where block.count > 0 {
            checksum = crc32_combine(checksum, block.checksum, block.count)
            count &+= UInt32(truncatingIfNeeded: block.count)
            pieces.append(block.bytes)
        }
        // An empty last block of fixed codes ends the stream.
        var end = ByteBuffer(bytes: [0x03, 0x00])
        end.writeInteger(UInt32(truncatingIfNeeded: checksum), endianness: .little)
        end.writeInteger(count, endianness: .little)
        pieces.append(end)
        return pieces
    }
}
