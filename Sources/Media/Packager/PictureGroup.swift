import struct NIOCore.ByteBuffer

/// The frames since the last one from which decoding begins afresh: decoded again, they leave picture and decoder as they
/// are. A part in which no frame came is made of them, for a picture lasts until the next one and no part is without media.
struct PictureGroup: Codable {
    private struct Frame: Codable {
        var bytes: ByteBuffer
        /// When it is shown, in ticks.
        let shown: Int64
    }

    private var frames: [Frame] = []
    private var byteCount = 0

    /// What is decoded again for each part is bounded: more is slower than the frames that it stands for.
    private static let mostFrames = 250
    private static let mostBytes = 512 * 1_024

    /// It can be decoded again.
    var isWhole: Bool { !frames.isEmpty }
    /// A frame is decoded. `isFresh` where nothing before it is needed, now or later; a point of recovery that is not
    /// cannot be decoded again in the middle of a stream.
    mutating func note(_ bytes: ByteBuffer, shown: Int64, isSync: Bool, isFresh: Bool) {
        if isSync { forget() }
        guard isFresh || isWhole else { return }
        frames.append(Frame(bytes: bytes, shown: shown))
        byteCount += bytes.readableBytes
        if frames.count > Self.mostFrames || byteCount > Self.mostBytes { forget() }
    }

    /// What comes next does not follow from it, or it is not needed.
    mutating func forget() {
        frames.removeAll(keepingCapacity: true)
        byteCount = 0
    }

    /// Lets go of the bytes, which the next keyframe does without.
    mutating func dropBytes() {
        for index in frames.indices { frames[index].bytes = ByteBuffer() }
        byteCount = 0
    }

    /// The same frames from `decodeTime` on, a tick apart in either order: the one that is shown last stands.
    ///
    /// - Parameter lead: by how much presentation runs after decoding, in ticks.
    func samples(at decodeTime: Int64, lead: Int64) -> [Sample] {
        let order = frames.indices.sorted { (frames[$0].shown, $0) < (frames[$1].shown, $1) }
        var ranks = Array(repeating: 0, count: frames.count)
        for (rank, index) in order.enumerated() { ranks[index] = rank }
        let earliest = ranks.enumerated().map { $0.offset - $0.element }.max() ?? 0
        let base = max(lead, Int64(earliest))
        return frames.indices.map { index in
            Sample(
                decodeTime: decodeTime + Int64(index), duration: 1,
                compositionOffset: Int32(clamping: base + Int64(ranks[index] - index)), isSync: index == 0,
                bytes: frames[index].bytes)
        }
    }
}
