import HTTP
import NIOCore

/// A response's head laid out once for each protocol, and shared by all the answers that begin with it.
package final class PreparedHead {
    package let head: ResponseHead
    /// Bytes of the body that follows.
    let length: Int
    /// As libnghttp2 takes it.
    private(set) lazy var http2: HTTP2PinnedLines = {
        var lines = HTTP2HeaderBlock()
        lines.append(head, length: length)
        return HTTP2PinnedLines(lines)
    }()
    /// As it is written to a client of HTTP/1.1 whose connection stays open.
    private(set) lazy var http1: ByteBuffer = {
        var bytes = ByteBuffer()
        HTTP1Writer.write(head, framing: head.allowsBody ? .length(length) : .none, keepsAlive: true, into: &bytes)
        return bytes
    }()

    package init(_ head: ResponseHead, length: Int) {
        self.head = head
        self.length = length
    }
}
