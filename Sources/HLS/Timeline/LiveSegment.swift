/// A part as its playlist tells of it.
package struct LivePart: Sendable, Equatable {
    /// Rounded to 10 µs, as it is listed.
    package let duration: Duration
    /// INDEPENDENT=YES: it holds a frame from which decoding can start (4.4.4.9).
    package let isIndependent: Bool
    /// GAP=YES: its media never came, and nobody can fetch it (6.2.1).
    package let isGap: Bool
    package let byteCount: Int
    /// The segment is expected to end with it: the hint is then of the next segment's first part.
    package var isLikelyLast = false
}

/// A segment, open while parts are added to it.
package struct LiveSegment: Sendable, Equatable {
    /// Media sequence number.
    package let sequence: Int64
    /// PROGRAM-DATE-TIME of its first sample, microseconds since 1970.
    package let programDateTime: Int64
    package let isDiscontinuity: Bool
    package let startsIndependent: Bool
    /// Which init section it needs.
    package let initNumber: Int
    package internal(set) var parts: [LivePart] = []
    /// Rounded to 10 µs, as it is listed; nil while the segment is open.
    package internal(set) var duration: Duration?
    /// What its parts last together.
    private(set) var partsDuration: Duration = .zero
    /// The same before it is rounded, in seconds.
    private var partsSeconds = 0.0
    /// Its lines in the playlist, each made once.
    var text = SegmentText()

    init(
        sequence: Int64, programDateTime: Int64, isDiscontinuity: Bool, startsIndependent: Bool, initNumber: Int
    ) {
        self.sequence = sequence
        self.programDateTime = programDateTime
        self.isDiscontinuity = isDiscontinuity
        self.startsIndependent = startsIndependent
        self.initNumber = initNumber
    }

    /// No more parts will be added.
    package var isComplete: Bool { duration != nil }

    /// EXT-X-GAP: complete, and nothing of it can be fetched (4.4.4.7).
    package var isGap: Bool { isComplete && parts.allSatisfy(\.isGap) }

    /// A playlist shows it: it has a part or is complete.
    package var isListed: Bool { isComplete || !parts.isEmpty }

    /// Duration of its media so far.
    package var mediaDuration: Duration { duration ?? partsDuration }

    /// What the next part is listed with: its end is rounded, not its duration, so that parts last together what their
    /// segment does.
    mutating func round(nextPart seconds: Double) -> Duration {
        partsSeconds += seconds > 0 ? min(seconds, 86_400) : 0
        return Duration(mediaSeconds: partsSeconds) - partsDuration
    }

    mutating func append(_ part: LivePart) {
        parts.append(part)
        partsDuration += part.duration
    }
}

/// Where a rendition stands: the last part that a playlist lists (4.4.5.4).
package struct MediaPosition: Hashable, Sendable, Comparable {
    /// Media sequence number.
    package let sequence: Int64
    /// Index of the part in that segment, from 0.
    package let part: Int

    package init(sequence: Int64, part: Int) {
        self.sequence = sequence
        self.part = part
    }

    package static func < (a: MediaPosition, b: MediaPosition) -> Bool {
        (a.sequence, a.part) < (b.sequence, b.part)
    }
}
