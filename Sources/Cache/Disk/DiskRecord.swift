import HTTP
import NIOCore

/// What a file of the disk tier says before its body: whose answer it is, its head, and how fresh it is.
///
/// A fixed part (magic, lengths, a checksum), the record itself, and room up to where the body begins, so that a head
/// that has been freshened takes its place. Integers are big-endian, texts carry their length.
package struct DiskRecord {
    package let key: CacheKey
    let selection: VarySelection
    let head: ResponseHead
    /// Its age is what it was when the record was written.
    let freshness: Freshness
    /// Microseconds since 1970.
    let writtenAt: Int64
    package let bodyBytes: Int

    /// Where the body begins: a multiple of this.
    private static let grain = 512
    /// Room that a record leaves for a longer one.
    private static let slack = 256
    private static let fixedBytes = 32
    /// "NTLDISK" and the format's number.
    private static let magic: UInt64 = 0x4e54_4c44_4953_4b01
    /// A record with its room is at most this long, in bytes.
    package static let longest = 64 << 10

    init(
        _ response: StoredResponse, bodyBytes: Int, key: CacheKey, selection: VarySelection,
        at now: ContinuousClock.Instant, unixMicroseconds: Int64
    ) {
        self.key = key
        self.selection = selection
        self.bodyBytes = bodyBytes
        head = response.head
        // Rounded up: what is not known exactly is older.
        freshness = response.freshness.at(age: response.age(at: now) + 1)
        writtenAt = unixMicroseconds
    }

    /// The answer as it is now, without its body.
    func response(at now: ContinuousClock.Instant, unixMicroseconds: Int64) -> StoredResponse {
        let elapsed = max(0, unixMicroseconds.subtractingReportingOverflow(writtenAt).partialValue) / 1_000_000
        let age = freshness.initialAge.addingReportingOverflow(Int(clamping: elapsed))
        return StoredResponse(
            head: head, body: SharedBody(), freshness: freshness.at(age: age.overflow ? .max / 2 : age.partialValue),
            at: now)
    }

    /// Where the body of a file begins that starts with a record of so many bytes.
    static func bodyOffset(recordBytes: Int) -> Int {
        (fixedBytes + recordBytes + slack + grain - 1) / grain * grain
    }

    // MARK: Bytes

    /// The record alone.
    func encoded() -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeInteger(writtenAt)
        var flags: UInt8 = key.takesGzip ? 1 : 0
        if freshness.mustRevalidate { flags |= 2 }
        if freshness.isImmutable { flags |= 4 }
        bytes.writeInteger(flags)
        bytes.writeInteger(Int64(clamping: freshness.initialAge))
        for seconds in [freshness.lifetime, freshness.staleIfError, freshness.staleWhileRevalidate] {
            bytes.writeInteger(seconds.bitPattern)
        }
        bytes.writeInteger(UInt32(clamping: freshness.withheld.count))
        for name in freshness.withheld { bytes.writeText(name) }
        selection.write(into: &bytes)
        bytes.writeText(key.target)
        bytes.writeInteger(head.status)
        bytes.writeInteger(UInt32(clamping: head.fields.count))
        for (name, value) in head.fields {
            bytes.writeText(name)
            bytes.writeText(value)
        }
        return bytes
    }

    /// What a file begins with whose body begins at `bodyOffset`. Nil when the record does not fit there.
    package func fileHead(bodyOffset: Int) -> ByteBuffer? {
        let record = encoded()
        guard Self.fixedBytes + record.readableBytes <= bodyOffset, bodyOffset <= Self.longest else { return nil }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(bodyOffset)
        bytes.writeInteger(Self.magic)
        bytes.writeInteger(UInt32(clamping: bodyOffset))
        bytes.writeInteger(UInt32(clamping: record.readableBytes))
        bytes.writeInteger(UInt64(clamping: bodyBytes))
        bytes.writeInteger(Checksum.fnv1a(bytes.readableBytesView, record.readableBytesView))
        bytes.writeImmutableBuffer(record)
        bytes.writeRepeatingByte(0, count: bodyOffset - bytes.readableBytes)
        return bytes
    }

    /// Reads what a file of `fileBytes` begins with. Nil when it is torn, not whole, or no file of ours; `bytes` are its
    /// first `longest` bytes, or all where it is shorter.
    package static func read(_ bytes: ByteBuffer, fileBytes: Int) -> (record: DiskRecord, bodyOffset: Int)? {
        var bytes = bytes
        let checked = bytes.getSlice(at: bytes.readerIndex, length: 24)
        guard let checked,
            let (magic, offset, recordBytes, bodyBytes, checksum) = bytes.readMultipleIntegers(
                as: (UInt64, UInt32, UInt32, UInt64, UInt64).self), magic == Self.magic,
            let bodyBytes = Int(exactly: bodyBytes), bodyBytes <= fileBytes,
            Int(offset) == fileBytes - bodyBytes, fixedBytes + Int(recordBytes) <= Int(offset),
            let record = bytes.readSlice(length: Int(recordBytes)),
            Checksum.fnv1a(checked.readableBytesView, record.readableBytesView) == checksum,
            let read = DiskRecord(record, bodyBytes: bodyBytes)
        else { return nil }
        return (read, Int(offset))
    }

    private init?(_ record: ByteBuffer, bodyBytes: Int) {
        var bytes = record
        guard let (writtenAt, flags, age) = bytes.readMultipleIntegers(as: (Int64, UInt8, Int64).self),
            let (lifetime, ifError, revalidating) = bytes.readMultipleIntegers(as: (UInt64, UInt64, UInt64).self),
            let withheld = bytes.readTexts(),
            let selection = VarySelection(reading: &bytes), let target = bytes.readText(),
            let (status, count) = bytes.readMultipleIntegers(as: (UInt16, UInt32).self)
        else { return nil }
        var head = ResponseHead(status: status)
        for _ in 0..<count {
            guard let name = bytes.readText(), let value = bytes.readText(),
                head.fields.append(name: name, value: value)
            else { return nil }
        }
        let seconds = [lifetime, ifError, revalidating].map(Double.init(bitPattern:))
        guard seconds.allSatisfy(\.isFinite), age >= 0 else { return nil }
        key = CacheKey(target: target, takesGzip: flags & 1 != 0)
        self.selection = selection
        self.head = head
        self.writtenAt = writtenAt
        self.bodyBytes = bodyBytes
        freshness = Freshness(
            lifetime: seconds[0], initialAge: Int(clamping: age), mustRevalidate: flags & 2 != 0,
            isImmutable: flags & 4 != 0, staleIfError: seconds[1], staleWhileRevalidate: seconds[2],
            withheld: withheld)
    }
}

/// Tells a record that was written whole from one that was not; no secret is in it.
private enum Checksum {
    /// FNV-1a, 64 bits.
    static func fnv1a(_ pieces: ByteBufferView...) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for piece in pieces {
            for byte in piece { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        return hash
    }
}

extension ByteBuffer {
    /// A length of 32 bits, and the bytes.
    mutating func writeText(_ text: some Collection<UInt8>) {
        writeInteger(UInt32(clamping: text.count))
        writeBytes(text)
    }

    mutating func readText() -> HTTPBytes? {
        guard let count = readInteger(as: UInt32.self), let bytes = readBytes(length: Int(count)) else { return nil }
        return bytes[...]
    }

    /// A count, and so many texts.
    mutating func readTexts() -> [HTTPBytes]? {
        guard let count = readInteger(as: UInt32.self), count <= readableBytes else { return nil }
        var texts: [HTTPBytes] = []
        for _ in 0..<count {
            guard let text = readText() else { return nil }
            texts.append(text)
        }
        return texts
    }
}
