/// The one time line of a publish, in microseconds, on which every track stands.
///
/// A track's place follows from its timestamps alone. A jump of them (more than 5 s forward, or more than 500 ms back) is
/// bridged: a track that makes the jump that another has just made, or comes back after it, is put where its stamp stands
/// beside the other's, so that sound and picture stay together; otherwise the line goes on by one frame and, where the
/// publisher was silent for longer than a second and a half, by that silence in whole seconds, so that two origins with
/// two clocks agree.
struct PublishLine: Sendable, Codable {
    private struct Track: Codable {
        var stamp: Stamp
        var line: Int64
        /// When it arrived; nil where that was in an earlier publish.
        var wall: Int64?
        /// How far ahead of it the other track is sent: the most of late.
        var otherAhead: Int64?
    }

    private struct Jump: Codable {
        let kind: MediaKind
        let step: Int64
        /// Where the further of both tracks stood.
        let from: Int64
        /// Where the stamp was put that jumped.
        let target: Int64
        /// What was added to the stamps from there on.
        let correction: Int64
    }

    static let forwardLimit: Int64 = 5_000_000
    static let backwardLimit: Int64 = 500_000
    /// How far apart tracks of one publish may stand.
    private static let skew: Int64 = 3_000_000
    /// What is longer between two stamps of a track is no frame's duration.
    private static let hole: Int64 = 500_000
    /// What parts tracks by less may be the rate of their frames.
    private static let leastShift: Int64 = 200_000
    /// A shorter silence is the network's.
    private static let silence: Int64 = 1_500_000
    /// A longer one is a clock that was set: a day.
    private static let longestPause: Int64 = 86_400_000_000

    private var video: Track?
    private var audio: Track?
    private var lastJump: Jump?
    /// Each track has a clock of its own: nothing follows from one for the other.
    private var isApart = false
    /// The last place was a jump that the other track had made before: it breaks nothing anew.
    private(set) var isPaired = false
    /// Until its first frame has come, a continued line may be left for another place.
    private var isContinued = false

    /// Set until the first timestamp shows how the line goes on.
    private var publish: PublishContinuation?
    /// The first timestamp went on where the continued publish's would be by now.
    private(set) var isContinuous = true

    /// The line begins so far from zero at least, for frames that are decoded before their stamps: a second, or nothing.
    private var room: Int64 = 0

    /// Leaves room before the first stamp.
    mutating func makeRoom() { room = 1_000_000 }

    /// Begins anew, or takes up a line that somebody has kept alive on the clock.
    init(continuing publish: PublishContinuation? = nil) { self.publish = publish }

    /// Goes on where an earlier publish stood.
    init(_ continuation: PackagerContinuation) {
        video = Self.track(continuation.video)
        audio = Self.track(continuation.audio)
        isContinued = video != nil || audio != nil
        if let video, let audio { isApart = video.line + video.stamp.step(to: audio.stamp) != audio.line }
    }

    private static func track(_ track: PackagerContinuation.Track?) -> Track? {
        track.flatMap { track in track.stamp.map { Track(stamp: $0, line: Self.bounded(track.line), wall: nil) } }
    }

    /// Within 140 years of zero, so that no later sum overflows.
    static func bounded(_ line: Int64) -> Int64 { min(max(line, -1 << 52), 1 << 52) }

    /// Where a track stands: its last stamp and that stamp's place.
    func last(_ kind: MediaKind) -> (stamp: Stamp, line: Int64)? {
        (kind == .video ? video : audio).map { ($0.stamp, $0.line) }
    }

    /// Puts a stamp on the line. `isJump` is true when the line had to be bridged there.
    ///
    /// - Parameters:
    ///   - frame: microseconds that a frame of this track lasts.
    ///   - wall: when it arrived, in microseconds.
    ///   - landing: where a publish lands that does not go on with the line it continues.
    mutating func place(
        _ kind: MediaKind, _ stamp: Stamp, frame: Int64, wall: Int64, landing: Int64 = 0
    ) -> (line: Int64, isJump: Bool) {
        let own = kind == .video ? video : audio
        let other = kind == .video ? audio : video
        let isFirst = isContinued
        (isContinued, isPaired) = (false, false)
        var placed = (line: stamp.total < room ? stamp.total + room : stamp.total, isJump: false)
        if let own {
            placed = follow(own, beside: other, kind, stamp, frame: frame, wall: wall)
            if placed.isJump && isFirst {
                // A new line: the other track is placed beside this one, not where it once was.
                placed.line = max(Self.bounded(landing), own.line, other?.line ?? own.line)
                (video, audio, lastJump, isApart) = (nil, nil, nil, false)
            }
        } else if let other {
            let step = other.stamp.step(to: stamp)
            isApart = abs(step) > 2 * Self.forwardLimit
            placed.line = other.line + (isApart ? 0 : step)
            // One stamp may be astray, and the next ones beside the other's.
            if isApart {
                lastJump = Jump(
                    kind: kind, step: step, from: other.line, target: other.line, correction: -step)
            }
        } else if let publish {
            // A publisher that comes back goes on where the clock says that the line stands, or else is put there. It
            // may not be ahead as a jump may: PROGRAM-DATE-TIME is never in the future.
            self.publish = nil
            let expected = wall &- publish.dateOffset
            placed.line = stamp.total &+ publish.timestampShift
            isContinuous = Self.distance(placed.line, expected) <= Self.backwardLimit
            if !isContinuous { placed.line = max(expected, publish.earliest) }
        }
        placed.line = Self.bounded(placed.line)
        // A stamp that went back a little tells nothing of how the tracks are sent.
        let hasGoneBack = own.map { placed.line < $0.line } ?? false
        let ahead =
            hasGoneBack
            ? own?.otherAhead
            : other.map { other in
                max(other.line - placed.line, own?.otherAhead.map { $0 - abs($0) / 64 } ?? .min)
            }
        let track = Track(stamp: stamp, line: placed.line, wall: wall, otherAhead: ahead)
        if kind == .video { video = track } else { audio = track }
        return placed
    }

