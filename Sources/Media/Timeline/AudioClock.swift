/// Judges whether audio frames, whose stamps are rounded to milliseconds, still lie end to end.
///
/// Small deviations are the rounding; a lasting one of more than 5 ms, or any of more than 8 ms, is real: sound is missing
/// there, or lies where other sound already is. A publisher whose stamps jitter gets more tolerance, up to 100 ms, for
/// sound that is filled and cut by turns is worse than sound that is a little off.
struct AudioClock: Sendable, Codable {
    enum Verdict: Equatable {
        /// It follows the frame before.
        case follows
        /// It lies later: fill what is between.
        case hole
        /// It lies where others are: without it the next ones are nearer to their stamps.
        case drop
    }

    /// No frame has been placed yet.
    private var isFirst = true
    private var drift = 0.0
    private var isDropping = false
    /// How far stamps lie from their mean.
    private var noise = 0.004
    /// Above 1 where sound was filled and cut by turns.
    private var patience = 1.0
    /// Frames since the last move, and which way it went.
    private var sinceMove = Int.max
    private var lastMoveWasForward = false

    /// How far from its stamp the first frame may lie, in seconds.
    private static let slack = 0.002

    /// The line goes on elsewhere: the next frame is placed by its stamp.
    mutating func restart() { (isFirst, isDropping, drift) = (true, false, 0) }

    /// - Parameters:
    ///   - error: seconds from where the frame would follow to its stamp.
    ///   - frame: seconds that it lasts.
    mutating func judge(error: Double, frame: Double) -> Verdict {
        if isFirst {
            // What a line begins with has nothing to follow: all that comes after keeps the place that it gets.
            if error < -Self.slack { return .drop }
            isFirst = false
            return error > Self.slack ? .hole : .follows
        }
        if isDropping {
            if error < -frame / 2 { return .drop }
            isDropping = false
            drift = 0
        }
        sinceMove = sinceMove == .max ? .max : sinceMove + 1
        drift += (error - drift) / 32
        let tolerance = min(max(0.008, noise * 2.6) * patience, 0.1)
        let isLasting = abs(drift) > 0.005 * patience && abs(error) > 0.004 && drift * error > 0
        if error > 0 ? error > tolerance || isLasting : error < -tolerance - frame / 2 || drift < -frame / 2 {
            let isForward = error > 0
            if !isLasting, sinceMove < 100, isForward != lastMoveWasForward, abs(error) < 0.06 {
                patience = min(patience * 2, 16)
            }
            (sinceMove, lastMoveWasForward, drift) = (0, isForward, 0)
            isDropping = !isForward
            return isForward ? .hole : .drop
        }
        // Half a frame too early is nearer to the stamp than half a frame of silence.
        if abs(error) <= tolerance { noise += (abs(error - drift) - noise) / 32 }
        return .follows
    }
}
