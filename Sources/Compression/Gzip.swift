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

    /// What a gzip body of a stranger holds, or nil when it is none, ends too early or holds more than `limit` bytes.
    package static func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        var stream = z_stream()
        precondition(needletail_inflate_gzip(&stream) == Z_OK, "zlib could not start")
        defer { inflateEnd(&stream) }
        var out = ByteBuffer()
        var result = Z_OK
        bytes.withUnsafeReadableBytes { source in
            stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(clamping: source.count)
            while result == Z_OK, out.readableBytes <= limit {
                let before = stream.total_out
                out.writeWithUnsafeMutableBytes(minimumWritableBytes: 16_384) { target in
                    stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.avail_out = UInt32(clamping: target.count)
                    result = inflate(&stream, Z_NO_FLUSH)
                    return target.count - Int(stream.avail_out)
                }
                // Nothing in and nothing out: it ends too early.
                if stream.avail_in == 0 && stream.total_out == before { break }
            }
        }
        return result == Z_STREAM_END && out.readableBytes <= limit ? out : nil
    }
}
