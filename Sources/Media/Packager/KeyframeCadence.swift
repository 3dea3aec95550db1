/// How far apart an encoder sets its keyframes, so that a segment's end can be told before the frame that ends it.
///
/// Only hints follow from it: a wrong guess costs a viewer one request that waits longer.
struct KeyframeCadence: Sendable {
    /// Frames from the last keyframe on, itself included.
    private var count = 0
    /// Frames from one keyframe to the next, as last seen.
    private var interval: Int?

    mutating func note(isSync: Bool) {
        if isSync && count > 0 { interval = count }
        count = isSync ? 1 : count + 1
    }

    /// Whether a keyframe is due within so many frames.
    func expectsSync(within frames: Int, assuming assumed: Int) -> Bool {
        let interval = max(1, interval ?? assumed)
        return count > 0 && interval - 1 - (count - 1) % interval < frames
    }

    /// Whether the next frame is due to be a keyframe. Before a second keyframe has come, `assumed` frames are taken for
    /// the interval.
    func expectsSync(assuming assumed: Int) -> Bool { count > 0 && count % max(1, interval ?? assumed) == 0 }
}
