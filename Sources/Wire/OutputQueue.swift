import NIOCore

/// What a connection has ready for its socket, in order.
///
/// In the clear, large bodies stay slices of the buffer that the cache holds and small ones are copied beside their
/// heads, so that one system call carries both. Before TLS everything becomes one buffer: each write would otherwise be
/// sealed as a record of its own, 9-byte frame headers included.
struct OutputQueue {
    /// Bodies up to this many bytes are copied beside their head when the connection is in the clear.
    let copyLimit: Int
    /// True in front of TLS.
    let coalescesAll: Bool
    private(set) var queuedBytes = 0
    private var ready: [ByteBuffer] = []
    private var tail: ByteBuffer

    init(allocator: ByteBufferAllocator, isTLS: Bool, copyLimit: Int) {
        coalescesAll = isTLS
        self.copyLimit = copyLimit
        tail = allocator.buffer(capacity: isTLS ? 32 * 1024 : 4 * 1024)
    }

    var isEmpty: Bool { queuedBytes == 0 }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        tail.writeBytes(bytes)
        queuedBytes &+= bytes.count
    }

    /// Lets `write` append to the tail, as the HTTP/1.1 serialiser does.
    mutating func withTail(_ write: (inout ByteBuffer) -> Void) {
        let before = tail.readableBytes
        write(&tail)
        queuedBytes &+= tail.readableBytes &- before
    }

    /// Appends a piece of body, by reference where that is cheaper than copying.
    mutating func append(body slice: ByteBuffer) {
        queuedBytes &+= slice.readableBytes
        if coalescesAll || slice.readableBytes <= copyLimit {
            tail.writeImmutableBuffer(slice)
            return
        }
        if tail.readableBytes > 0 {
            ready.append(tail)
            tail = ByteBuffer()
        }
        ready.append(slice)
    }

    /// Gives every queued buffer to `write` in order and leaves the queue empty, its tail's memory ready for reuse.
    mutating func takeAll(_ write: (ByteBuffer) -> Void) {
        for buffer in ready { write(buffer) }
        ready.removeAll(keepingCapacity: true)
        if tail.readableBytes > 0 { write(tail) }
        // Reuses the memory when the channel has let go of it, and takes fresh memory when it has not.
        tail.clear()
        queuedBytes = 0
    }
}
