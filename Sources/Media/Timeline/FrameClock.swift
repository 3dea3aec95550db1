/// Puts video frames, which arrive on jittering millisecond stamps, onto the grid of their frame rate.
///
/// The grid follows the stamps slowly, so that an encoder whose clock runs off its nominal rate is not left behind, and
/// jumps to them when they are a frame away.
struct FrameClock: Sendable {
    private(set) var frame: FrameDuration
    private var anchor: Double
    private var count = 0
    private(set) var last: Int64
    private var early = 0
    private var recent: [Double] = []
    private var lastRaw: Double

    /// `start` in 90 kHz ticks.
    init(frame: FrameDuration, start: Double) {
        self.frame = frame
        anchor = start
        last = Int64(start.rounded())
        lastRaw = start
    }

    /// The grid's place for a decode time of `ticks`; later than every place before.
    mutating func place(_ ticks: Double) -> Int64 {
        learn(ticks - lastRaw)
        lastRaw = ticks
        let step = frame.ticks
        let expected = anchor + Double(count) * step
        let steps = ((ticks - expected) / step).rounded()
        guard steps >= 1 else { return placeEarly(ticks) }
        early = 0
        count += Int(min(steps, 1e9))
        let grid = expected + steps * step
        // A sixteenth of the error a frame: jitter averages out, drift does not stay.
        let nudge = min(max((ticks - grid) / 16, -step / 50), step / 50)
        anchor += nudge
        last = max(last + 1, Int64((grid + nudge).rounded()))
        return last
    }

    /// A frame that comes before its turn, such as one with the decode time of the frame before (GStreamer sends them).
    private mutating func placeEarly(_ ticks: Double) -> Int64 {
        early += 1
        last = max(last + 1, Int64(ticks.rounded()))
        if early > 8 {
            // It is not the frame, it is the grid.
            early = 0
            anchor = Double(last)
            count = 0
        }
        return last
    }

    /// Ticks from the last frame to the one that should follow it.
    var nominalStep: UInt32 {
        let next = Int64((anchor + Double(count + 1) * frame.ticks).rounded())
        return UInt32(clamping: next > last ? next - last : Int64(frame.ticks.rounded()))
    }

    /// Replaces the frame rate by what frames really do, when it was announced wrongly.
    private mutating func learn(_ delta: Double) {
        guard delta > 0 else { return }
        recent.append(delta)
        guard recent.count >= 24 else { return }
        let mean = recent.reduce(0, +) / Double(recent.count)
        // The median is deaf to a single dropped frame.
        let median = recent.sorted()[recent.count / 2]
        recent.removeAll(keepingCapacity: true)
        guard abs(mean - frame.ticks) / frame.ticks > 0.15, abs(median - mean) / mean < 0.15,
            let measured = FrameDuration(near: 90_000 / mean)
        else { return }
        anchor = Double(last)
        count = 0
        frame = measured
    }
}
