import NIOCore

/// When the frames of one CMAF part are decoded, read from its moof (ISO 14496-12, 8.8.12 and 8.8.8).
struct PartTimes {
    /// In the track's timescale.
    let first: UInt64
    let last: UInt64

    /// Nil when the bytes are no part of the form that this project writes: a duration for each sample.
    init?(_ bytes: ByteBuffer) {
        guard let moof = Self.find("moof", in: bytes), let traf = Self.find("traf", in: moof),
            var tfdt = Self.find("tfdt", in: traf), var trun = Self.find("trun", in: traf),
            tfdt.readInteger(as: UInt32.self) != nil, let first = tfdt.readInteger(as: UInt64.self),
            let flags = trun.readInteger(as: UInt32.self), let count = trun.readInteger(as: UInt32.self),
            flags & 0x700 == 0x700
        else { return nil }
        if flags & 1 != 0 { trun.moveReaderIndex(forwardBy: min(4, trun.readableBytes)) }
        var last = first
        for index in 0..<count {
            guard let duration = trun.readInteger(as: UInt32.self) else { return nil }
            if index + 1 < count { last += UInt64(duration) }
            let rest = flags & 0x800 == 0 ? 8 : 12
            guard trun.readableBytes >= rest else { return nil }
            trun.moveReaderIndex(forwardBy: rest)
        }
        self.first = first
        self.last = last
    }

    private static func find(_ name: String, in bytes: ByteBuffer) -> ByteBuffer? {
        var rest = bytes
        while let size = rest.readInteger(as: UInt32.self), let kind = rest.readString(length: 4), size >= 8,
            let body = rest.readSlice(length: Int(size) - 8)
        {
            if kind == name { return body }
        }
        return nil
    }
}
