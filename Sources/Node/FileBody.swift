import NIOCore
import Wire

/// A file that is read off the event loop.
package protocol ReadableFile: AnyObject {
    /// Reads `count` bytes, all or none; the future is of `eventLoop`.
    func read(at offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer>
}

/// The body of an answer that lies in a file: read by the piece, off the event loop, as the connection takes it.
package final class FileBody: BodySource {
    private enum State {
        case idle
        case reading
        case ready(ByteBuffer)
        case failed
    }

    /// Bytes of one read, and so of memory for one slow reader.
    private static let pieceBytes = 128 * 1024

    private let file: any ReadableFile
    private let exchange: Exchange
    private let eventLoop: any EventLoop
    private var offset: Int
    private let end: Int
    private var state = State.idle

    /// `range` is of bytes in the file, of which `first`, if any, have been read.
    package init(
        _ file: any ReadableFile, range: Range<Int>, first: ByteBuffer? = nil, for exchange: Exchange,
        on eventLoop: any EventLoop
    ) {
        self.file = file
        self.exchange = exchange
        self.eventLoop = eventLoop
        offset = range.lowerBound
        end = range.upperBound
        if let first, first.readableBytes > 0 { state = .ready(first) }
    }

    package func next(limit: Int) -> BodyPiece {
        switch state {
        case .idle:
            if offset == end { return .end }
            read()
            return .pending
        case .reading: return .pending
        case .failed: return .failed
        case .ready(var bytes):
            guard let piece = bytes.readSlice(length: min(limit, bytes.readableBytes)) else { return .failed }
            offset += piece.readableBytes
            state = bytes.readableBytes > 0 ? .ready(bytes) : .idle
            return .bytes(piece, isLast: offset == end)
        }
    }

    private func read() {
        state = .reading
        let count = min(Self.pieceBytes, end - offset)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        file.read(at: offset, count: count, on: eventLoop).whenComplete { bound.value.completed($0) }
    }

    private func completed(_ result: Result<ByteBuffer, any Error>) {
        if case .success(let bytes) = result { state = .ready(bytes) } else { state = .failed }
        exchange.resume()
    }
}
