/// Puts video frames, which arrive on jittering millisecond stamps, onto the grid of their frame rate.
///
/// The grid follows the stamps slowly, so that an encoder whose clock runs off its nominal rate is not left behind. A
/// frame that lies beside the grid (the rate varies, or the camera's clock was set) stays where its stamp says: what
/// times are made of a frame is never further from its stamp than jitter is.
struct FrameClock: Sendable, Codable {
    private(set) var frame: FrameDuration
    /// The last frame's place on the grid, in ticks.
    private var anchor: Double
    private var lastRaw: Double
    private var recent: [Double] = []
    /// How many stamps the grid has followed: up to 16.
    private var followed = 1
    /// Rises with frames beside the grid, falls with those on it: a rate that varies has no grid.
    private var strays = 0
    /// The last frame lay beside the grid.
    private var isBeside = false

    /// How far from the grid jitter takes a stamp: 15 ms. Twelve are the stamp's, three the grid's, which follows it.
    private static let jitter = 1_350.0

    /// `start` in 90 kHz ticks.
    init(frame: FrameDuration, start: Double) {
        self.frame = frame
        anchor = start
        lastRaw = start
    }

    /// The line goes on at `ticks`: the grid does too, for frames come as they did.
    mutating func restart(at ticks: Double) { (anchor, lastRaw, isBeside, followed) = (ticks, ticks, false, 1) }

    /// The grid's place for a decode time of `ticks`. It may be before an earlier one, where the stamps go back.
    mutating func place(_ ticks: Double) -> Int64 {
        let isLater = ticks > lastRaw
        learn(ticks - lastRaw)
        lastRaw = ticks
        let step = frame.ticks
        let steps = ((ticks - anchor) / step).rounded()
        guard steps >= 1 else {
            // Before its turn: not the rate that was expected. One with the decode time of the one before, as GStreamer
            // sends them, tells nothing.
            if isLater { strays = min(strays + 32, 256) }
            return Int64(ticks.rounded())
        }
        let grid = anchor + steps * step
        let error = abs(ticks - grid)
        strays = error > min(step * 0.375, Self.jitter) ? min(strays + 32, 256) : max(0, strays - 4)
        guard error <= min(step / 2, Self.jitter) else {
            // One beside the grid is that stamp's doing; with the next one the grid is another.
            if isBeside { followed = 1 }
            anchor = isBeside ? ticks : grid
            isBeside = true
            return Int64(ticks.rounded())
        }
        isBeside = false
        // The mean of the first stamps, then a sixteenth of the error a frame: jitter averages out, drift does not stay.
        followed = min(followed + 1, 16)
        let move = (ticks - grid) / Double(followed)
        anchor = grid + (followed < 16 ? move : min(max(move, -step / 50), step / 50))
        return Int64((isEven ? anchor : ticks).rounded())
    }

    /// The frames come evenly enough to tell when the next one is due.
    var isEven: Bool { strays < 32 }

    /// Replaces the frame rate by what frames really do, when it was announced wrongly.
    private mutating func learn(_ delta: Double) {
        guard delta > 0 else { return }
        recent.append(delta)
        guard recent.count >= 24 else { return }
        let mean = recent.reduce(0, +) / Double(recent.count)
        let sorted = recent.sorted()
        recent.removeAll(keepingCapacity: true)
        // The median is deaf to a single dropped frame: where both agree, and frames do not last as they please, they come
        // evenly.
        let median = sorted[sorted.count / 2]
        let spread = sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]
        guard abs(mean - frame.ticks) / frame.ticks > 0.05, abs(median - mean) / mean < 0.04,
            spread < max(mean * 0.3, Self.jitter), let measured = FrameDuration(near: 90_000 / mean)
        else { return }
        frame = measured
    }
}
