import Media

/// What a stall cost one rendition: complete once media is listed again, or its publisher is gone.
struct StallReport: Equatable {
    let kind: MediaKind
    /// What was listed as gaps in place of media, in seconds.
    var gapSeconds = 0.0
    /// Frames that came and are not listed: their time had been given to a gap, or they need one whose time had.
    var unlistedFrames = 0
    /// How long they last, in seconds.
    var unlistedSeconds = 0.0

    init(_ kind: MediaKind) { self.kind = kind }

    mutating func leaveOut(_ part: Part) {
        guard !part.isGap else { return }
        unlistedFrames += part.sampleCount
        unlistedSeconds += part.duration
    }
}
