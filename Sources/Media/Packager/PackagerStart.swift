/// What a packager begins with. Two packagers that begin with equal values and are fed the same packets make the same
/// bytes under the same numbers, whenever and wherever the packets arrive.
package struct PackagerStart: Sendable, Equatable, Codable {
    /// What ties the publish's time line to time since 1970. All in microseconds.
    package enum ProgramDate: Sendable, Equatable, Codable {
        /// The first frame's arrival by this machine's clock: for an origin without a twin.
        case arrival
        /// The first frame is dated so.
        case firstFrame(at: Int64)
        /// A timestamp of 0 is dated so: for a twin that joins a publish under way.
        case zeroStamp(at: Int64)
    }

    /// Number of the first segment.
    package var firstSequence: Int64
    package var programDate: ProgramDate
    /// The line of an earlier publish, which this one goes on with.
    package var continuation: PackagerContinuation?

    package init(
        firstSequence: Int64, programDate: ProgramDate = .arrival, continuation: PackagerContinuation? = nil
    ) {
        self.firstSequence = firstSequence
        self.programDate = programDate
        self.continuation = continuation
    }
}

/// Where a packager's line stands, so that the packager of a publisher that returns can go on with it: plain data, to be
/// kept in memory or written to disk.
///
/// The next packager decides from it whether a discontinuity is due (the configurations differ, or the timestamps do not
/// go on within 5 s forward and 500 ms back), lets decode times rise on, and keeps an init section's number where its
/// bytes are the same.
package struct PackagerContinuation: Sendable, Equatable, Codable {
    package struct Track: Sendable, Equatable, Codable {
        /// "h264", "hevc", "av1", "aac" or "opus".
        package var codec: String
        /// The codec configuration record, byte by byte.
        package var configuration: [UInt8]
        /// Number of its init section.
        package var initNumber: Int
        /// Units a second of `decodeTime`.
        package var timescale: Int
        /// Where its media ended: no later sample is decoded before.
        package var decodeTime: Int64
        /// By how much presentation runs after decoding, in microseconds.
        package var lead: Int64
        /// The last timestamp, and its place on the line in microseconds; nil where no frame came.
        package var stamp: Stamp?
        package var line: Int64
    }

    /// Above every number used.
    package var nextSequence: Int64
    /// Added to a moment on the line: microseconds since 1970.
    package var programDateOffset: Int64
    /// Discontinuities so far, over all publishes of this line.
    package var discontinuities: Int64
    package var video: Track?
    package var audio: Track?
}
