/// A rendition's place in URLs: `/live/{channel}/{rendition}/playlist.m3u8`.
package struct RenditionID: Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// What stays the same for the life of a presentation. iOS players fail when the part target changes, and 6.2.1 forbids
/// a changing target duration, so both are decided before the first part.
package struct TimelineConfiguration: Sendable, Equatable {
    /// PART-TARGET: no part is longer (4.4.3.7).
    package let partTarget: Duration
    /// TARGETDURATION in whole seconds: no segment's rounded duration is longer (4.4.3.1).
    package let targetDuration: Int
    /// Media listed, in seconds of duration. At least three target durations and six segments are kept (6.2.2, AAS 8.12).
    package let window: Duration

    package init(partTarget: Duration, targetDuration: Int, window: Duration) {
        self.partTarget = partTarget
        self.targetDuration = max(1, targetDuration)
        self.window = max(window, .seconds(3 * max(1, targetDuration)))
    }

    /// CAN-SKIP-UNTIL: at least six target durations (4.4.3.8).
    package var canSkipUntil: Duration { .seconds(6 * targetDuration) }
    /// HOLD-BACK: at least three target durations (4.4.3.8).
    package var holdBack: Duration { .seconds(3 * targetDuration) }
    /// PART-HOLD-BACK: three part targets (AAS 14.3), rounded up to a millisecond.
    package var partHoldBack: Duration { partTarget * 3 }
    /// PART tags and the bytes of delisted media live this long (6.2.2).
    package var partLifetime: Duration { .seconds(3 * targetDuration) }

    /// How many parts past the last one a request may name (6.2.5.2).
    var partAdvanceLimit: Int {
        partTarget < .seconds(1) ? Int((3 / partTarget.inSeconds).rounded(.up)) : 3
    }
}

extension Duration {
    /// In seconds, for arithmetic on media durations.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
