import struct NIOCore.ByteBuffer

/// A sample as its fragment tells of it; times in the track's timescale.
package struct MediaSample: Sendable, Equatable {
    package let decodeTime: Int64
    package let duration: Int64
    package let compositionOffset: Int64
    package let size: Int
    /// Decoding can start here.
    package let isSync: Bool
    /// It is decoded without any other, though frames that follow it may need some before it (8.6.4).
    package let isIndependent: Bool

    package var shownAt: Int64 { decodeTime + compositionOffset }
}

/// The samples of one or more movie fragments (ISO 14496-12, 8.8): of a part, or of a segment.
package struct Fragments: Sendable {
    /// Samples by track, in their order.
    package private(set) var samples: [UInt32: [MediaSample]] = [:]
    /// The bytes of every mdat, one after another.
    package private(set) var payload: [ByteBuffer] = []
    /// Times at which a fragment did not go on where the one before it in these bytes ended.
    package private(set) var breaks: [String] = []

    /// More samples than any part or segment holds.
    private static let sampleLimit = 1_000_000

    /// Without an init section nothing is known of samples whose fragments do not say.
    package init(reading bytes: ByteBuffer, header: InitHeader? = nil) throws(UnreadableMedia) {
        var boxes = Boxes(bytes)
        while let box = boxes.next() {
            switch box.type {
            case "moof": try read(moof: box.body, header: header)
            case "mdat": payload.append(box.body)
            default: break
            }
        }
        guard boxes.isSound else { throw UnreadableMedia(description: "a box is cut off or malformed") }
        guard !samples.isEmpty else { throw UnreadableMedia(description: "there is no moof with samples") }
        guard !payload.isEmpty else { throw UnreadableMedia(description: "there is no mdat") }
    }

    private mutating func read(moof: ByteBuffer, header: InitHeader?) throws(UnreadableMedia) {
        for box in Boxes(moof) where box.type == "traf" { try read(traf: box.body, header: header) }
    }

    private struct Defaults {
        var duration: UInt32
        var size: UInt32
        var flags: UInt32
    }

    private mutating func read(traf: ByteBuffer, header: InitHeader?) throws(UnreadableMedia) {
        guard var tfhd = traf.box("tfhd"), let (_, flags) = tfhd.readVersionAndFlags(),
            let id = tfhd.readInteger(as: UInt32.self)
        else { throw UnreadableMedia(description: "a traf has no tfhd") }
        let track = header?.tracks.first { $0.id == id }
        if header != nil, track == nil {
            throw UnreadableMedia(description: "a traf is of track \(id), which the init section does not have")
        }
        var defaults = Defaults(
            duration: track?.defaultDuration ?? 0, size: track?.defaultSize ?? 0, flags: track?.defaultFlags ?? 0)
        let isRead =
            (flags & 0x01 == 0 || tfhd.skip(8)) && (flags & 0x02 == 0 || tfhd.skip(4))
            && (flags & 0x08 == 0 || Self.read(&tfhd, into: &defaults.duration))
            && (flags & 0x10 == 0 || Self.read(&tfhd, into: &defaults.size))
            && (flags & 0x20 == 0 || Self.read(&tfhd, into: &defaults.flags))
        guard isRead else { throw UnreadableMedia(description: "a tfhd ends too early") }
        guard var tfdt = traf.box("tfdt"), let (version, _) = tfdt.readVersionAndFlags(),
            let start = version == 1
                ? tfdt.readInteger(as: UInt64.self) : tfdt.readInteger(as: UInt32.self).map(UInt64.init),
            start < 1 << 60
        else { throw UnreadableMedia(description: "a traf has no tfdt, or one beyond all times") }
        var time = Int64(start)
        if let last = samples[id]?.last, last.decodeTime + last.duration != time {
            breaks.append("track \(id) ends at \(last.decodeTime + last.duration) and goes on at \(time)")
        }
        for box in Boxes(traf) where box.type == "trun" {
            try read(trun: box.body, track: id, defaults: defaults, time: &time)
        }
    }

    private static func read(_ bytes: inout ByteBuffer, into value: inout UInt32) -> Bool {
        guard let found = bytes.readInteger(as: UInt32.self) else { return false }
        value = found
        return true
    }

    private mutating func read(
        trun: ByteBuffer, track: UInt32, defaults: Defaults, time: inout Int64
    ) throws(UnreadableMedia) {
        var trun = trun
        let cutOff = UnreadableMedia(description: "a trun ends too early")
        guard let (version, flags) = trun.readVersionAndFlags(), let count = trun.readInteger(as: UInt32.self),
            flags & 0x1 == 0 || trun.skip(4)
        else { throw cutOff }
        var firstFlags: UInt32?
        if flags & 0x4 != 0 {
            var value: UInt32 = 0
            guard Self.read(&trun, into: &value) else { throw cutOff }
            firstFlags = value
        }
        guard Int(count) + (samples[track]?.count ?? 0) <= Self.sampleLimit else {
            throw UnreadableMedia(description: "a trun tells of \(count) samples")
        }
        for index in 0..<count {
            var sample = defaults
            var offset: UInt32 = 0
            let isRead =
                (flags & 0x100 == 0 || Self.read(&trun, into: &sample.duration))
                && (flags & 0x200 == 0 || Self.read(&trun, into: &sample.size))
                && (flags & 0x400 == 0 || Self.read(&trun, into: &sample.flags))
                && (flags & 0x800 == 0 || Self.read(&trun, into: &offset))
            guard isRead else { throw cutOff }
            if index == 0, let firstFlags { sample.flags = firstFlags }
            samples[track, default: []].append(
                MediaSample(
                    decodeTime: time, duration: Int64(sample.duration),
                    // Signed since version 1 (8.8.8).
                    compositionOffset: version == 0 ? Int64(offset) : Int64(Int32(bitPattern: offset)),
                    size: Int(sample.size),
                    // sample_is_non_sync_sample (8.8.3.1), and sample_depends_on of 2.
                    isSync: sample.flags & 0x1_0000 == 0,
                    isIndependent: sample.flags & 0x1_0000 == 0 || sample.flags >> 24 & 3 == 2))
            time += Int64(sample.duration)
        }
    }
}

extension [MediaSample] {
    /// Ticks from the first sample's decode time to the last one's end.
    package var ticks: Int64 {
        guard let first, let last else { return 0 }
        return last.decodeTime + last.duration - first.decodeTime
    }

    /// When the first picture or sound is shown.
    package var firstPresentation: Int64? { self.map(\.shownAt).min() }
}
