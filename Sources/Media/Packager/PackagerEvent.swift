import struct NIOCore.ByteBuffer

/// What a packager makes of a publish, in order.
package enum PackagerEvent: Sendable {
    /// A track's init section; segments that start after it need it.
    case track(InitSection)
    case segment(SegmentStart)
    /// The track's next segment will begin with a discontinuity. A packager tells it with the segment: who joins
    /// publishes does before.
    case discontinuity(MediaKind)
    case part(Part)
    /// The segment is complete; duration in seconds. One without parts is a gap.
    case segmentEnd(MediaKind, sequence: Int64, duration: Double)
    /// How timestamps lie on the line from here on: before the first segment, and at each jump.
    case line(LineState)
    /// A part whose media never came, in seconds. A packager makes none: who keeps the playlist alive does.
    case gap(MediaKind, sequence: Int64, duration: Double, isLikelyLast: Bool)
    case warning(PackagerWarning)
    /// The publish cannot go on; the sentence is for the publisher.
    case refused(String)

    /// How long a gap lasts that it lists, in seconds.
    package var gapSeconds: Double? {
        switch self {
        case .gap(_, _, let duration, _): duration
        case .part(let part): part.isGap ? part.duration : nil
        default: nil
        }
    }

    /// The track that it speaks of.
    package var kind: MediaKind? {
        switch self {
        case .track(let section): section.kind
        case .segment(let start): start.kind
        case .part(let part): part.kind
        case .segmentEnd(let kind, _, _), .gap(let kind, _, _, _), .discontinuity(let kind): kind
        case .warning, .refused, .line: nil
        }
    }
}

/// An init section (CMAF header).
package struct InitSection: Sendable {
    package let kind: MediaKind
    /// 0 for the first of a line, one more with each change. A publisher that returns with the same configuration
    /// announces the same number and bytes again.
    package internal(set) var number: Int
    package let bytes: ByteBuffer
    package let format: TrackFormat
    /// Discontinuities on the line before the segment that follows: where a rendition that begins late has to count from.
    package let discontinuitiesBefore: Int64

    package init(
        kind: MediaKind, number: Int, bytes: ByteBuffer, format: TrackFormat, discontinuitiesBefore: Int64 = 0
    ) {
        self.kind = kind
        self.number = number
        self.bytes = bytes
        self.format = format
        self.discontinuitiesBefore = discontinuitiesBefore
    }

    /// The same section under another number.
    package func numbered(_ number: Int) -> InitSection {
        var section = self
        section.number = number
        return section
    }
}

/// The beginning of a segment.
package struct SegmentStart: Sendable, Equatable {
    package let kind: MediaKind
    /// Media sequence number, the same in all renditions.
    package let sequence: Int64
    package let isDiscontinuity: Bool
    /// Wall-clock time of its beginning, microseconds since 1970: from the same line in all renditions.
    package let programDateTimeMicroseconds: Int64
    /// It begins with a frame from which decoding can start.
    package let startsIndependent: Bool
    /// No frame of it needs another segment, as those do that are shown before the first frame of an open group of
    /// pictures.
    package let decodesAlone: Bool

    package init(
        kind: MediaKind, sequence: Int64, isDiscontinuity: Bool, programDateTimeMicroseconds: Int64,
        startsIndependent: Bool, decodesAlone: Bool = true
    ) {
        self.kind = kind
        self.sequence = sequence
        self.isDiscontinuity = isDiscontinuity
        self.programDateTimeMicroseconds = programDateTimeMicroseconds
        self.startsIndependent = startsIndependent
        self.decodesAlone = startsIndependent && decodesAlone
    }
}

