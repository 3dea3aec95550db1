import struct NIOCore.ByteBuffer

/// Where the packager of a publisher that comes back takes up the line that an earlier one left, so that decode times,
/// dates and numbers go on in the same playlists.
package struct PublishContinuation: Sendable, Codable {
    /// Wall clock minus time on the line, in microseconds: what PROGRAM-DATE-TIME is told by.
    package var dateOffset: Int64
    /// Time on the line minus the earlier publisher's timestamps, in microseconds.
    package var timestampShift: Int64
    /// Where what is listed ends on the line, in microseconds: nothing new may lie before it.
    package var earliest: Int64
    /// Fragments written so far: mfhd numbers rise within a track (ISO 14496-12, 8.8.5).
    package var fragments: [MediaKind: UInt32]
    /// The init sections in force. When the new publisher's are the same bytes, the layout has not changed.
    package var initSections: [MediaKind: ByteBuffer]

    package init(
        dateOffset: Int64, timestampShift: Int64, earliest: Int64, fragments: [MediaKind: UInt32],
        initSections: [MediaKind: ByteBuffer]
    ) {
        self.dateOffset = dateOffset
        self.timestampShift = timestampShift
        self.earliest = earliest
        self.fragments = fragments
        self.initSections = initSections
    }
}

/// How a publish's timestamps lie on its line.
package struct LineState: Sendable, Equatable {
    /// Wall clock minus time on the line, in microseconds.
    package let dateOffset: Int64
    /// Time on the line minus timestamp, in microseconds.
    package let timestampShift: Int64
    /// Neither timestamps nor layout changed since the publish that this one continues; always so within a publish,
    /// where segments tell of a discontinuity themselves.
    package let isContinuous: Bool

    package init(dateOffset: Int64, timestampShift: Int64, isContinuous: Bool) {
        self.dateOffset = dateOffset
        self.timestampShift = timestampShift
        self.isContinuous = isContinuous
    }
}
