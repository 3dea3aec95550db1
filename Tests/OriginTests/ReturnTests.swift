import Media
import NIOCore
import Seeded
import Testing

@testable import Origin

/// Publishers that stall, go and come back: one playlist that keeps every rule through all of it (RFC 8216bis, 6.2.1).
@Suite struct ReturnTests {
    /// A part target of 350 ms and 200 ms of patience (6.2.1); the clock is looked at every 40 ms, and what was listed last
    /// may have ended a frame or two after it came.
    private static let silence: Int64 = 650_000
    /// A publisher that is back has a part target more for its first part, and one whose parts came too late for more.
    private static let longSilence: Int64 = 750_000

    private func expectSound(_ stage: Stage, _ comment: String = "") {
        #expect(stage.failures.isEmpty, "\(comment) \(stage.failures.prefix(8).joined(separator: "\n"))")
        #expect(stage.longestSilence <= Self.longSilence, "\(comment): \(stage.longestSilence) µs without a part")
        #expect(stage.firstParts.allSatisfy { $0 <= 1_500_000 }, "\(comment): first parts after \(stage.firstParts)")
    }

    @Test func aSteadyPublishListsNoGap() throws {
        for jitter in [Int64(0), 150_000] {
            let stage = Stage()
            stage.publish(stage.encoder { $0.jitter = jitter })
            stage.run(seconds: 9)
            expectSound(stage)
            for kind in [MediaKind.video, .audio] {
                let playlist = try #require(stage.playlist(kind))
                #expect(playlist.gaps == 0 && playlist.discontinuities == 0 && playlist.mediaSequence == 100)
            }
        }
    }

    /// A publisher that sends its first seconds in one burst is listed from the first number on, with its bytes.
    @Test func aBurstAtTheStartKeepsNumbersAndBytesTogether() throws {
        let stage = Stage()
        let encoder = stage.encoder()
        stage.run(seconds: 2.5)
        stage.publish(encoder)
        stage.run(seconds: 0.02)
        let playlist = try #require(stage.playlist(.video))
        #expect(playlist.mediaSequence == 100 && playlist.segments.count >= 2)
        #expect(stage.failures.allSatisfy { $0.contains("in the future") }, "\(stage.failures.prefix(5))")
        #expect(stage.media["video 100.0"] != nil)
    }

