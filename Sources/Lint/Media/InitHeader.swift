import struct NIOCore.ByteBuffer

/// What an init section says of its tracks (ISO 14496-12, 8.2).
package struct InitHeader: Sendable, Equatable {
    package struct Track: Sendable, Equatable {
        package let id: UInt32
        /// Ticks a second.
        package let timescale: UInt32
        /// `vide`, `soun` or another.
        package let handler: String
        /// Format of the first sample entry: `avc1`, `hvc1`, `mp4a`…; that behind a protection scheme where there is one.
        package let format: String
        /// Of samples whose fragment does not say (8.8.3).
        var defaultDuration: UInt32 = 0
        var defaultSize: UInt32 = 0
        var defaultFlags: UInt32 = 0

        package var isVideo: Bool { handler == "vide" }
    }

    package let tracks: [Track]

    /// The track by which media is timed: the picture's where there is one.
    package var main: Track? { tracks.first(where: \.isVideo) ?? tracks.first }

    package init(reading bytes: ByteBuffer) throws(UnreadableMedia) {
        guard let moov = bytes.box("moov") else { throw UnreadableMedia(description: "the init section has no moov") }
        var found: [Track] = []
        for box in Boxes(moov) where box.type == "trak" && found.count < 64 {
            guard let track = Self.track(box.body) else {
                throw UnreadableMedia(description: "a trak of the init section lacks its mdhd, hdlr or stsd")
            }
            found.append(track)
        }
        guard !found.isEmpty else { throw UnreadableMedia(description: "the init section has no track") }
        guard let mvex = moov.box("mvex") else {
            throw UnreadableMedia(description: "the init section has no mvex, so no fragments can follow")
        }
        for box in Boxes(mvex) where box.type == "trex" {
            var trex = box.body
            guard trex.readVersionAndFlags() != nil, let id = trex.readInteger(as: UInt32.self),
                trex.skip(4), let duration = trex.readInteger(as: UInt32.self),
                let size = trex.readInteger(as: UInt32.self), let flags = trex.readInteger(as: UInt32.self)
            else { throw UnreadableMedia(description: "a trex of the init section ends too early") }
            for index in found.indices where found[index].id == id {
                found[index].defaultDuration = duration
                found[index].defaultSize = size
                found[index].defaultFlags = flags
            }
        }
        tracks = found
    }

    private static func track(_ trak: ByteBuffer) -> Track? {
        guard var tkhd = trak.box("tkhd"), let (version, _) = tkhd.readVersionAndFlags(),
            tkhd.skip(version == 1 ? 16 : 8), let id = tkhd.readInteger(as: UInt32.self),
            let mdia = trak.box("mdia"), var mdhd = mdia.box("mdhd"), let (timeVersion, _) = mdhd.readVersionAndFlags(),
            mdhd.skip(timeVersion == 1 ? 16 : 8), let timescale = mdhd.readInteger(as: UInt32.self), timescale > 0,
            var hdlr = mdia.box("hdlr"), hdlr.skip(8), let handler = hdlr.readString(length: 4),
            var stsd = mdia.box(at: "minf", "stbl", "stsd"), stsd.skip(8), let format = format(ofEntries: stsd)
        else { return nil }
        return Track(id: id, timescale: timescale, handler: handler, format: format)
    }

    private static func format(ofEntries entries: ByteBuffer) -> String? {
        var boxes = Boxes(entries)
        guard let entry = boxes.next() else { return nil }
        guard entry.type == "encv" || entry.type == "enca" else { return entry.type }
        // Fields of the sample entry come before its boxes (12.1.3, 12.2.3).
        var body = entry.body
        guard body.skip(entry.type == "encv" ? 78 : 28), var frma = body.box(at: "sinf", "frma") else {
            return entry.type
        }
        return frma.readString(length: 4)
    }
}
