/// A part as its playlist tells of it.
package struct LivePart: Sendable, Equatable {
    /// Seconds.
    package let duration: Double
    /// INDEPENDENT=YES: it holds a frame from which decoding can start (4.4.4.9).
    package let isIndependent: Bool
    package let byteCount: Int
}

/// A segment, open while parts are added to it.
package struct LiveSegment: Sendable, Equatable {
    package let sequence: Int64
    /// PROGRAM-DATE-TIME of its first sample, microseconds since 1970.
    package let programDateTime: Int64
    package let isDiscontinuity: Bool
    package let startsIndependent: Bool
    /// Which init section it needs.
    package let initNumber: Int
    package internal(set) var parts: [LivePart] = []
    /// Seconds; nil while the segment is open.
    package internal(set) var duration: Double?

    var isComplete: Bool { duration != nil }

    /// Seconds of media so far.
    package var mediaDuration: Double { duration ?? parts.reduce(0) { $0 + $1.duration } }
}

/// Where a rendition stands: the last part that a playlist lists (4.4.5.4).
package struct MediaPosition: Hashable, Sendable, Comparable {
    package let sequence: Int64
    /// Index of the last part of that segment.
    package let part: Int

    package init(sequence: Int64, part: Int) {
        self.sequence = sequence
        self.part = part
    }

    package static func < (a: MediaPosition, b: MediaPosition) -> Bool {
        (a.sequence, a.part) < (b.sequence, b.part)
    }
}
