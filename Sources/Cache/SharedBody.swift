import struct NIOCore.ByteBuffer

/// The body of an answer, filled once and read by many: pieces are shared, never copied.
package final class SharedBody {
    package private(set) var chunks: [ByteBuffer] = []
    package private(set) var byteCount = 0
    package private(set) var isComplete = false
    package private(set) var isFailed = false
    /// Waiters that follow the tail of a body that still grows.
    package private(set) var followers: Set<WaiterID> = []

    package init() {}

    /// A body that is all there, in pieces that stay as they are.
    package init(whole pieces: [ByteBuffer]) {
        chunks = pieces.filter { $0.readableBytes > 0 }
        byteCount = chunks.reduce(0) { $0 + $1.readableBytes }
        isComplete = true
    }

    package func follow(_ waiter: WaiterID) { followers.insert(waiter) }
    package func leave(_ waiter: WaiterID) { followers.remove(waiter) }

    package func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        chunks.append(bytes)
        byteCount += bytes.readableBytes
    }

    package func complete() {
        isComplete = true
        // Many small frames become one buffer: a hit is then one slice.
        if chunks.count > 1 && byteCount <= 4 << 20 {
            var whole = ByteBuffer()
            whole.reserveCapacity(byteCount)
            for chunk in chunks { whole.writeImmutableBuffer(chunk) }
            // Followers hold an index into the pieces: they keep theirs until the last has gone.
            if followers.isEmpty { chunks = [whole] }
        }
    }

    package func fail() { isFailed = true }
}

/// Names one waiting or served exchange.
package typealias WaiterID = UInt64
/// Names one fetch from upstream.
package typealias FillID = UInt64
