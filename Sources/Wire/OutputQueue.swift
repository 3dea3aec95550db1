import NIOCore

/// What a connection has ready for its socket, in order.
///
/// In the clear, large bodies stay slices of the buffer that the cache holds and small ones are copied beside their
/// heads, so that one system call carries both. Before TLS everything becomes one buffer: each write would otherwise be
/// sealed as a record of its own, 9-byte frame headers included.
struct OutputQueue {
    /// A body that stands behind so many bytes of the tail.
    private struct Shared {
        let offset: Int
        let bytes: ByteBuffer
    }

    /// Bodies up to this many bytes are copied beside their head when the connection is in the clear.
    let copyLimit: Int
    /// True in front of TLS.
    let coalescesAll: Bool
    /// Bytes after which what is queued should be taken. Before TLS few: they are copied, sealed and copied into the
    /// socket, each time from memory that is still in the processor's cache.
    let burst: Int
    private(set) var queuedBytes = 0
    private let spares: SpareBuffers
    /// What is copied; memory is only held while there is something in it.
    private var tail: ByteBuffer?
    private var shared: [Shared] = []

    /// When a channel says that its socket takes no more, and when that it takes more again. What is sealed is sealed into
    /// one buffer for each connection, which is used again once the socket has taken all of it: so before TLS one burst
    /// waits for the one before. Slices in the clear are nobody's copies.
    static func waterMark(isTLS: Bool) -> ChannelOptions.Types.WriteBufferWaterMark {
        isTLS ? .init(low: 1, high: sealedBurst / 2) : .init(low: 128 * 1024, high: 256 * 1024)
    }

    /// Three records, with which a buffer of 64 kB is all but full.
    private static let sealedBurst = 3 * 16 * 1024

    init(spares: SpareBuffers, isTLS: Bool, copyLimit: Int) {
        coalescesAll = isTLS
        burst = isTLS ? Self.sealedBurst : 256 * 1024
        self.copyLimit = copyLimit
        self.spares = spares
    }

    var isEmpty: Bool { queuedBytes == 0 }
    /// A burst is together.
    var isFull: Bool { queuedBytes >= burst }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        withTail { _ = $0.writeBytes(bytes) }
    }

    /// Lets `write` append to the tail, as the HTTP/1.1 serialiser does.
    mutating func withTail(_ write: (inout ByteBuffer) -> Void) {
        var buffer = tail.take() ?? spares.take()
        let before = buffer.readableBytes
        write(&buffer)
        queuedBytes &+= buffer.readableBytes &- before
        tail = buffer
    }

    /// Appends a piece of body, by reference where that is cheaper than copying.
    mutating func append(body slice: ByteBuffer) {
        guard !coalescesAll, slice.readableBytes > copyLimit else {
            return withTail { _ = $0.writeImmutableBuffer(slice) }
        }
        queuedBytes &+= slice.readableBytes
        shared.append(Shared(offset: tail?.readableBytes ?? 0, bytes: slice))
    }

    /// Gives everything that is queued to `write` in order and leaves the queue empty.
    mutating func takeAll(_ write: (ByteBuffer) -> Void) {
        queuedBytes = 0
        guard !shared.isEmpty else {
            guard let whole = tail.take() else { return }
            write(whole)
            return spares.give(whole)
        }
        let whole = tail.take()
        var rest = whole ?? ByteBuffer()
        var taken = 0
        for piece in shared {
            if piece.offset > taken, let copied = rest.readSlice(length: piece.offset &- taken) { write(copied) }
            taken = piece.offset
            write(piece.bytes)
        }
        shared.removeAll(keepingCapacity: true)
        if rest.readableBytes > 0 { write(rest) }
        if let whole { spares.give(whole) }
    }
}

/// Memory that the connections of one event loop fill in turn, each for as long as it writes: none of them holds any while
/// it waits.
package final class SpareBuffers {
    private var buffers: [ByteBuffer] = []
    private let allocator = ByteBufferAllocator()

    /// More than this many connections seldom fill one at the same time.
    private static let count = 4
    private static let capacity = 64 * 1024

    package init() {}

    /// An empty buffer. The one that was given last comes first: its memory is in the processor's cache.
    func take() -> ByteBuffer {
        guard var buffer = buffers.popLast() else { return allocator.buffer(capacity: Self.capacity) }
        // Takes fresh memory where the socket has not let go of what was written.
        buffer.clear()
        return buffer
    }

    func give(_ buffer: ByteBuffer) {
        if buffers.count < Self.count, buffer.capacity <= 8 * Self.capacity { buffers.append(buffer) }
    }
}
