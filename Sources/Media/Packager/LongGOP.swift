/// What is found of frames that a segment can begin with, where they are too far apart.
struct LongGOP: Sendable, Codable {
    /// Decode time of the last one, in ticks of 90 kHz.
    private var lastEntry: Int64?
    /// Over how many frames the picture was last refreshed gradually since then.
    private var gradualFrames: Int?
    private var hasCut = false
    private var hasToldInterval = false
    /// Seconds since the last one, at a cut that was made without.
    private var cutAfter: Double?
    /// Seconds between two.
    private var interval: Double?

    /// A frame has come.
    mutating func note(_ access: RandomAccess, at ticks: Int64) {
        if case .gradual(let frames) = access { gradualFrames = min(frames, 10_000) }
        guard access.isEntry else { return }
        if hasCut, !hasToldInterval, let lastEntry, ticks > lastEntry {
            interval = Double(ticks - lastEntry) / 90_000
            hasToldInterval = true
        }
        (lastEntry, gradualFrames, hasCut) = (ticks, nil, false)
    }

    /// A segment had to end without one.
    mutating func cut(after seconds: Double) {
        hasCut = true
        cutAfter = seconds
    }

    /// What there is to say, once for each.
    mutating func take() -> PackagerWarning? {
        defer { (cutAfter, interval) = (nil, nil) }
        if let interval { return .longGOP(seconds: interval.rounded(), .interval) }
        guard let cutAfter else { return nil }
        return .longGOP(seconds: cutAfter.rounded(), gradualFrames.map { .gradual(frames: $0) } ?? .noKeyFrame)
    }
}
