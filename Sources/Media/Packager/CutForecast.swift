/// Foretells where the picture's segments end: by the keyframes that have come, and by how long a segment may be.
///
/// Moments are in seconds since the segment under way began, frames in ticks of 1/90,000 s.
struct CutForecast: Codable {
    private let settings: PackagerConfiguration
    private var cadence = KeyframeCadence()
    /// The segment under way began with a keyframe.
    var segmentIsIndependent = true

    /// No segment is shorter, so that each has a frame of sound: in ticks, 135 ms.
    static let leastSegment: Int64 = 12_150

    init(settings: PackagerConfiguration) { self.settings = settings }

    /// A frame has come.
    mutating func note(isSync: Bool) { cadence.note(isSync: isSync) }

    /// Frames are missing.
    mutating func lose() { cadence.lose() }

    /// Whether the segment ends `elapsed` seconds after its start or goes on there, as the next frame is a keyframe or not,
    /// and nothing tells which: its part waits for that frame then. That costs a frame's time, and what is hinted meanwhile
    /// stays true (4.4.5.3).
    ///
    /// - Parameter breaks: the next keyframe begins a segment, however short this one is.
    func nextFrameDecides(at elapsed: Double, frameTicks: Double, breaks: Bool) -> Bool {
        if mustCut(at: elapsed, frameTicks: frameTicks) { return false }
        return breaks || elapsed >= shortestElapsed && !cadence.isSteady
    }

    /// Whether a frame `elapsed` seconds into the segment is expected to begin the next one.
    func isCutExpected(at elapsed: Double, frameTicks: Double) -> Bool {
        cadence.expectsSync(assuming: assumedInterval(frameTicks)) && elapsed >= shortestElapsed
            || mustCut(at: elapsed, frameTicks: frameTicks)
    }

    /// Frames from keyframe to keyframe, until two have told.
    private func assumedInterval(_ frameTicks: Double) -> Int {
        Int((settings.segmentDuration.microseconds * 0.09 / frameTicks).rounded())
    }

    /// Seconds after which a keyframe ends the segment. Nine tenths: a keyframe interval that is meant to be the target
    /// may fall a little short of it. A segment that began without a keyframe ends at the first.
    var shortestElapsed: Double {
        segmentIsIndependent
            ? settings.segmentDuration.microseconds * 0.9 / 1e6
            : max(settings.partTarget.microseconds / 1e6, Double(Self.leastSegment) / 90_000)
    }

    /// Whether another part would make the segment longer than it may be. For a keyframe that is due in that part it may
    /// be a little longer: what counts is its duration rounded to seconds (RFC 8216bis, 4.4.3.1).
    func mustCut(at elapsed: Double, frameTicks: Double) -> Bool {
        let next = elapsed + settings.partTarget.microseconds / 1e6
        let limit = settings.maximumSegmentDuration.microseconds / 1e6
        guard next > limit else { return false }
        let frames = settings.framesPerPart(frameTicks: frameTicks, timescale: 90_000) + 1
        return next > limit + 0.4 || !cadence.expectsSync(within: frames, assuming: assumedInterval(frameTicks))
    }

    /// Microseconds from cut to cut that round to the target duration, with room for a frame of sound.
    var longestStretch: Int64 { Int64(settings.maximumSegmentDuration.microseconds) + 400_000 }
}
