import Media
import NIOCore

/// One rendition on the presentation's own line of time and numbers. Times are microseconds since 1970.
struct SeamTrack {
    /// The segment that the publisher is sending.
    struct Source {
        let start: SegmentStart
        /// Its number in the playlist; nil when it comes too late to be listed.
        var target: Int64?
        let date: Int64
        /// Decode time of its first part, in the track's timescale.
        var firstDecodeTime: Int64?
    }

    let kind: MediaKind
    /// Newest segment that was begun; nil before the first.
    var last: Int64?
    /// `last` takes further parts.
    var isOpen = false
    /// Where `last` begins.
    var start: Int64 = 0
    /// Where what is listed ends.
    var end: Int64 = 0
    /// Where media that is listed ends.
    var mediaEnd: Int64 = 0
    /// Parts of `last`.
    var parts = 0
    /// One of them at least is no gap.
    var holdsMedia = false
    /// What the parts of `last` last, in seconds.
    var seconds = 0.0
    /// What the publisher says that `last` lasts, in seconds, once it is over.
    var sourceSeconds: Double?
    /// The next segment's first part has been hinted: nothing more may come in `last` (4.4.5.3).
    var endIsHinted = false
    /// When a gap is listed unless a part comes first, on the clock.
    var due: Int64 = .max
    /// When something was listed last, on the clock.
    var listedAt: Int64 = 0
    /// Nothing but gaps has been listed since the last part.
    var isGapping: Bool { gaps > 0 }
    /// How many.
    var gaps = 0
    /// Decode time at which the last part ends, in seconds: tfdt never goes back.
    var decodeEnd = -Double.infinity
    /// The last publish that sent this track.
    var sentBy = -1
    /// Media was thrown away: frames that follow may refer to it.
    var isBroken = false
    /// Media comes that is too late to be listed.
    var late: Lateness?
    /// What has been lost since the last part.
    var stall: StallReport
    var source: Source?

    /// The init section in force, and one that the next segment brings.
    var initSection: InitSection?
    var comingInit: InitSection?
    /// The number of the next one.
    var nextInit = 0
    var fragments: UInt32 = 0

    init(kind: MediaKind) {
        self.kind = kind
        stall = StallReport(kind)
    }

    /// Something of it is listed.
    var isListed: Bool { due != .max }

    /// When the part that the publisher is sending began.
    mutating func date(of part: Part) -> Int64? {
        guard source?.start.sequence == part.sequence else { return nil }
        let first = source?.firstDecodeTime ?? part.decodeTime
        source?.firstDecodeTime = first
        guard let date = source?.date else { return nil }
        return date + Int64((Double(part.decodeTime - first) / part.timescale * 1e6).rounded())
    }

    /// A new publisher: nothing of what the last one sent goes on.
    mutating func publisherChanged() {
        source = nil
        comingInit = nil
        late = nil
        isBroken = true
    }
}