/// One part: a CMAF chunk, or a gap where the track's media never came.
package struct Part: Sendable {
    package let kind: MediaKind
    package internal(set) var sequence: Int64
    package internal(set) var index: Int
    /// Empty in a gap.
    package let bytes: ByteBuffer
    /// Seconds, exact to the track's timescale.
    package let duration: Double
    /// It holds a frame from which decoding can start.
    package let isIndependent: Bool
    /// The next frame is expected to begin a new segment.
    package let isLikelyLast: Bool
    package let sampleCount: Int
    /// Decode time of the first sample in the track's timescale.
    package let decodeTime: Int64
    /// Units of a second.
    package let timescale: Double

    /// The same part in another place.
    package func numbered(sequence: Int64, index: Int) -> Part {
        var part = self
        part.sequence = sequence
        part.index = index
        return part
    }

    /// Nothing of it can be fetched: list it with GAP=YES (RFC 8216bis, 4.4.4.9).
    package var isGap: Bool { sampleCount == 0 }
}

/// Something that the operator should know of a publisher's media.
package enum PackagerWarning: Sendable, Equatable, Hashable, CustomStringConvertible {
    case longGOP(seconds: Double, LongGOP)
    case timestampJump(kind: MediaKind)
    case badConfiguration(String)
    /// Frames before their track's configuration record, or without one.
    case noConfiguration(kind: MediaKind, codec: String)
    case trackMissing(kind: MediaKind)
    case layoutChanged(kind: MediaKind)

    /// A NAL unit is longer than its frame.
    case brokenFrame

    /// Why there was no frame to begin a segment with.
    package enum LongGOP: Sendable, Equatable, Hashable {
        /// None has come for so long.
        case noKeyFrame
        /// They come so far apart.
        case interval
        /// The encoder refreshes the picture over so many frames, and no frame is whole.
        case gradual(frames: Int)
    }

    package var description: String {
        switch self {
        case .longGOP(let seconds, let found): Self.describe(found, Int(seconds.rounded()))
        case .brokenFrame:
            "A NAL unit is longer than its frame, or than its length can say: what follows it is dropped."
        case .timestampJump(let kind):
            "The \(kind) timestamps jumped; the time line was bridged, and a discontinuity follows."
        case .badConfiguration(let reason): reason
        case .noConfiguration(.video, let codec):
            "\(codec) frames came without a configuration record before them; they are dropped until one comes."
        case .noConfiguration(.audio, let codec):
            "\(codec) frames came without a configuration before them; they are dropped until one comes."
        case .trackMissing(.audio): "Sound stays behind the picture by 1.5 s more than usual: silence stands for it."
        case .trackMissing(.video): "The picture stays behind the sound by 1.5 s more than usual: gaps stand for it."
        case .layoutChanged(let kind): "The \(kind) configuration changed; a discontinuity follows."
        }
    }

    private static func describe(_ found: LongGOP, _ seconds: Int) -> String {
        switch found {
        case .noKeyFrame:
            "No keyframe for \(seconds) s, longer than a segment may be: cut without one. "
                + "Set the encoder's keyframe interval to 2 s."
        case .interval:
            "Keyframes come \(seconds) s apart, longer than a segment may be: cut without one. "
                + "Set the encoder's keyframe interval to 2 s."
        case .gradual(0):
            "The encoder sends recovery points at pictures that decoding cannot start at, and no keyframe for \(seconds) s: "
                + "segments begin without one. Set the encoder's keyframe interval to 2 s."
        case .gradual(let frames):
            "The encoder refreshes the picture gradually (recovery points over \(frames) frames) and has sent no keyframe for "
                + "\(seconds) s: segments begin without one, and who joins sees a picture at a keyframe only. "
                + "Turn intra refresh off, with a keyframe every 2 s."
        }
    }

    /// The cause as a word, for metrics.
    package var cause: String {
        switch self {
        case .longGOP: "long_gop"
        case .timestampJump: "timestamp_jump"
        case .badConfiguration: "bad_configuration"
        case .noConfiguration: "no_configuration"
        case .trackMissing: "track_missing"
        case .layoutChanged: "layout_changed"
        case .brokenFrame: "broken_frame"
        }
    }
}
