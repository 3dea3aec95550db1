import struct NIOCore.ByteBuffer

/// Reads boxes and descriptors as the strictest players do: Firefox and GStreamer refuse a file in which one states another size
/// than it has, where Chromium and Safari play it. It shares no code with the packager whose boxes it judges.
struct BoxAudit {
    /// Boxes that are no boxes of their file, each with its path (ISO 14496-12, 4.2; ISO 14496-1, 8.3.3).
    private(set) var faults: [String] = []
    /// Sound boxes that HLS does not allow (3.1.2).
    private(set) var deviations: [String] = []

    /// A box with its place in the file.
    struct Entry {
        let type: String
        /// Types of the boxes around it and its own, such as `moov/trak`.
        let path: String
        /// Where its header begins, and where its body does.
        let start: Int
        let bodyStart: Int
        let body: ByteBuffer
    }

    /// More boxes than any level of a file has, and more faults than anyone reads.
    private static let boxLimit = 100_000
    private static let faultLimit = 16

    mutating func fault(_ path: String, _ text: String) {
        if faults.count < Self.faultLimit { faults.append("\(path): \(text)") }
    }

    mutating func deviation(_ path: String, _ text: String) {
        if deviations.count < Self.faultLimit { deviations.append("\(path): \(text)") }
    }

    // MARK: Boxes

    /// The boxes of `bytes`, which begin at `start` in the file; up to the first that is none.
    mutating func boxes(in bytes: ByteBuffer, at start: Int = 0, of path: String = "") -> [Entry] {
        var rest = bytes
        var offset = start
        var found: [Entry] = []
        let place = path.isEmpty ? "file" : path
        while rest.readableBytes > 0, found.count < Self.boxLimit {
            let left = rest.readableBytes
            guard let short = rest.readInteger(as: UInt32.self), let name = rest.readBytes(length: 4) else {
                fault(place, "\(left) bytes at its end are too few for a box")
                break
            }
            let type = String(decoding: name, as: UTF8.self)
            var size = UInt64(short)
            var header = 8
            if short == 1 {
                guard let long = rest.readInteger(as: UInt64.self) else {
                    fault(place, "\(type) ends within its size")
                    break
                }
                (size, header) = (long, 16)
            } else if short == 0 {
                guard path.isEmpty, type == "mdat" else {
                    fault(place, "\(type) has no size, which only the last mdat may lack")
                    break
                }
                size = UInt64(left)
            }
            guard size >= UInt64(header) else {
                fault(place, "\(type) states \(size) bytes, less than its header")
                break
            }
            guard size <= UInt64(left), let body = rest.readSlice(length: Int(size) - header) else {
                fault(place, "\(type) states \(size) bytes, \(left) are there")
                break
            }
            found.append(
                Entry(
                    type: type, path: path.isEmpty ? type : "\(path)/\(type)", start: offset,
                    bodyStart: offset + header, body: body))
            offset += Int(size)
        }
        return found
    }

    mutating func boxes(in box: Entry) -> [Entry] { boxes(in: box.body, at: box.bodyStart, of: box.path) }

    /// A full box's version and flags, and its fields.
    struct Full {
        let version: UInt8
        let flags: UInt32
        var rest: ByteBuffer
    }

    /// Nil where it has no version, or one that nobody can read.
    mutating func full(_ box: Entry, upTo newest: UInt8) -> Full? {
        var rest = box.body
        guard let (version, flags) = rest.readVersionAndFlags() else {
            fault(box.path, "it ends before its version")
            return nil
        }
        guard version <= newest else {
            fault(box.path, "version \(version), \(newest) is the newest")
            return nil
        }
        return Full(version: version, flags: flags, rest: rest)
    }

    /// Tells of a body that is not as long as its version, flags and counts make it. False then.
    @discardableResult
    mutating func expect(_ box: Entry, bytes: Int) -> Bool {
        guard box.body.readableBytes != bytes else { return true }
        fault(box.path, "it holds \(box.body.readableBytes) bytes where its fields take \(bytes)")
        return false
    }

    /// A full box of a count and entries of one size each. Returns the count.
    @discardableResult
    mutating func table(_ box: Entry, entry: (UInt8) -> Int, upTo newest: UInt8 = 0) -> Int? {
        guard var head = full(box, upTo: newest) else { return nil }
        guard let count = head.rest.readInteger(as: UInt32.self) else {
            fault(box.path, "it ends before its count")
            return nil
        }
        let needed = UInt64(count) * UInt64(entry(head.version))
        guard UInt64(head.rest.readableBytes) == needed else {
            fault(box.path, "\(count) entries take \(needed) bytes, \(head.rest.readableBytes) are there")
            return nil
        }
        return Int(count)
    }
}
