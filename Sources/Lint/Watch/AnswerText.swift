import Compression
import HTTP
import NIOCore

/// The text of a playlist's answer.
extension LintAnswer {
    /// Decoded; empty where it cannot be.
    var text: ByteBufferView {
        guard fields.text("content-encoding") == "gzip" else { return body.readableBytesView }
        return (Gzip.decompress(body, limit: 16 << 20) ?? ByteBuffer()).readableBytesView
    }

    /// Whether its segments are encrypted as a whole (4.4.4.4).
    var isEncryptedWhole: Bool {
        let wanted = Array("#EXT-X-KEY:METHOD=AES-128".utf8)
        var rest = text[...]
        while let mark = rest.firstIndex(of: UInt8(ascii: "#")) {
            rest = rest[mark...]
            if rest.starts(with: wanted) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