    /// 6.2.1: a new part within a part target of the last, and no more than jitter later.
    @Test func theFirstGapComesAPartTargetAfterTheLastPart() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: 0.65)
        #expect(stage.playlist(.video)?.gaps == 1 && stage.playlist(.audio)?.gaps == 1)
        stage.run(seconds: 5)
        expectSound(stage)
        #expect(stage.longestSilence <= Self.silence, "\(stage.longestSilence) µs")
    }

    /// A line on which parts come later than that is waited for longer, once it has shown.
    @Test func aLateLineIsWaitedFor() throws {
        let stage = Stage()
        stage.publish(stage.encoder { $0.keyframeInterval = 30 })
        // Just after a part of the picture: the next one comes 0.62 s later.
        stage.run(seconds: 7.36)
        stage.run(seconds: 0.6, stall: .burst)
        stage.run(seconds: 3.4)
        let gaps = try #require(stage.playlist(.video)).gaps
        #expect(gaps > 0)
        stage.run(seconds: 0.6, stall: .burst)
        stage.run(seconds: 2)
        #expect(stage.playlist(.video)?.gaps == gaps)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(5))")
    }

    /// Timestamps from zero again: another line, so a discontinuity, in the same playlist.
    @Test(arguments: [0.2, 1.3, 11.0]) func anEncoderThatStartsAnewIsADiscontinuity(away: Double) throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: away)
        stage.publish(stage.encoder())
        stage.run(seconds: 6)
        expectSound(stage, "away \(away)")
        #expect(stage.firstParts.count == 2)
        for kind in [MediaKind.video, .audio] {
            let playlist = try #require(stage.playlist(kind))
            #expect(playlist.discontinuities == 1 && playlist.mediaSequence == 100, "\(kind)")
            #expect(playlist.segments.last?.discontinuitySequence == 4)
            #expect(Set(playlist.segments.compactMap(\.map?.uri)) == ["e1/init.mp4"], "the same init section")
        }
    }

    /// Timestamps that went on meanwhile and the same configuration: nothing changed, so nothing is broken.
    @Test(arguments: [1.3, 5.0]) func anEncoderOnTheSameLineGoesOnWithoutADiscontinuity(away: Double) throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: away)
        stage.publish(stage.encoder { $0.firstTimestamp = UInt32(((7.1 + away) * 1_000).rounded()) })
        stage.run(seconds: 6)
        expectSound(stage, "away \(away)")
        for kind in [MediaKind.video, .audio] {
            let playlist = try #require(stage.playlist(kind))
            #expect(playlist.discontinuities == 0 && playlist.gaps > 0, "\(kind)")
        }
    }

    @Test func anotherLayoutIsADiscontinuityWithItsOwnInitSection() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: 2)
        stage.publish(
            stage.encoder {
                $0.firstTimestamp = 9_100
                $0.isOtherLayout = true
            })
        stage.run(seconds: 6)
        expectSound(stage)
        let video = try #require(stage.playlist(.video))
        #expect(video.discontinuities == 1)
        #expect(video.segments.last?.map?.uri == "e1/init-1.mp4")
        #expect(stage.playlist(.audio)?.discontinuities == 1)
        #expect(stage.playlist(.audio)?.segments.last?.map?.uri == "e1/init.mp4")
    }

    @Test func aLostRenditionStaysLiveAsGaps() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: 2)
        stage.publish(stage.encoder { $0.hasAudio = false })
        stage.run(seconds: 8)
        expectSound(stage)
        let audio = try #require(stage.playlist(.audio))
        #expect(audio.segments.last?.parts.last?.isGap == true)
        #expect(audio.segments.count { $0.isGap } >= 3)
        // Once more without sound: now that is the layout, and no change.
        stage.lose()
        stage.run(seconds: 2)
        stage.publish(
            stage.encoder {
                $0.hasAudio = false
                $0.firstTimestamp = 10_000
            })
        stage.run(seconds: 6)
        #expect(stage.playlist(.video)?.discontinuities == 1)
        stage.lose()
        stage.run(seconds: 2)
        stage.publish(stage.encoder())
        stage.run(seconds: 6)
        expectSound(stage)
        #expect(stage.playlist(.audio)?.segments.last?.parts.last?.isGap == false)
        #expect(stage.playlist(.audio)?.segments.last?.discontinuitySequence == 5)
    }

    @Test func aRenditionThatComesLaterStandsUnderTheSameNumbers() throws {
        let stage = Stage()
        stage.publish(stage.encoder { $0.hasAudio = false })
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: 2)
        stage.publish(stage.encoder())
        stage.run(seconds: 6)
        expectSound(stage)
        let (video, audio) = (try #require(stage.playlist(.video)), try #require(stage.playlist(.audio)))
        for segment in audio.segments {
            let other = try #require(video.segments.first { $0.sequence == segment.sequence })
            #expect(other.discontinuitySequence == segment.discontinuitySequence)
            #expect(abs((other.programDateTime ?? 0) - (segment.programDateTime ?? 0)) < 60_000)
        }
    }

    /// What a stall that ends in its own way leaves: gaps always, a discontinuity only where the line fell behind.
    @Test(arguments: [(StagedEncoder.Stall.burst, 0), (.drop, 0), (.pause, 1)])
    func aStallEnds(stall: StagedEncoder.Stall, discontinuities: Int) throws {
        for length in [2.5, 5.0] {
            let stage = Stage()
            stage.publish(stage.encoder())
            stage.run(seconds: 7.1)
            stage.run(seconds: length, stall: stall)
            stage.run(seconds: 9)
            expectSound(stage, "\(stall) for \(length)")
            for kind in [MediaKind.video, .audio] {
                let playlist = try #require(stage.playlist(kind))
                #expect(playlist.discontinuities == discontinuities, "\(stall) \(kind)")
                #expect(playlist.gaps > 0 && playlist.segments.last?.parts.last?.isGap == false, "\(stall) \(kind)")
            }
        }
    }

    @Test func aTakeoverGoesOnInTheSamePlaylist() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.takeOver(stage.encoder())
        stage.run(seconds: 6)
        expectSound(stage)
        #expect(stage.playlist(.video)?.mediaSequence == 100)
        #expect(stage.playlist(.video)?.discontinuities == 1)
    }

    @Test func theEndIsFinalAndCountsWhatWasListed() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 5)
        stage.lose()
        stage.run(seconds: 4)
        stage.end()
        expectSound(stage)
        let playlist = try #require(stage.playlist(.video))
        #expect(playlist.hasEnded && playlist.hints.isEmpty)
        #expect(stage.presentation.nextSequence == (playlist.segments.last?.sequence ?? 0) + 1)
    }

    /// Whatever happens to publishers, in any order.
    @Test(arguments: 0..<4 as Range<UInt64>) func randomLives(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 3)
        for _ in 0..<7 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let stall = [StagedEncoder.Stall.burst, .drop, .pause].randomElement(using: &random) ?? .drop
                stage.run(seconds: Double.random(in: 0.1...4, using: &random), stall: stall)
            case 1: stage.takeOver(encoder(of: stage, &random))
            default:
                stage.lose()
                stage.run(seconds: Double.random(in: 0...6, using: &random))
                stage.publish(encoder(of: stage, &random))
            }
            stage.run(seconds: Double.random(in: 0.5...5, using: &random))
        }
        stage.end()
        #expect(stage.failures.isEmpty, "seed \(seed): \(stage.failures.prefix(8).joined(separator: "\n"))")
        #expect(stage.longestSilence <= Self.longSilence, "seed \(seed)")
    }

    private func encoder(of stage: Stage, _ random: inout SeededGenerator) -> StagedEncoder {
        stage.encoder {
            $0.hasAudio = Int.random(in: 0..<4, using: &random) > 0
            $0.isOtherLayout = Int.random(in: 0..<4, using: &random) == 0
            $0.firstTimestamp = UInt32.random(in: 0...100_000, using: &random)
            $0.keyframeInterval = [30, 60].randomElement(using: &random) ?? 60
            $0.jitter = [0, 30_000, 100_000].randomElement(using: &random) ?? 0
        }
    }
}
