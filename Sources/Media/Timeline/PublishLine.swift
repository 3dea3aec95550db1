/// The one time line of a publish, in microseconds, on which every track stands.
///
/// A jump of a track's timestamps (more than 5 s forward, or more than 500 ms back) is bridged on the wall clock; a
/// second track that makes the same jump shortly after is moved by the same amount, so that sound and picture stay
/// together.
struct PublishLine: Sendable {
    private struct TrackState {
        var unwrapper = TimestampUnwrapper()
        var shift: Int64 = 0
        var last: (line: Int64, wall: Int64)?
        /// From the frame before the last one to that.
        var step: Int64 = 0
    }

    private struct Jump {
        let raw: Int64
        let shift: Int64
        let wall: Int64
    }

    private var video = TrackState()
    private var audio = TrackState()
    private var lastJump: (kind: MediaKind, jump: Jump)?
    /// Set until the first timestamp shows how the line goes on.
    private var continuation: PublishContinuation?
    /// The first timestamp went on where the continued publish's would be by now.
    private(set) var isContinuous = true

    static let forwardLimit: Int64 = 5_000_000
    static let backwardLimit: Int64 = 500_000
    /// Arrivals further apart are a stall.
    private static let stall: Int64 = 1_000_000
    /// How far apart in arrival two tracks' halves of one jump may be.
    private static let pairing: Int64 = 3_000_000

    init(continuing continuation: PublishContinuation? = nil) { self.continuation = continuation }

    /// Time on the line minus timestamp, in microseconds.
    func shift(of kind: MediaKind) -> Int64 { kind == .video ? video.shift : audio.shift }

    /// A publisher that comes back goes on where the clock says that the line stands, or else is put there. It may not
    /// be ahead as a jump may: PROGRAM-DATE-TIME is never in the future.
    private mutating func resume(_ continuation: PublishContinuation, raw: Int64, wall: Int64) {
        let expected = wall - continuation.dateOffset
        let step = raw + continuation.timestampShift - expected
        isContinuous = abs(step) <= Self.backwardLimit
        let shift = isContinuous ? continuation.timestampShift : max(expected, continuation.earliest) - raw
        video.shift = shift
        audio.shift = shift
    }

    /// Puts a timestamp on the line. `isJump` is true when the line had to be bridged there by a new shift.
    mutating func place(
        _ kind: MediaKind, milliseconds: UInt32, nanosecondOffset: UInt32, wall: Int64
    ) -> (line: Int64, isJump: Bool) {
        if let continuation {
            self.continuation = nil
            resume(
                continuation, raw: Int64(milliseconds) * 1_000 + Int64(nanosecondOffset / 1_000), wall: wall)
        }
        var track = kind == .video ? video : audio
        defer { if kind == .video { video = track } else { audio = track } }
        let raw = track.unwrapper.unwrap(milliseconds) * 1_000 + Int64(nanosecondOffset / 1_000)
        var line = raw + track.shift
        var isJump = false
        if let last = track.last {
            let step = line - last.line
            if step > Self.forwardLimit || step < -Self.backwardLimit {
                let amount = step
                if let lastJump, lastJump.kind != kind, wall - lastJump.jump.wall < Self.pairing,
                    abs(lastJump.jump.raw - amount) < 2_000_000
                {
                    track.shift = lastJump.jump.shift
                } else {
                    // Where nothing stalled, the clock would tell of the network's jitter only: the line goes on by a
                    // frame, the same wherever the stream is packaged.
                    let passed = max(0, wall - last.wall)
                    track.shift += last.line + (passed < Self.stall ? track.step : passed) - line
                    lastJump = (kind, Jump(raw: amount, shift: track.shift, wall: wall))
                    isJump = true
                }
                line = raw + track.shift
            }
        }
        if let last = track.last { track.step = max(1_000, min(line - last.line, Self.stall)) }
        track.last = (line, wall)
        return (line, isJump)
    }
}
