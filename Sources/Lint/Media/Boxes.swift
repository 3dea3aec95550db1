import struct NIOCore.ByteBuffer

/// The boxes of ISO base media files, one after another (ISO 14496-12, 4.2).
struct Boxes: Sequence, IteratorProtocol {
    struct Box {
        /// Four characters.
        let type: String
        let body: ByteBuffer
    }

    private var rest: ByteBuffer
    /// False once something was met that is no box, or one that ends beyond what there is.
    private(set) var isSound = true

    init(_ bytes: ByteBuffer) { rest = bytes }

    mutating func next() -> Box? {
        guard isSound, rest.readableBytes > 0 else { return nil }
        guard let short = rest.readInteger(as: UInt32.self), let type = rest.readString(length: 4) else {
            isSound = false
            return nil
        }
        let length: Int
        switch short {
        case 0: length = rest.readableBytes
        case 1:
            guard let long = rest.readInteger(as: UInt64.self), long >= 16, long <= UInt64(Int.max) else {
                isSound = false
                return nil
            }
            length = Int(long) - 16
        default: length = Int(short) - 8
        }
        guard length >= 0, let body = rest.readSlice(length: length) else {
            isSound = false
            return nil
        }
        return Box(type: type, body: body)
    }
}

extension ByteBuffer {
    /// The body of the first box of that type.
    func box(_ type: String) -> ByteBuffer? {
        var boxes = Boxes(self)
        while let box = boxes.next() { if box.type == type { return box.body } }
        return nil
    }

    /// The body of a box in a box in a box.
    func box(at path: String...) -> ByteBuffer? {
        var found = self
        for type in path {
            guard let inner = found.box(type) else { return nil }
            found = inner
        }
        return found
    }

    /// Version and flags of a full box (ISO 14496-12, 4.2).
    mutating func readVersionAndFlags() -> (version: UInt8, flags: UInt32)? {
        guard let word = readInteger(as: UInt32.self) else { return nil }
        return (UInt8(truncatingIfNeeded: word >> 24), word & 0xff_ffff)
    }

    mutating func skip(_ count: Int) -> Bool {
        guard readableBytes >= count else { return false }
        moveReaderIndex(forwardBy: count)
        return true
    }
}

/// Why bytes are not what a rendition of fragmented MP4 serves.
package struct UnreadableMedia: Error, Equatable, CustomStringConvertible {
    package let description: String
}
