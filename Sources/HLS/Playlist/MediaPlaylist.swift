/// A media playlist as a client reads it: ours or anyone's.
package struct MediaPlaylist: Sendable, Equatable {
    /// EXT-X-VERSION; 1 without the tag (4.4.1.2).
    package internal(set) var version = 1
    /// EXT-X-TARGETDURATION in seconds (4.4.3.1).
    package internal(set) var targetDuration = 0
    /// PART-TARGET (4.4.3.7).
    package internal(set) var partTarget: Duration?
    package internal(set) var serverControl: ServerControl?
    /// EXT-X-MEDIA-SEQUENCE (4.4.3.2).
    package internal(set) var mediaSequence: Int64 = 0
    /// EXT-X-DISCONTINUITY-SEQUENCE; nil without the tag, which means 0 (4.4.3.3).
    package internal(set) var discontinuitySequence: Int64?
    package internal(set) var hasIndependentSegments = false
    /// EXT-X-PLAYLIST-TYPE: EVENT or VOD (4.4.3.5).
    package internal(set) var playlistType: String?
    /// EXT-X-SKIP: this is a delta update (4.4.5.2).
    package internal(set) var skip: Skip?
    /// After those that were skipped. The last may be open: parts without a URI of their own.
    package internal(set) var segments: [Segment] = []
    package internal(set) var hints: [PreloadHint] = []
    package var reports: [Report] = []
    package internal(set) var hasEnded = false
    /// A discontinuity stands behind the last segment: the next one begins with it.
    var announcesDiscontinuity = false
    /// The version that is needed for tags which the model does not keep, and for numbers with a fraction (section 8).
    var leastVersion = 1

    /// EXT-X-SERVER-CONTROL (4.4.3.8).
    package struct ServerControl: Sendable, Equatable {
        package var canBlockReload: Bool
        package var canSkipUntil: Duration?
        package var canSkipDateRanges: Bool
        package var holdBack: Duration?
        package var partHoldBack: Duration?
    }

    /// EXT-X-SKIP (4.4.5.2).
    package struct Skip: Sendable, Equatable {
        package var segments: Int
        /// RECENTLY-REMOVED-DATERANGES; nil without the attribute.
        package var removedDateRanges: [String]?
    }

    /// EXT-X-MAP (4.4.4.5), or a byte range of any resource.
    package struct Resource: Sendable, Equatable {
        package var uri: String
        package var byteRange: ByteRange?
    }

    /// Length and, where it is given, start in bytes (4.4.4.2).
    package struct ByteRange: Sendable, Equatable {
        package var length: Int64
        package var start: Int64?
    }

    /// A media segment (4.4.4).
    package struct Segment: Sendable, Equatable {
        /// Media sequence number.
        package var sequence: Int64
        /// Number of discontinuities before it (6.2.1).
        package var discontinuitySequence: Int64
        /// nil while it is open.
        package var uri: String?
        package var byteRange: ByteRange?
        /// EXTINF; nil while it is open.
        package var duration: Duration?
        package var isDiscontinuity = false
        package var isGap = false
        /// Microseconds since 1970.
        package var programDateTime: Int64?
        /// The map that applies to it, from whichever line before.
        package var map: Resource?
        package var parts: [Part] = []

        /// EXTINF, or what its parts last together.
        package var mediaDuration: Duration { duration ?? parts.reduce(.zero) { $0 + $1.duration } }
    }

    /// EXT-X-PART (4.4.4.9).
    package struct Part: Sendable, Equatable {
        package var uri: String
        package var duration: Duration
        package var isIndependent: Bool
        package var isGap: Bool
        package var byteRange: ByteRange?
    }

    /// EXT-X-PRELOAD-HINT (4.4.5.3).
    package struct PreloadHint: Sendable, Equatable {
        /// PART or MAP.
        package var type: String
        package var uri: String
        package var byteRangeStart: Int64?
        package var byteRangeLength: Int64?
    }

    /// EXT-X-RENDITION-REPORT (4.4.5.4).
    package struct Report: Sendable, Equatable {
        package var uri: String
        package var lastSequence: Int64?
        package var lastPart: Int64?
    }

    /// What it lists lasts, parts of an open segment included and skipped segments not.
    package var duration: Duration { segments.reduce(.zero) { $0 + $1.mediaDuration } }

    /// Whether any segment lists parts.
    package var hasParts: Bool { segments.contains { !$0.parts.isEmpty } }

    /// The last listed part, as a client asks for the next one by it; a segment without parts counts as one.
    package var position: MediaPosition? {
        segments.last.map { MediaPosition(sequence: $0.sequence, part: max(0, $0.parts.count - 1)) }
    }
}
