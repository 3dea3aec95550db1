/// Tells by stamps alone when one track counts as missing beside the other, in microseconds on the publish's line.
///
/// A track is missing when it stays behind the other for longer than it usually does: tracks that are sent seconds apart,
/// or whose frames are seconds apart, are as they always are. What lies between two stamps of a track says nothing of the
/// other, which may yet come from before the hole: only as much media as has really come tells that the other stays away.
struct Absence: Sendable, Codable {
    private struct Hole: Codable {
        let end: Int64
        let length: Int64
    }

    /// How one track comes beside the other.
    private struct Habit: Codable {
        /// How far behind the other its frames are when they come.
        private(set) var behind: Int64 = 0
        /// For how long the other goes on alone between two of its frames.
        private(set) var wait: Int64
        private(set) var last: Int64?
        private var isKnown = false

        init(wait: Int64) { self.wait = wait }

        /// A frame has come.
        ///
        /// - Parameters:
        ///   - other: how far the other track has come; nil before its first frame.
        ///   - isAlone: the other has not gone on since the last frame: nothing is learnt of how they are sent.
        ///   - unknown: what is waited until frames have told.
        mutating func note(_ time: Int64, beside other: Int64?, isAlone: Bool, unknown: Int64) {
            defer { last = time }
            guard let other else { return }
            behind = max(0, min(other - time, Absence.longestApart), isAlone ? behind : behind - behind / 64)
            guard let last, isKnown else {
                // How far apart tracks are shows at once; how far apart its frames are does not.
                (wait, isKnown) = (max(behind, unknown), true)
                return
            }
            let step = min(max(0, time - last), Absence.fading)
            wait = min(max(other - last, wait - wait * step / Absence.fading), Absence.longestApart)
        }
    }

    private var picture: Habit
    private var sound: Habit
    /// The picture stays away, and gaps stand for it.
    private var pictureIsAway = false
    /// No frame comes, and the one before stands.
    private var pictureStands = false
    /// The sound stays away, and silence stands for it.
    private var soundIsAway = false
    /// How far the other track had come when a frame came last.
    private var soundBesidePicture: Int64?
    private var pictureBesideSound: Int64?
    /// What the picture's stamps have leapt over since the sound was last beside it.
    private var hole: Hole?
    private let unknown: Int64

    /// How much longer than usual a track may stay behind the other before it counts as missing.
    static let lateness: Int64 = 1_500_000
    /// Tracks that are further apart count as that far.
    private static let longestApart: Int64 = 5_500_000
    /// How far behind the sound a picture may stay before the one before it stands: viewers have little more in store.
    private static let pause: Int64 = 600_000
    /// How near to where it would be a missing track is filled up.
    static let nearness: Int64 = 250_000
    /// What is longer between two stamps is no frame's duration.
    private static let leastHole: Int64 = 500_000
    /// The media time in which a habit is forgotten.
    private static let fading: Int64 = 10_000_000

    /// - Parameter isContinued: renditions are there already, and a playlist cannot wait as long as one that has not begun.
    init(_ configuration: PackagerConfiguration, isContinued: Bool) {
        // What is held back meanwhile is listed before gaps stand for it.
        let room = configuration.longestSilence - configuration.partTarget
        unknown = max(0, Int64(room.microseconds) - Self.lateness)
        let habit = Habit(wait: isContinued ? unknown : Self.longestApart)
        (picture, sound) = (habit, habit)
    }

    /// For how long a track that is known is waited for before its first frame has come.
    static let firstWait = longestApart + lateness

    /// A picture has come.
    mutating func notePicture(at time: Int64, newestSound: Int64?) {
        (pictureIsAway, pictureStands) = (false, false)
        if let last = picture.last, time - last > Self.leastHole {
            hole = Hole(end: time, length: (hole?.length ?? 0) + time - last)
        }
        picture.note(time, beside: newestSound, isAlone: newestSound == soundBesidePicture, unknown: unknown)
        soundBesidePicture = newestSound
    }

    /// Sound has come.
    mutating func noteSound(at time: Int64, picture frontier: Int64?) {
        soundIsAway = false
        sound.note(time, beside: frontier, isAlone: frontier == pictureBesideSound, unknown: unknown)
        pictureBesideSound = frontier
    }

    /// Up to where gaps stand for the picture; nil while it may yet come.
    ///
    /// - Parameters:
    ///   - picture: where it stands.
    ///   - waiting: how much sound waits for it; where its line has broken, with what lies between the lines.
    mutating func endOfGap(sound newest: Int64, picture stands: Int64, waiting: Int64) -> Int64? {
        let waits = min(newest - stands, waiting)
        pictureIsAway = pictureIsAway || waits > picture.wait + Self.lateness
        return pictureIsAway ? newest - picture.behind - Self.nearness : nil
    }

    /// Up to where the picture before stands for a picture that does not come; nil while the next one may yet come.
    ///
    /// - Parameter isSlow: its frames are further apart than parts are long: none is waited for.
    mutating func endOfStand(sound newest: Int64, picture stands: Int64, waiting: Int64, isSlow: Bool) -> Int64? {
        let end = min(newest, stands + waiting) - picture.behind
        pictureStands = pictureStands || isSlow || end - stands > Self.pause
        return pictureStands ? end - Self.nearness : nil
    }

    /// Up to where silence stands for the sound; nil while it may yet come.
    mutating func endOfSilence(picture frontier: Int64, sound stands: Int64) -> Int64? {
        if let hole, hole.end <= stands { self.hole = nil }
        let isLate = frontier - stands - (hole?.length ?? 0) > sound.wait + Self.lateness
        guard isLate || soundIsAway && hole == nil else { return nil }
        soundIsAway = true
        return frontier - sound.behind - Self.nearness
    }
}
