import Testing

@testable import LoadtestCore

@Suite("A player's playhead") struct PlaybackTests {
    private let ms: Int64 = 1_000

    @Test("it plays once there is enough, and shows each part when the playhead reaches it")
    func plays() {
        var shown: [Playback.Shown] = []
        var playback = Playback(first: 250 * ms, bufferedFrom: 0, policy: PlayerPolicy(), at: 0)
        // Parts of 200 ms: the first two lie before and around the first picture.
        for index in 0..<5 as Range<Int64> {
            let stall = playback.append(
                start: index * 200 * ms, duration: 200 * ms, token: Int(index), at: 10 * ms * index, into: &shown)
            #expect(stall == nil)
        }
        // With the second part 150 ms are buffered beyond 250: it began then, at 10 ms.
        #expect(playback.startedAt == 10 * ms)
        playback.advance(to: 700 * ms, into: &shown)
        #expect(
            shown == [
                .init(token: 2, at: 10 * ms + 150 * ms), .init(token: 3, at: 10 * ms + 350 * ms),
                .init(token: 4, at: 10 * ms + 550 * ms),
            ])
        #expect(playback.isPlaying)
    }

    @Test("it stalls at the end of what is buffered, from that very moment, and goes on with what comes")
    func stalls() {
        var shown: [Playback.Shown] = []
        var playback = Playback(first: 0, bufferedFrom: 0, policy: PlayerPolicy(), at: 0)
        _ = playback.append(start: 0, duration: 200 * ms, token: 0, at: 0, into: &shown)
        #expect(playback.isPlaying)
        // Nobody looked at the time when it ran out.
        let stall = playback.append(start: 200 * ms, duration: 200 * ms, token: 1, at: 500 * ms, into: &shown)
        #expect(stall == .init(from: 200 * ms, until: 500 * ms))
        #expect(shown == [.init(token: 0, at: 0), .init(token: 1, at: 500 * ms)])
        playback.advance(to: 900 * ms, into: &shown)
        #expect(playback.isStalled && playback.stalledSince == 700 * ms)
    }

    @Test("a late player catches up, and comes back to its own rate")
    func catchesUp() {
        var shown: [Playback.Shown] = []
        var playback = Playback(first: 0, bufferedFrom: 0, policy: PlayerPolicy(), at: 0)
        _ = playback.append(start: 0, duration: 5_000 * ms, token: 0, at: 0, into: &shown)
        // Live is 1,500 ms ahead, the hold-back 600: 900 too late.
        playback.steer(edge: 1_500 * ms, edgeAt: 0, holdBack: 600 * ms, at: 0, into: &shown)
        #expect(playback.mediaTime(at: 1_000 * ms) == 1_100 * ms)
        // The new rate counts from now on, not from when the playhead was last looked at.
        playback.steer(edge: 1_700 * ms, edgeAt: 1_000 * ms, holdBack: 600 * ms, at: 1_000 * ms, into: &shown)
        #expect(playback.mediaTime(at: 2_000 * ms) == 2_100 * ms)
    }

    @Test(
        "the policy",
        arguments: [
            // late, ahead, hold-back, rate before, rate
            (60, 400, 600, 1.0, 1.04), (40, 400, 600, 1.0, 1.0), (40, 400, 600, 1.04, 1.04), (300, 400, 600, 1.0, 1.1),
            (300, 200, 600, 1.0, 1.0), (-150, 400, 600, 1.0, 0.96), (-50, 400, 600, 0.96, 0.96),
            (-10, 400, 600, 0.96, 1.0),
            (2_000, 1_500, 3_000, 1.0, 1.2), (200, 1_500, 3_000, 1.0, 1.05), (2_000, 900, 3_000, 1.0, 1.0),
            (-500, 1_500, 3_000, 1.0, 1.0),
        ] as [(Int64, Int64, Int64, Double, Double)])
    func policy(late: Int64, ahead: Int64, holdBack: Int64, before: Double, expected: Double) {
        let rate = PlayerPolicy().rate(late: late * ms, ahead: ahead * ms, holdBack: holdBack * ms, now: before)
        #expect(rate == expected)
    }

    @Test("media that will not come is jumped over")
    func jumps() {
        var shown: [Playback.Shown] = []
        var playback = Playback(first: 0, bufferedFrom: 0, policy: PlayerPolicy(), at: 0)
        _ = playback.append(start: 0, duration: 200 * ms, token: 0, at: 0, into: &shown)
        let dropped = playback.jump(to: 1_000 * ms, at: 100 * ms, into: &shown)
        #expect(dropped == 0)
        let stall = playback.append(start: 1_000 * ms, duration: 200 * ms, token: 1, at: 300 * ms, into: &shown)
        #expect(stall == .init(from: 100 * ms, until: 300 * ms))
        #expect(shown.last == .init(token: 1, at: 300 * ms))
    }
}
