import Lint
import NIOCore

/// When the frames of one part are decoded, in the track's timescale.
struct PartTimes {
    let first: Int64
    let last: Int64

    /// Nil when the bytes are no part of one track.
    init?(_ bytes: ByteBuffer) {
        guard let fragments = try? Fragments(reading: bytes), fragments.samples.count == 1,
            let samples = fragments.samples.first?.value, let first = samples.first, let last = samples.last
        else { return nil }
        self.first = first.decodeTime
        self.last = last.decodeTime
    }
}
