import struct NIOCore.ByteBuffer

/// Parameter sets of H.264 and HEVC that come with the frames, kept until a frame from which decoding can start shows
/// that they hold.
struct InBandSets: Sendable, Codable {
    private var waiting: ParameterSets?

    /// Takes the sets of an access unit. Those that are known already change nothing.
    mutating func take(_ units: [[UInt8]], codec: VideoCodec) {
        var sets = waiting ?? ParameterSets(codec: codec)
        if sets.isHEVC != (codec == .hevc) { sets = ParameterSets(codec: codec) }
        for unit in units { sets.take(unit) }
        waiting = sets
    }

    /// The configuration that holds from a frame on from which decoding can start; nil where it is the one in force.
    ///
    /// - Parameters:
    ///   - current: in force; nil where no record has come.
    ///   - pictureSet: number of the picture parameter set that the frame uses.
    mutating func configuration(
        after current: VideoConfiguration?, codec: VideoCodec, pictureSet: UInt32?
    ) throws(MediaError) -> VideoConfiguration? {
        let found = waiting
        waiting = nil
        guard let current, current.codec == codec, let known = current.units else {
            return try found.map { sets throws(MediaError) in
                try VideoConfiguration(codec: codec, sets: sets.leading(pictureSet: pictureSet), lengthSize: 4)
            }
        }
        var sets = known.sets
        if let found { sets.merge(found) }
        // The picture may change to another of the known sequences, by its picture parameter set alone.
        let isOther = found.map { _ in !sets.hasSameUnits(as: known.sets) } ?? false
        guard isOther || !sets.leads(pictureSet: pictureSet) else { return nil }
        return try VideoConfiguration(
            codec: codec, sets: sets.leading(pictureSet: pictureSet), lengthSize: known.lengthSize)
    }
}
