import NIOCore

/// Reads tags of an FLV file (annex E.3, E.4) as its bytes come.
package struct FLVStream {
    package struct Tag: Equatable, Sendable {
        /// 8 sound, 9 picture, 18 data: as RTMP numbers its messages.
        package var type: UInt8
        /// Milliseconds.
        package var timestamp: UInt32
        package var body: ByteBuffer

        /// A picture of H.264, not a header or an end.
        package var isPicture: Bool {
            type == 9 && body.getInteger(at: body.readerIndex + 1, as: UInt8.self) == 1
        }

        /// The avcC record of H.264's header.
        package var isPictureHeader: Bool {
            type == 9 && body.getInteger(at: body.readerIndex + 1, as: UInt8.self) == 0
        }
    }

    private var input = ByteBuffer()
    private var hasHeader = false

    package init() {}

    package mutating func receive(_ bytes: ByteBuffer) { input.writeImmutableBuffer(bytes) }

    /// The next whole tag; nil until more has come.
    package mutating func next() -> Tag? {
        if !hasHeader {
            // Signature, version, flags, size of the header, then the size of no tag before.
            guard let size = input.getInteger(at: input.readerIndex + 5, as: UInt32.self), size <= 1_024,
                input.readableBytes >= Int(size) + 4
            else { return nil }
            input.moveReaderIndex(forwardBy: Int(size) + 4)
            hasHeader = true
        }
        let start = input.readerIndex
        guard let first = input.getInteger(at: start, as: UInt32.self),
            let second = input.getInteger(at: start + 4, as: UInt32.self)
        else { return nil }
        let size = Int(first & 0xFF_FFFF)
        guard input.readableBytes >= 11 + size + 4, let body = input.getSlice(at: start + 11, length: size) else {
            return nil
        }
        input.moveReaderIndex(forwardBy: 11 + size + 4)
        input.discardReadBytes()
        // The highest byte of the time stands behind the other three.
        return Tag(type: UInt8(first >> 24 & 31), timestamp: second >> 8 | second << 24, body: body)
    }
}
