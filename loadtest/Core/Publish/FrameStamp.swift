import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// When a frame was captured and when it left the publisher, as its bitstream says.
///
/// It travels as H.264 SEI "user data unregistered" (ITU-T H.264, D.1.7): a UUID, then both times in microseconds since
/// 1970, each in ten bytes of seven bits with the highest bit set. No byte is zero, so no emulation prevention
/// (7.4.1.1) ever changes it, and the UUID can be found in the bytes of any container without parsing it.
package struct FrameStamp: Equatable, Sendable {
    /// Microseconds since 1970.
    package var capturedAt: Int64
    package var sentAt: Int64

    package init(capturedAt: Int64, sentAt: Int64) {
        self.capturedAt = capturedAt
        self.sentAt = sentAt
    }

    /// 7e3db1a2-5c14-4f6b-9d8a-e1c7a94b2f63
    package static let uuid: [UInt8] = [
        0x7E, 0x3D, 0xB1, 0xA2, 0x5C, 0x14, 0x4F, 0x6B, 0x9D, 0x8A, 0xE1, 0xC7, 0xA9, 0x4B, 0x2F, 0x63,
    ]
    private static let digits = 10
    private static let payloadBytes = 16 + 2 * digits

    // MARK: Writing

    /// The NAL unit, without a length or start code.
    package var nalUnit: [UInt8] {
        var unit: [UInt8] = [6, 5, UInt8(Self.payloadBytes)]
        unit += Self.uuid
        for time in [capturedAt, sentAt] {
            let bits = UInt64(bitPattern: time)
            for index in (0..<Self.digits).reversed() {
                unit.append(0x80 | UInt8(truncatingIfNeeded: bits >> UInt64(7 * index) & 0x7F))
            }
        }
        unit.append(0x80)
        return unit
    }

    /// An access unit of length-prefixed NAL units (ISO 14496-15) with the stamp before its first slice: after the access
    /// unit delimiter, if there is one (H.264, 7.4.1.2.3).
    package func inserted(into accessUnit: ByteBuffer, lengthBytes: Int) -> ByteBuffer {
        var rest = accessUnit
        var unit = ByteBuffer()
        let stamp = nalUnit
        unit.reserveCapacity(accessUnit.readableBytes + stamp.count + lengthBytes)
        if let length = rest.getLength(of: lengthBytes),
            rest.getInteger(at: rest.readerIndex + lengthBytes, as: UInt8.self).map({ $0 & 31 == 9 }) == true,
            let delimiter = rest.readSlice(length: min(rest.readableBytes, lengthBytes + length))
        {
            unit.writeImmutableBuffer(delimiter)
        }
        for index in (0..<lengthBytes).reversed() {
            unit.writeInteger(UInt8(truncatingIfNeeded: stamp.count >> (8 * index)))
        }
        unit.writeBytes(stamp)
        unit.writeImmutableBuffer(rest)
        return unit
    }

    // MARK: Reading

    /// All stamps of a part or segment, in the order of its bytes.
    package static func all(in bytes: UnsafeRawBufferPointer) -> [FrameStamp] {
        var found: [FrameStamp] = []
        guard var from = bytes.baseAddress else { return found }
        var left = bytes.count
        while left >= payloadBytes {
            guard let place = memchr(from, Int32(uuid[0]), left - payloadBytes + 1) else { break }
            let start = UnsafeRawPointer(place)
            guard uuid.withUnsafeBytes({ memcmp(start, $0.baseAddress ?? start, $0.count) }) == 0 else {
                left -= start + 1 - from
                from = start + 1
                continue
            }
            let after = start + uuid.count
            left -= after - from
            from = after
            guard left >= 2 * digits, let captured = time(at: after), let sent = time(at: after + digits) else {
                continue
            }
            found.append(FrameStamp(capturedAt: captured, sentAt: sent))
        }
        return found
    }

    package static func all(in bytes: ByteBuffer) -> [FrameStamp] { bytes.withUnsafeReadableBytes { all(in: $0) } }

    /// Nil where a byte has not the form that is written: a transport stream's packet header cut the stamp in two.
    private static func time(at place: UnsafeRawPointer) -> Int64? {
        var bits: UInt64 = 0
        for index in 0..<digits {
            let byte = place.load(fromByteOffset: index, as: UInt8.self)
            guard byte & 0x80 != 0 else { return nil }
            bits = bits << 7 | UInt64(byte & 0x7F)
        }
        return Int64(bitPattern: bits)
    }
}

extension ByteBuffer {
    /// The big-endian length before a NAL unit.
    fileprivate func getLength(of count: Int) -> Int? {
        var value = 0
        for index in 0..<count {
            guard let byte = getInteger(at: readerIndex + index, as: UInt8.self) else { return nil }
            value = value << 8 | Int(byte)
        }
        return value
    }
}
