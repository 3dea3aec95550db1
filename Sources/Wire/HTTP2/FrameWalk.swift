/// Walks over a client's frames beside libnghttp2, for the few that it passes over in silence: DATA on a stream that is over,
/// and PRIORITY, which it never reads. Bytes come in any pieces; of each frame only the front is looked at.
package struct FrameWalk {
    package enum Finding: Equatable {
        /// DATA begins on this stream.
        case data(stream: Int32)
        /// PRIORITY makes its stream depend on itself (RFC 7540, 5.3.1).
        case selfDependence
    }

    /// Bytes that are passed over next: the preface first.
    private var skipped = HTTP2Preface.bytes.count
    /// The front of a frame that came in pieces.
    private var front: [UInt8] = []

    private static let headBytes = 9
    /// The head, and the stream that PRIORITY names.
    private static let priorityBytes = 13
    private static let dataType: UInt8 = 0
    private static let priorityType: UInt8 = 2
    private static let priorityLength = 5

    package init() {}

    /// Goes on from `index` to the next finding, which is that of a frame that begins at `start`: 0 when it began in an
    /// earlier piece. Nil at the end of `bytes`.
    package mutating func next(
        in bytes: UnsafeRawBufferPointer, from index: inout Int
    ) -> (finding: Finding, start: Int)? {
        var start = 0
        while true {
            let passed = min(skipped, bytes.count - index)
            skipped -= passed
            index += passed
            guard index < bytes.count else { return nil }
            if front.isEmpty { start = index }
            let finding: Finding?
            if front.isEmpty, bytes.count - index >= Self.priorityBytes {
                let whole = UnsafeRawBufferPointer(rebasing: bytes[index..<index + Self.priorityBytes])
                finding = Self.judge(whole)
                index += Self.headBytes
                skipped = Self.length(whole)
            } else {
                front.append(bytes[index])
                index += 1
                finding = takeFront()
            }
            if let finding { return (finding, start) }
        }
    }

    /// Judges a front that came in pieces once it tells enough.
    private mutating func takeFront() -> Finding? {
        guard front.count >= Self.headBytes else { return nil }
        let (length, isPriority) = front.withUnsafeBytes { (Self.length($0), $0[3] == Self.priorityType) }
        let wanted = isPriority && length == Self.priorityLength ? Self.priorityBytes : Self.headBytes
        guard front.count == wanted else { return nil }
        let finding = front.withUnsafeBytes { Self.judge($0) }
        skipped = length - (wanted - Self.headBytes)
        front.removeAll(keepingCapacity: true)
        return finding
    }

    private static func length(_ front: UnsafeRawBufferPointer) -> Int {
        Int(front[0]) << 16 | Int(front[1]) << 8 | Int(front[2])
    }

    /// `front` is a frame's head, and of PRIORITY four bytes more.
    private static func judge(_ front: UnsafeRawBufferPointer) -> Finding? {
        switch front[3] {
        case dataType: return .data(stream: stream(front, at: 5))
        case priorityType where length(front) == priorityLength && front.count >= priorityBytes:
            return stream(front, at: 5) == stream(front, at: headBytes) ? .selfDependence : nil
        default: return nil
        }
    }

    /// Its highest bit is reserved in a head, and tells exclusiveness in a priority.
    private static func stream(_ front: UnsafeRawBufferPointer, at index: Int) -> Int32 {
        Int32(front[index] & 0x7f) << 24 | Int32(front[index + 1]) << 16 | Int32(front[index + 2]) << 8
            | Int32(front[index + 3])
    }
}
