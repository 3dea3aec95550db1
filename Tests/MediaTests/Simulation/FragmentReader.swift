import NIOCore

@testable import Media

/// Reads a CMAF chunk back: what a player sees of it.
struct FragmentReader {
    struct Sample {
        let decodeTime: Int64
        let duration: Int64
        let compositionOffset: Int64
        let isSync: Bool
        let bytes: ByteBuffer
    }

    private(set) var decodeTime: Int64 = 0
    private(set) var samples: [Sample] = []

    init?(_ fragment: ByteBuffer) {
        var bytes = fragment
        let start = fragment.readerIndex
        guard let moof = Self.box("moof", &bytes) else { return nil }
        var inner = moof
        guard Self.box("mfhd", &inner) != nil, var traf = Self.box("traf", &inner), Self.box("tfhd", &traf) != nil,
            var tfdt = Self.box("tfdt", &traf), var trun = Self.box("trun", &traf)
        else { return nil }
        tfdt.moveReaderIndex(forwardBy: 4)
        guard let time = tfdt.readInteger(as: Int64.self), let head = trun.readInteger(as: UInt32.self),
            let count = trun.readInteger(as: UInt32.self), let offset = trun.readInteger(as: UInt32.self)
        else { return nil }
        decodeTime = time
        var next = time
        var place = start + Int(offset)
        for _ in 0..<count {
            guard let duration = trun.readInteger(as: UInt32.self), let size = trun.readInteger(as: UInt32.self),
                let flags = trun.readInteger(as: UInt32.self)
            else { return nil }
            var composition: Int64 = 0
            if head & 0x800 != 0 {
                guard let read = trun.readInteger(as: UInt32.self) else { return nil }
                composition = head >> 24 == 0 ? Int64(read) : Int64(Int32(bitPattern: read))
            }
            guard let frame = fragment.getSlice(at: place, length: Int(size)) else { return nil }
            samples.append(
                Sample(
                    decodeTime: next, duration: Int64(duration), compositionOffset: composition,
                    isSync: flags & 0x1_0000 == 0, bytes: frame))
            next += Int64(duration)
            place += Int(size)
        }
        guard place == fragment.writerIndex else { return nil }
    }

    private static func box(_ type: String, _ bytes: inout ByteBuffer) -> ByteBuffer? {
        guard let size = bytes.readInteger(as: UInt32.self), bytes.readString(length: 4) == type else { return nil }
        return bytes.readSlice(length: Int(size) - 8)
    }
}
