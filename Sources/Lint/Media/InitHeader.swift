import struct NIOCore.ByteBuffer

/// What an init section says of its tracks (ISO 14496-12, 8.2).
package struct InitHeader: Sendable, Equatable {
    package struct Track: Sendable, Equatable {
        package let id: UInt32
        /// Ticks a second.
        package let timescale: UInt32
        /// `vide`, `soun` or another.
        package let handler: String
        /// Of its first sample entry.
        package let description: SampleDescription
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
        guard let tkhd = trak.box("tkhd"), var fields = Optional(tkhd),
            let (version, _) = fields.readVersionAndFlags(),
            fields.skip(version == 1 ? 16 : 8), let id = fields.readInteger(as: UInt32.self),
            let mdia = trak.box("mdia"), var mdhd = mdia.box("mdhd"), let (timeVersion, _) = mdhd.readVersionAndFlags(),
            mdhd.skip(timeVersion == 1 ? 16 : 8), let timescale = mdhd.readInteger(as: UInt32.self), timescale > 0,
            var hdlr = mdia.box("hdlr"), hdlr.skip(8), let handler = hdlr.readString(length: 4),
            var stsd = mdia.box(at: "minf", "stbl", "stsd"), stsd.skip(8),
            var description = SampleDescription(entries: stsd, isVideo: handler == "vide")
        else { return nil }
        // The size of what is shown, in 16.16 (8.3.2).
        if handler == "vide", let width = tkhd.getInteger(at: tkhd.writerIndex - 8, as: UInt32.self),
            let height = tkhd.getInteger(at: tkhd.writerIndex - 4, as: UInt32.self)
        {
            description.add(width: Int(width >> 16), height: Int(height >> 16))
        }
        return Track(id: id, timescale: timescale, handler: handler, description: description)
    }
}
