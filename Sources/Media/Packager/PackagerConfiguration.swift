/// How a publish is cut into parts and segments. Everything is decided from it before the first frame: part target and
/// target duration never change afterwards.
package struct PackagerConfiguration: Sendable, Equatable, Codable {
    /// What to do when keyframes are further apart than a segment may be long.
    package enum LongGOP: Sendable, Equatable, Codable {
        /// Cut without a keyframe: playback goes on, though viewers cannot start at that segment.
        case cut
        /// End the publish and tell the publisher why.
        case refuse
    }

    /// Wished duration of a part. 100 ms to 2 s.
    package var partDuration: Duration = .microseconds(333_333)
    /// Wished duration of a segment.
    package var segmentDuration: Duration = .seconds(2)
    /// No segment is longer; it gives the playlist's target duration.
    package var maximumSegmentDuration: Duration = .seconds(4)
    /// How long to wait for a track that was declared or may yet come.
    package var trackWait: Duration = .milliseconds(500)
    package var longGOP = LongGOP.cut

    package init() {}

    /// PART-TARGET: the wished duration and a twentieth, to a whole millisecond. That lets every common frame rate and
    /// audio frame fit a whole number of times into 85 to 100 % of it: 200 ms gives 0.21, a third of a second 0.35.
    package var partTarget: Duration {
        let microseconds = Int64((partDuration.microseconds * 1.05).rounded(.up))
        return .milliseconds((microseconds + 999) / 1_000)
    }

    /// TARGETDURATION in seconds: the longest segment, rounded (RFC 8216bis, 4.4.3.1).
    package var targetDurationSeconds: Int {
        max(1, Int((maximumSegmentDuration.microseconds / 1_000_000).rounded(.up)))
    }

    /// How long a rendition of a publisher that is connected may be without a new part before gaps stand for its media.
    ///
    /// A part that comes later than a part target breaks 6.2.1 either way, and a gap takes the media's place for good. So
    /// media is waited for until gaps must make the segment that follows the last one within one and a half target durations
    /// (6.2.1); viewers have three part targets of it buffered in any case. hls.js gives up a reload after ten seconds.
    package var longestSilence: Duration {
        let untilSegmentIsDue = .seconds(targetDurationSeconds) * 1.5 - segmentDuration
        return max(partTarget * 3, min(untilSegmentIsDue, .seconds(8)))
    }

    /// How many frames of `ticks` at `timescale` make a part: as many as fit into the part target.
    package func framesPerPart(frameTicks ticks: Double, timescale: Double) -> Int {
        let target = partTarget.microseconds / 1_000_000
        // A millionth of slack: 7 frames of 1/20 s must fit into 0.35 s in spite of binary fractions.
        return max(1, Int((target * timescale / ticks * 1.000001).rounded(.down)))
    }
}

extension Duration {
    /// In microseconds, for arithmetic on media durations.
    var microseconds: Double {
        Double(components.seconds) * 1e6 + Double(components.attoseconds) * 1e-12
    }
}
