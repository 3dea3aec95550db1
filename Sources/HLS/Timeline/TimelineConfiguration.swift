/// A rendition's place in URLs: `/live/{channel}/{rendition}/playlist.m3u8`.
package struct RenditionID: Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// What stays the same for the life of a presentation, in all of its media playlists (6.2.4). iOS players fail when the
/// part target changes, and 6.2.1 forbids a changing target duration, so all is decided before the first part.
package struct TimelineConfiguration: Sendable, Equatable {
    /// PART-TARGET: no part is longer (4.4.3.7). Whole 10 µs, as it is written.
    package let partTarget: Duration
    /// TARGETDURATION in whole seconds: no segment's rounded duration is longer (4.4.3.1).
    package let targetDuration: Int
    /// Media listed. At least three target durations and six segments are kept whatever it says (6.2.2, AAS 8.12).
    package let window: Duration
    /// CAN-SKIP-UNTIL, the skip boundary of delta updates: at least six target durations (4.4.3.8).
    package let canSkipUntil: Duration
    /// HOLD-BACK: at least three target durations (4.4.3.8).
    package let holdBack: Duration
    /// PART-HOLD-BACK: at least three part targets (AAS 14.3).
    package let partHoldBack: Duration

    /// The smallest server control that the rules allow for these targets. Targets out of bounds are brought within
    /// them: a part target of 1 ms up to the target duration, a target duration of 1 s to an hour, a window of three
    /// target durations to a day.
    package init(partTarget: Duration, targetDuration: Int, window: Duration) {
        let target = min(max(1, targetDuration), 3_600)
        self.targetDuration = target
        self.partTarget = min(max(partTarget.roundedUpForPlaylist, .milliseconds(1)), .seconds(target))
        self.window = min(max(window, .seconds(3 * target)), .seconds(86_400))
        canSkipUntil = .seconds(6 * target)
        holdBack = .seconds(3 * target)
        partHoldBack = self.partTarget * 3
    }

    /// Values of the operator's own.
    ///
    /// - Throws: `TimelineConfigurationError` for the first that breaks a rule.
    package init(
        partTarget: Duration, targetDuration: Int, window: Duration, canSkipUntil: Duration, holdBack: Duration,
        partHoldBack: Duration
    ) throws(TimelineConfigurationError) {
        guard (1...3_600).contains(targetDuration) else { throw .targetDurationOutOfRange(targetDuration) }
        let target = Duration.seconds(targetDuration)
        let partTarget = partTarget.roundedUpForPlaylist
        guard partTarget >= .milliseconds(1), partTarget <= target else {
            throw .partTargetOutOfRange(partTarget, targetDuration: targetDuration)
        }
        guard window <= .seconds(86_400) else { throw .tooLong("window", window, most: .seconds(86_400)) }
        guard window >= target * 3 else { throw .tooShort("window", window, least: target * 3, rule: "6.2.2") }
        let limits = [
            ("CAN-SKIP-UNTIL", canSkipUntil, target * 6, "4.4.3.8"), ("HOLD-BACK", holdBack, target * 3, "4.4.3.8"),
            ("PART-HOLD-BACK", partHoldBack, partTarget * 3, "AAS 14.3"),
        ]
        for (name, value, least, rule) in limits {
            guard value >= least else { throw .tooShort(name, value, least: least, rule: rule) }
            guard value <= .seconds(86_400) else { throw .tooLong(name, value, most: .seconds(86_400)) }
        }
        self.partTarget = partTarget
        self.targetDuration = targetDuration
        self.window = window
        self.canSkipUntil = canSkipUntil.roundedUpForPlaylist
        self.holdBack = holdBack.roundedUpForPlaylist
        self.partHoldBack = partHoldBack.roundedUpForPlaylist
    }

    /// PART tags are listed until their segment lies further than this from the playlist's end, and parts can be
    /// fetched for at least as long after that (6.2.2).
    package var partLifetime: Duration { .seconds(3 * targetDuration) }

    /// A blocked request is answered 503 after this (6.2.5.2).
    package var holdLimit: Duration { .seconds(3 * targetDuration) }

    /// Segments listed at most, however short a publisher makes them: four for each second of the window.
    var segmentLimit: Int { Int(window.components.seconds) * 4 + 100 }

    /// The Advance Part Limit: how many parts past the last one a request may name (6.2.5.2).
    package var advancePartLimit: Int { Self.advancePartLimit(partTarget: partTarget) }

    static func advancePartLimit(partTarget: Duration) -> Int {
        partTarget < .seconds(1) ? Int((3 / max(partTarget.inSeconds, 0.001)).rounded(.up)) : 3
    }
}

/// A configuration that no playlist may announce.
package enum TimelineConfigurationError: Error, Equatable, CustomStringConvertible {
    case targetDurationOutOfRange(Int)
    case partTargetOutOfRange(Duration, targetDuration: Int)
    case tooShort(String, Duration, least: Duration, rule: String)
    case tooLong(String, Duration, most: Duration)

    package var description: String {
        switch self {
        case .targetDurationOutOfRange(let seconds):
            "The target duration is \(seconds) s; it must be 1 to 3600 s."
        case .partTargetOutOfRange(let target, let targetDuration):
            "The part target is \(target.inSeconds) s; it must be 0.001 s to the target duration of \(targetDuration) s."
        case .tooShort(let name, let value, let least, let rule):
            "\(name) is \(value.inSeconds) s; it must be at least \(least.inSeconds) s (\(rule))."
        case .tooLong(let name, let value, let most):
            "\(name) is \(value.inSeconds) s; it must be at most \(most.inSeconds) s."
        }
    }
}
