import HLS
import Media
import Testing

@testable import Origin

/// Media that comes in bursts, again and again: its playlists move evenly all the same.
@Suite struct ArrivalPaceTests {
    /// Microseconds without a part: a part target of 350 ms, and the clock is looked at every 40 ms.
    private static let even: Int64 = 450_000

    private func burst(_ stage: Stage, every seconds: Double, count: Int) {
        for _ in 0..<count {
            stage.run(seconds: seconds - 0.02, stall: .burst)
            stage.run(seconds: 0.02)
        }
    }

    @Test(arguments: [1.0, 1.7, 2.5, 4.0, 5.0]) func burstsAreListedEvenly(every seconds: Double) throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        burst(stage, every: seconds, count: 4)
        stage.forgetSilence()
        burst(stage, every: seconds, count: Int(24 / seconds))
        #expect(stage.longestSilence <= Self.even, "\(stage.longestSilence) µs")
        for kind in [MediaKind.video, .audio] {
            let playlist = try #require(stage.playlist(kind))
            #expect(playlist.gaps == 0 && playlist.discontinuities == 0)
        }
        stage.lose()
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(5))")
        #expect(stage.listed == stage.arrived, "\(stage.listed), \(stage.arrived)")
    }

    /// One pause is caught up with at once, and bursts that have ended are forgotten.
    @Test func whatComesEvenlyIsNotHeldBack() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 6)
        func behind() throws -> Double {
            let last = try #require(stage.playlist(.video)?.segments.last)
            let date = try #require(last.programDateTime)
            return Double(stage.now - date) / 1e6 - last.mediaDuration.inSeconds
        }
        let before = try behind()
        stage.run(seconds: 1.5, stall: .burst)
        stage.run(seconds: 0.4)
        #expect(try behind() < before + 0.4)
        burst(stage, every: 1.5, count: 4)
        #expect(try behind() > 1.3)
        stage.run(seconds: 17)
        #expect(try behind() < before + 0.4)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(5))")
    }

    /// A publisher that is lost in the middle of it, and one that takes over: what came is listed before.
    @Test func whatWaitsIsListedWhenItsPublisherIsGone() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        burst(stage, every: 2, count: 6)
        stage.lose()
        #expect(stage.listed == stage.arrived)
        stage.run(seconds: 1)
        stage.publish(stage.encoder())
        stage.run(seconds: 6)
        stage.lose()
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(5))")
        #expect(stage.stalls.allSatisfy { $0.unlistedFrames == 0 }, "\(stage.stalls)")
    }
}
