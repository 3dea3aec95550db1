import CZlib
import struct NIOCore.ByteBuffer

/// gzip (RFC 1952) for bodies that are made once and served many times, such as playlists.
package enum Gzip {
    /// `bytes` as one gzip member, at a level that costs tens of microseconds for a playlist.
    package static func compress(_ bytes: ByteBuffer) -> ByteBuffer {
        var stream = z_stream()
        // It fails only when memory is out.
        precondition(needletail_deflate_gzip(&stream, 5) == Z_OK, "zlib could not start")
        defer { deflateEnd(&stream) }
        // 18 bytes of gzip head and tail are not in zlib's bound for a raw stream.
        let bound = Int(deflateBound(&stream, UInt(bytes.readableBytes))) + 32
        var out = ByteBuffer()
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
            bytes.withUnsafeReadableBytes { source in
                stream.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.avail_in = UInt32(clamping: source.count)
                stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(clamping: target.count)
                let result = deflate(&stream, Z_FINISH)
                precondition(result == Z_STREAM_END, "zlib's bound holds for every input")
                return target.count - Int(stream.avail_out)
            }
        }
        return out
    }
}
