/// How far apart an encoder sets its keyframes, so that a segment's end can be told before the frame that ends it.
struct KeyframeCadence: Sendable, Codable {
    /// Frames from the last keyframe on, itself included.
    private var count = 0
    /// Frames from one keyframe to the next, as last seen.
    private var interval: Int?
    /// The last two intervals were alike.
    private var isRepeated = false

    mutating func note(isSync: Bool) {
        if isSync && count > 0 { (isRepeated, interval) = (interval == count, count) }
        count = isSync ? 1 : count + 1
    }

    /// Frames are missing: counting them tells nothing until two intervals have been whole again.
    mutating func lose() { (isRepeated, interval) = (false, nil) }

    /// Keyframes have come evenly, and the next one is not overdue: whether the next frame is one can be told before
    /// it comes. An encoder that sets keyframes at cuts of scene, or has not sent three yet, is not known so well.
    var isSteady: Bool { isRepeated && count > 0 && count <= interval ?? 0 }

    /// Whether a keyframe is due within so many frames.
    func expectsSync(within frames: Int, assuming assumed: Int) -> Bool {
        let interval = max(1, interval ?? assumed)
        return count > 0 && interval - 1 - (count - 1) % interval < frames
    }

    /// Whether the next frame is due to be a keyframe. Before a second keyframe has come, `assumed` frames are taken for
    /// the interval.
    func expectsSync(assuming assumed: Int) -> Bool { count > 0 && count % max(1, interval ?? assumed) == 0 }
}
