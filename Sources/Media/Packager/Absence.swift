/// Tells by stamps alone when one track counts as missing beside the other, in microseconds on the publish's line.
///
/// What lies between two stamps of a track says nothing of the other, which may yet come from before the hole: only as much
/// media as has really come tells that the other stays away.
struct Absence: Sendable, Codable {
    private struct Hole: Codable {
        let end: Int64
        let length: Int64
    }

    /// How far ahead of its picture sound is sent.
    private var soundAhead: Int64 = 0
    /// The picture stays away, and gaps stand for it.
    private var pictureIsAway = false
    private var lastPicture: Int64?
    private var lastSound: Int64?
    /// What the picture's stamps have leapt over since the sound was last beside it.
    private var hole: Hole?

    /// How far one track may stay behind the other before it counts as missing.
    static let lateness: Int64 = 1_500_000
    /// How near to the other a missing track is filled up.
    private static let nearness: Int64 = 250_000
    /// Sound that is sent further ahead of its picture counts as far.
    private static let longestAhead: Int64 = 1_200_000
    /// What is longer between two stamps is no frame's duration.
    private static let leastHole: Int64 = 500_000

    /// A picture has come.
    mutating func notePicture(at time: Int64, newestSound: Int64?) {
        pictureIsAway = false
        if let lastPicture, time - lastPicture > Self.leastHole {
            hole = Hole(end: time, length: (hole?.length ?? 0) + time - lastPicture)
        }
        lastPicture = time
        guard let newestSound else { return }
        // While no sound comes, nothing is learnt of how it is sent.
        let fading = newestSound == lastSound ? 0 : soundAhead / 64
        soundAhead = max(min(newestSound - time, Self.longestAhead), soundAhead - fading)
        lastSound = newestSound
    }

    /// Up to where gaps stand for the picture; nil while it may yet come.
    ///
    /// - Parameters:
    ///   - picture: where it stands.
    ///   - waiting: how much sound waits for it; where its line has broken, with what lies between the lines.
    mutating func endOfGap(sound newest: Int64, picture stands: Int64, waiting: Int64) -> Int64? {
        let waits = min(newest - stands, waiting)
        pictureIsAway = pictureIsAway || waits > Self.lateness
        return pictureIsAway ? newest - soundAhead - Self.nearness : nil
    }

    /// Up to where silence stands for the sound; nil while it may yet come.
    mutating func endOfSilence(picture frontier: Int64, sound stands: Int64) -> Int64? {
        if let hole, hole.end <= stands { self.hole = nil }
        guard frontier - stands - (hole?.length ?? 0) > Self.lateness else { return nil }
        return frontier - Self.nearness
    }
}
