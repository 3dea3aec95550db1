import struct NIOCore.ByteBuffer

/// One message, put together from its chunks.
struct RTMPMessage {
    let type: UInt8
    let stream: UInt32
    /// Milliseconds, absolute, modulo 2^32.
    let timestamp: UInt32
    let payload: ByteBuffer
    /// Bytes of a message that was too large to be kept: its payload is empty.
    var passedOver: Int?
}

/// Reads the chunk stream (RTMP 1.0, 5.3): chunks of many messages interleaved, in any fragmentation of the bytes.
struct ChunkReader {
    private struct Lane {
        var timestamp: UInt32 = 0
        var delta: UInt32 = 0
        var length = 0
        var type: UInt8 = 0
        var stream: UInt32 = 0
        /// The extended timestamp of the last header that had one.
        var extended: UInt32?
        /// Bytes of the message under way; nil between messages.
        var body: ByteBuffer?
        /// How many of them have come.
        var received = 0
        /// They are counted and not kept.
        var isPassedOver = false
    }

    private(set) var chunkSize = 128
    private var lanes: [UInt32: Lane] = [:]
    /// The chunk whose payload is arriving.
    private var current: (lane: UInt32, remaining: Int)?
    /// Largest message that is taken now.
    var messageLimit: Int
    private let limits: RTMPLimits

    init(limits: RTMPLimits) {
        self.limits = limits
        messageLimit = limits.commandBytes
    }

    /// The next whole message, or nil when more bytes are needed. What is used up is taken from `input`.
    mutating func next(_ input: inout ByteBuffer) throws(CloseReason) -> RTMPMessage? {
        while true {
            if let (id, remaining) = current {
                guard input.readableBytes > 0 || remaining == 0 else { return nil }
                let count = min(remaining, input.readableBytes)
                if let message = take(count, of: id, from: &input) {
                    current = nil
                    return message
                }
                current = count == remaining ? nil : (id, remaining - count)
                if count < remaining { return nil }
                continue
            }
            guard try readHeader(&input) else { return nil }
        }
    }

    /// Moves bytes into a lane's message; returns the message when it is whole.
    private mutating func take(_ count: Int, of id: UInt32, from input: inout ByteBuffer) -> RTMPMessage? {
        guard var lane = lanes.removeValue(forKey: id), let piece = input.readSlice(length: count) else { return nil }
        lane.received += count
        if lane.isPassedOver {
            lane.body = ByteBuffer()
        } else if lane.body == nil || lane.body?.readableBytes == 0 {
            // The usual case, a message in one chunk and one read, shares the bytes as they came.
            lane.body = piece
        } else {
            lane.body?.writeImmutableBuffer(piece)
        }
        let isWhole = lane.received >= lane.length
        let message =
            isWhole
            ? RTMPMessage(
                type: lane.type, stream: lane.stream, timestamp: lane.timestamp, payload: lane.body ?? ByteBuffer(),
                passedOver: lane.isPassedOver ? lane.length : nil)
            : nil
        if isWhole { lane.body = nil }
        lanes[id] = lane
        return message
    }

    private mutating func readHeader(_ input: inout ByteBuffer) throws(CloseReason) -> Bool {
        var bytes = input
        guard let first = bytes.readInteger(as: UInt8.self) else { return false }
        var id = UInt32(first & 63)
        if id == 0 {
            guard let low = bytes.readInteger(as: UInt8.self) else { return false }
            id = 64 + UInt32(low)
        } else if id == 1 {
            guard let pair = bytes.readInteger(endianness: .little, as: UInt16.self) else { return false }
            id = 64 + UInt32(pair)
        }
        let format = first >> 6
        let known = lanes[id]
        guard format == 0 || known != nil else { throw .unknownChunkStream }
        if known == nil && lanes.count >= limits.chunkStreams {
            throw .tooManyChunkStreams(limit: limits.chunkStreams)
        }
        var lane = known ?? Lane()
        guard try readMessageHeader(format, &lane, &bytes) else { return false }
        if lane.body == nil {
            // Data is nothing that a publish needs: where it is too large, the rest goes on.
            let isData = lane.type == 15 || lane.type == 18
            (lane.body, lane.received) = (ByteBuffer(), 0)
            lane.isPassedOver = isData && lane.length > limits.dataBytes
        }
        guard lane.length <= messageLimit || lane.isPassedOver else {
            throw .messageTooLarge(bytes: lane.length, limit: messageLimit)
        }
        current = (id, min(chunkSize, max(0, lane.length - lane.received)))
        lanes[id] = lane
        input = bytes
        return true
    }