    private static func distance(_ a: Int64, _ b: Int64) -> Int64 {
        let (difference, overflow) = a.subtractingReportingOverflow(b)
        return overflow || difference == .min ? .max : abs(difference)
    }

    private mutating func follow(
        _ own: Track, beside other: Track?, _ kind: MediaKind, _ stamp: Stamp, frame: Int64, wall: Int64
    ) -> (line: Int64, isJump: Bool) {
        let step = own.stamp.step(to: stamp)
        let line = own.line + step
        if let back = way(back: step, kind, from: own) { return (back, true) }
        let isStep = step <= Self.forwardLimit && step >= -Self.backwardLimit
        // It was away, or it jumps. One encoder stamps both tracks: where the other stands by its stamp, this one does too,
        // whatever jumps and wraps lie between. A jump may be too small for one track's stamps to tell it: from the other's
        // it is clear, for it leaves them as far apart as they have been.
        let usual = own.otherAhead ?? 0
        let isBehind = other.map { $0.line - max(0, usual) - line > Self.skew } ?? false
        let isAway = step > Self.hole || step < -Self.backwardLimit || isBehind
        if !isApart, let other, isAway || lastJump.map({ $0.kind != kind }) ?? false {
            let beside = other.stamp.step(to: stamp)
            let place = other.line + beside
            // Tracks that are sent apart stand as far apart as they do.
            let range = -Self.skew - max(0, usual)...Self.forwardLimit + max(0, -usual)
            if range.contains(beside), place >= own.line - Self.backwardLimit,
                !isStep || isBehind || Self.isNearer(place, than: line, to: other, from: own)
            {
                if place != line {
                    (isPaired, lastJump) = (true, nil)
                    return (place, true)
                }
                if step > 0 { return (line, false) }
            }
        }
        if !isAway {
            // It has gone on past the jump of the other: each track has a clock of its own now.
            if let lastJump, lastJump.kind != kind, line > lastJump.from + Self.skew { isApart = true }
            return (line, false)
        }
        if isStep { return (line, false) }
        var target = own.line + frame
        if let other, let ahead = own.otherAhead, other.line - ahead - own.line > Self.silence {
            // The other has gone on meanwhile, and tells more exactly than the clock how long this one was away.
            target = max(target, other.line - ahead)
        } else if let since = own.wall.map({ wall.subtractingReportingOverflow($0) }), !since.overflow {
            let pause = since.partialValue
            if pause > Self.silence { target += (min(pause, Self.longestPause) + 500_000) / 1_000_000 * 1_000_000 }
        } else {
            target = max(target, other?.line ?? target)
        }
        lastJump = Jump(
            kind: kind, step: step, from: max(own.line, other?.line ?? own.line), target: target,
            correction: target - line)
        return (target, true)
    }

    /// Whether a place is nearer, by more than frames may be apart, to where its track stands beside the other.
    private static func isNearer(_ place: Int64, than line: Int64, to other: Track, from own: Track) -> Bool {
        guard let ahead = own.otherAhead else { return false }
        let usual = other.line - ahead
        return distance(place, usual) + Self.leastShift < distance(line, usual)
    }

    /// The place after a stamp that was astray: where the line would be without it.
    private mutating func way(back step: Int64, _ kind: MediaKind, from own: Track) -> Int64? {
        guard let jump = lastJump, jump.kind == kind else { return nil }
        // The next stamp tells surely. A later one has to be where the first was, lest two jumps pass for one astray.
        let farthest = own.line == jump.target ? Self.forwardLimit : Self.backwardLimit
        let corrected = own.line + step - jump.correction
        guard (-Self.backwardLimit...farthest).contains(jump.step + step),
            (-Self.backwardLimit...farthest).contains(corrected - own.line)
        else { return nil }
        (lastJump, isApart) = (nil, false)
        return corrected
    }
}
