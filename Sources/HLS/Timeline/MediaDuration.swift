/// Durations as playlists write them: five decimals, so everything listed is a whole number of 10 µs.
///
/// Rounding happens once, when media enters the timeline: what is listed, summed and compared is then the same value.
extension Duration {
    /// In seconds, for arithmetic on media durations.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }

    /// Rounds seconds of media to the nearest 10 µs. What is negative or no number counts as nothing, and nothing is
    /// longer than a day.
    package init(mediaSeconds seconds: Double) {
        let bounded = seconds > 0 ? min(seconds, 86_400) : 0
        self = .microseconds(Int64((bounded * 100_000).rounded()) * 10)
    }

    /// The next whole 10 µs: a limit must not be written smaller than it is.
    var roundedUpForPlaylist: Duration {
        .microseconds(hundredThousandths * 10)
    }

    /// In units of 10 µs, rounded up; between nothing and some thirty years.
    var hundredThousandths: Int64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return min(seconds, 1_000_000_000) * 100_000 + (attoseconds + 9_999_999_999_999) / 10_000_000_000_000
    }
}