    /// Reads the message header of a format (5.3.1.2) and the extended timestamp. Returns false when bytes are missing.
    private func readMessageHeader(
        _ format: UInt8, _ lane: inout Lane, _ bytes: inout ByteBuffer
    ) throws(CloseReason) -> Bool {
        let continues = lane.body != nil
        if format == 3 { return readContinuation(&lane, &bytes, isNewMessage: !continues) }
        if continues {
            // A header in the middle of a message begins another: what came of the old one is void.
            lane.body = nil
        }
        guard let field = bytes.readUInt24() else { return false }
        if format <= 1 {
            guard let length = bytes.readUInt24(), let type = bytes.readInteger(as: UInt8.self) else { return false }
            lane.length = Int(length)
            lane.type = type
        }
        if format == 0 {
            guard let stream = bytes.readInteger(endianness: .little, as: UInt32.self) else { return false }
            lane.stream = stream
        }
        var time = field
        lane.extended = nil
        if field == 0xFF_FFFF {
            guard let extended = bytes.readInteger(as: UInt32.self) else { return false }
            lane.extended = extended
            time = extended
        }
        if format == 0 {
            lane.timestamp = time
            lane.delta = time
        } else {
            // Some senders let a step back wrap in 24 bits.
            lane.delta = lane.extended == nil && time >= 0x80_0000 ? time | 0xFF00_0000 : time
            lane.timestamp = lane.timestamp &+ lane.delta
        }
        return true
    }

    private func readContinuation(_ lane: inout Lane, _ bytes: inout ByteBuffer, isNewMessage: Bool) -> Bool {
        if let extended = lane.extended {
            // Repeated in every chunk of the message, except by some old clients: look before taking it.
            guard bytes.readableBytes >= 4 else { return false }
            if bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) == extended {
                bytes.moveReaderIndex(forwardBy: 4)
            }
        }
        if isNewMessage { lane.timestamp = lane.timestamp &+ lane.delta }
        return true
    }

    // MARK: Protocol control

    /// The longest message: what a chunk holds beyond is never used (5.4.1).
    private static let longestMessage = 0xFF_FFFF

    /// Set Chunk Size (5.4.1): 1 to 2^31 - 1. A size is no memory, which is taken as bytes arrive.
    mutating func setChunkSize(_ size: UInt32) throws(CloseReason) {
        guard (1...0x7FFF_FFFF).contains(size) else { throw .chunkSizeOutOfRange(size) }
        guard min(Int(size), Self.longestMessage) <= limits.chunkBytes else {
            throw .chunkSizeTooLarge(bytes: size, limit: limits.chunkBytes)
        }
        chunkSize = Int(size)
    }

    /// Abort Message (5.4.2): what came of a lane's message is void.
    mutating func abort(lane: UInt32) {
        lanes[lane]?.body = nil
        if current?.lane == lane { current = nil }
    }
}

extension ByteBuffer {
    mutating func readUInt24() -> UInt32? {
        guard readableBytes >= 3, let high = readInteger(as: UInt16.self), let low = readInteger(as: UInt8.self) else {
            return nil
        }
        return UInt32(high) << 8 | UInt32(low)
    }
}
