import NIOCore

/// When the frames of one CMAF part or segment are decoded, read from its moofs (ISO 14496-12, 8.8.12 and 8.8.8).
package struct FragmentTimes: Equatable, Sendable {
    /// Decode time of the first sample, in the track's timescale.
    package var start: UInt64
    /// The first sample's decode time of what follows, by the samples' durations.
    package var end: UInt64
    package var samples: Int

    /// Nil when the bytes are no fragments of one track with a duration for each sample: nothing can be said of those.
    package init?(_ bytes: ByteBuffer) {
        var rest = bytes
        var found: FragmentTimes?
        while let (kind, body) = rest.readBox() {
            guard kind == "moof" else { continue }
            guard let one = Self.read(body) else { return nil }
            if let before = found {
                found = FragmentTimes(start: before.start, end: one.end, samples: before.samples + one.samples)
            } else {
                found = one
            }
        }
        guard let found else { return nil }
        self = found
    }

    private init(start: UInt64, end: UInt64, samples: Int) {
        self.start = start
        self.end = end
        self.samples = samples
    }

    private static func read(_ moof: ByteBuffer) -> FragmentTimes? {
        guard let traf = find("traf", in: moof), var tfdt = find("tfdt", in: traf), var trun = find("trun", in: traf),
            let version = tfdt.readInteger(as: UInt32.self), let flags = trun.readInteger(as: UInt32.self),
            let count = trun.readInteger(as: UInt32.self), flags & 0x100 != 0
        else { return nil }
        let read =
            version >> 24 == 1 ? tfdt.readInteger(as: UInt64.self) : tfdt.readInteger(as: UInt32.self).map(UInt64.init)
        guard let start = read else { return nil }
        for bit: UInt32 in [1, 4] where flags & bit != 0 { _ = trun.readInteger(as: UInt32.self) }
        let others = [0x200, 0x400, 0x800].reduce(0) { flags & UInt32($1) != 0 ? $0 + 4 : $0 }
        var end = start
        for _ in 0..<count {
            guard let duration = trun.readInteger(as: UInt32.self), trun.readableBytes >= others else { return nil }
            trun.moveReaderIndex(forwardBy: others)
            end &+= UInt64(duration)
        }
        return FragmentTimes(start: start, end: end, samples: Int(count))
    }

    private static func find(_ name: String, in bytes: ByteBuffer) -> ByteBuffer? {
        var rest = bytes
        while let (kind, body) = rest.readBox() { if kind == name { return body } }
        return nil
    }
}

extension ByteBuffer {
    fileprivate mutating func readBox() -> (kind: String, body: ByteBuffer)? {
        guard let size = readInteger(as: UInt32.self), let kind = readString(length: 4), size >= 8,
            let body = readSlice(length: Int(size) - 8)
        else { return nil }
        return (kind, body)
    }
}
