/// Puts audio frames, whose stamps are rounded to milliseconds, end to end on the sample grid.
///
/// Small deviations are the rounding; a lasting one of more than 15 ms, or any of more than 100 ms, is real and moves
/// the grid: forward by a gap, back by dropping frames, so that decode times never go back.
struct AudioClock: Sendable {
    enum Place: Equatable { case at(Int64), drop }

    private let sampleRate: Double
    private var next: Int64?
    private var drift = 0.0

    init(sampleRate: Int) { self.sampleRate = Double(sampleRate) }

    /// Where a frame of `count` samples goes that is stamped `microseconds` on the publish's line.
    mutating func place(microseconds: Int64, count: Int) -> Place {
        let stamped = Int64((Double(microseconds) * sampleRate / 1_000_000).rounded())
        guard let expected = next else {
            next = stamped + Int64(count)
            return .at(stamped)
        }
        let error = Double(stamped - expected) / sampleRate
        drift += (error - drift) / 32
        if abs(error) > 0.1 || abs(drift) > 0.015 {
            drift = 0
            if stamped > expected {
                next = stamped + Int64(count)
                return .at(stamped)
            }
            // The frame lies where others already are: without it the next ones are nearer to their stamps.
            return .drop
        }
        next = expected + Int64(count)
        return .at(expected)
    }
}
