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
    /// Rises with frames beside the grid, falls with those on it: a rate that varies has no grid.
    private var strays = 0
    /// The last frame lay beside the grid.
    private var isBeside = false

    /// How far from the grid jitter takes a stamp: 12 ms.
    private static let jitter = 1_080.0

    /// `start` in 90 kHz ticks.
    init(frame: FrameDuration, start: Double) {
        self.frame = frame
        anchor = start
        lastRaw = start
    }

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
        strays = error > min(step * 0.3, Self.jitter) ? min(strays + 32, 256) : max(0, strays - 4)
        guard error <= min(step / 2, Self.jitter) else {
            // One beside the grid is that stamp's doing; with the next one the grid is another.
            anchor = isBeside ? ticks : grid
            isBeside = true
            return Int64(ticks.rounded())
        }
        isBeside = false
        // A sixteenth of the error a frame: jitter averages out, drift does not stay.
        anchor = grid + min(max((ticks - grid) / 16, -step / 50), step / 50)
        return Int64((isEven ? anchor : ticks).rounded())
    }

    /// The frames come evenly enough to tell when the next one is due.
    var isEven: Bool { strays < 64 }

    /// Replaces the frame rate by what frames really do, when it was announced wrongly.
    private mutating func learn(_ delta: Double) {
        guard delta > 0 else { return }
        recent.append(delta)
        guard recent.count >= 24 else { return }
        let mean = recent.reduce(0, +) / Double(recent.count)
        // The median is deaf to a single dropped frame: where both agree, frames come evenly.
        let median = recent.sorted()[recent.count / 2]
        recent.removeAll(keepingCapacity: true)
        guard abs(mean - frame.ticks) / frame.ticks > 0.05, abs(median - mean) / mean < 0.04,
            let measured = FrameDuration(near: 90_000 / mean)
        else { return }
        frame = measured
    }
}
