import Media
import NIOCore
import Seeded
import Testing

@testable import Origin

/// Publishers that stall, go and come back: one playlist that keeps every rule through all of it (RFC 8216bis, 6.2.1).
@Suite struct ReturnTests {
    /// A part target of 350 ms and 200 ms more where the publisher is gone (6.2.1); the clock is looked at every 40 ms, and
    /// what was listed last may have ended a frame or two after it came.
    private static let silence: Int64 = 650_000
    /// A publisher that is back has a part target more for its first part.
    private static let longSilence: Int64 = 750_000
    /// One that is connected and silent is waited for, with a part target more for what it sends in the end.
    private static let waiting: Int64 = 4_450_000

    private func expectSound(_ stage: Stage, _ comment: String = "", silence: Int64 = longSilence) {
        #expect(stage.failures.isEmpty, "\(comment) \(stage.failures.prefix(8).joined(separator: "\n"))")
        #expect(stage.longestSilence <= silence, "\(comment): \(stage.longestSilence) µs without a part")
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
        // A burst is over when nothing has gained on the clock for 0.2 s.
        stage.run(seconds: 0.3)
        let playlist = try #require(stage.playlist(.video))
        #expect(playlist.mediaSequence == 100 && playlist.segments.count >= 2)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(5))")
        #expect(stage.media["video 100.0"] != nil)
    }

    /// 6.2.1: a new part within a part target of the last, and no more than jitter later.
    @Test func theFirstGapComesAPartTargetAfterTheLastPart() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.lose()
        stage.run(seconds: 0.4)
        for kind in [MediaKind.video, .audio] { #expect(stage.playlist(kind)?.gaps == 0) }
        stage.run(seconds: 0.25)
        for kind in [MediaKind.video, .audio] {
            let playlist = try #require(stage.playlist(kind))
            // What was hinted in the segment under way, and the gap's own segment where there was room between them.
            #expect((1...2).contains(playlist.gaps) && playlist.segments.last?.parts.last?.isGap == true)
        }
        stage.run(seconds: 5)
        expectSound(stage)
        #expect(stage.longestSilence <= Self.silence, "\(stage.longestSilence) µs")
    }

    /// Everything that came is listed, and nothing else.
    private func expectAllListed(_ stage: Stage, _ comment: String) throws {
        for kind in [MediaKind.video, .audio] {
            let playlist = try #require(stage.playlist(kind))
            #expect(playlist.gaps == 0 && playlist.discontinuities == 0, "\(comment) \(kind)")
        }
        stage.lose()
        #expect(stage.listed == stage.arrived && stage.stalls.isEmpty, "\(comment): \(stage.listed), \(stage.arrived)")
    }

    /// A publisher that pauses and sends what it held back, wherever in a part and a segment that falls.
    @Test(arguments: [0.5, 0.7, 1.0, 1.5, 3.0]) func aPauseCostsNoFrame(pause: Double) throws {
        // Segments of a second leave less time: their playlist waits for two.
        for (settings, interval) in [(ChannelSettings.staged, 60), (.stagedShort, 30)] where pause < 2 || interval == 60
        {
            for phase in [7.0, 7.1, 7.3, 8.2] {
                let stage = Stage(settings: settings)
                stage.publish(stage.encoder { $0.keyframeInterval = interval })
                stage.run(seconds: phase)
                for _ in 0..<3 {
                    stage.run(seconds: pause, stall: .burst)
                    stage.run(seconds: 2.3)
                }
                expectSound(stage, "\(pause) at \(phase)", silence: Int64(pause * 1e6) + Self.longSilence)
                try expectAllListed(stage, "\(pause) at \(phase)")
            }
        }
    }

    /// A longer stall: what gaps have taken is lost, up to the next keyframe, and each frame of it is counted.
    @Test(arguments: [4.5, 6.0, 9.0]) func aStallCostsWhatGapsHaveTaken(length: Double) throws {
        for isFastEnough in [true, false] {
            let stage = Stage()
            stage.publish(stage.encoder { $0.keyframeInterval = 30 })
            stage.run(seconds: 7.1)
            stage.run(seconds: length, stall: .burst)
            // The line is twice as fast as the stream, or much faster.
            if !isFastEnough { stage.drain(seconds: length, speed: 2) }
            stage.run(seconds: 4)
            let comment = "\(length), \(isFastEnough)"
            try expectGapsApart(stage, comment)
            stage.run(seconds: 4)
            expectSound(stage, comment, silence: Self.waiting)
            for kind in [MediaKind.video, .audio] {
                let playlist = try #require(stage.playlist(kind))
                #expect(playlist.discontinuities == 0, "\(comment) \(kind)")
                let report = try #require(stage.stalls.first { $0.kind == kind }, "\(comment) \(kind)")
                // The picture goes on with its next segment, sound with its next part.
                let wait = kind == .video ? 2 : 0.35
                #expect(report.gapSeconds < length - 4 + 0.5 + wait, "\(comment) \(kind): \(report)")
                #expect(report.unlistedSeconds < report.gapSeconds + 0.4, "\(comment) \(kind): \(report)")
            }
            stage.lose()
            for kind in [MediaKind.video, .audio] {
                let unlisted = stage.stalls.reduce(0) { $0 + ($1.kind == kind ? $1.unlistedFrames : 0) }
                #expect(
                    unlisted > 0 && (stage.listed[kind] ?? 0) + unlisted == stage.arrived[kind], "\(comment) \(kind)")
            }
        }
    }

    /// 4.4.4.7: a segment holds media or gaps. One that holds media may end with the short one that its hint asks for.
    private func expectGapsApart(_ stage: Stage, _ comment: String) throws {
        for kind in [MediaKind.video, .audio] {
            for segment in try #require(stage.playlist(kind)).segments where segment.parts.contains(where: \.isGap) {
                let media = segment.parts.prefix { !$0.isGap }
                let gaps = segment.parts.dropFirst(media.count)
                #expect(gaps.allSatisfy { $0.isGap }, "\(comment) \(kind) \(segment.sequence): media behind a gap")
                let isShort = gaps.reduce(0) { $0 + $1.duration.inSeconds } < 0.07
                #expect(media.isEmpty || isShort, "\(comment) \(kind) \(segment.sequence): a gap behind media")
                #expect(!media.isEmpty || segment.isGap || segment.duration == nil, "\(comment) \(kind)")
            }
        }
    }

    /// What has not come when the publisher's connection ends will not come.
    @Test func aPublisherThatIsLostIsNotWaitedFor() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.run(seconds: 2, stall: .burst)
        #expect(stage.playlist(.video)?.gaps == 0)
        stage.lose()
        stage.run(seconds: 0.05)
        let video = try #require(stage.playlist(.video))
        let end = try #require(video.segments.last?.programDateTime)
        let listed = end + Int64((video.segments.last?.mediaDuration.inSeconds ?? 0) * 1e6)
        #expect(video.gaps > 0 && stage.now - listed < 600_000)
        stage.run(seconds: 3)
        expectSound(stage, silence: 3_000_000)
        stage.publish(stage.encoder { $0.firstTimestamp = 12_150 })
        stage.run(seconds: 4)
        expectSound(stage, silence: 3_000_000)
        try expectGapsApart(stage, "lost")
    }

    /// Tracks that are sent seconds apart are paired by their stamps.
    @Test(arguments: [-5.0, -3, -1, 1, 2, 3, 4, 5]) func tracksThatAreSentApartAreWhole(lag: Double) throws {
        let stage = Stage()
        stage.publish(stage.encoder { $0.soundLag = Int64(lag * 1e6) })
        stage.run(seconds: 16)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8).joined(separator: "\n"))")
        guard lag < 0 else { return try expectAllListed(stage, "\(lag)") }
        // The last picture stands for as long as the sound that came ahead of it lasts.
        stage.lose()
        #expect(stage.listed[.audio] == stage.arrived[.audio] && stage.stalls.isEmpty)
        let (listed, arrived) = (stage.listed[.video] ?? 0, stage.arrived[.video] ?? 0)
        #expect(arrived > 0 && listed >= arrived, "\(listed) of \(arrived)")
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

    /// What a stall that ends in its own way leaves: a discontinuity only where the line fell behind or its stamps have jumped.
    @Test(arguments: [
        (StagedEncoder.Stall.burst, 0, 5.5), (.burst, 0, 8), (.drop, 0, 2.5), (.drop, 0, 4), (.drop, 1, 6),
        (.pause, 1, 6),
    ])
    func aStallEnds(stall: StagedEncoder.Stall, discontinuities: Int, length: Double) throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 7.1)
        stage.run(seconds: length, stall: stall)
        stage.run(seconds: 9)
        expectSound(stage, "\(stall) for \(length)", silence: Self.waiting)
        for kind in [MediaKind.video, .audio] {
            let playlist = try #require(stage.playlist(kind))
            #expect(playlist.discontinuities == discontinuities, "\(stall) \(kind)")
            #expect(playlist.segments.last?.parts.last?.isGap == false, "\(stall) \(kind)")
            // What has not come within four seconds is listed as a gap.
            let gap = stage.stalls.first { $0.kind == kind }?.gapSeconds ?? 0
            #expect(length < 4.5 || gap > 1, "\(stall) for \(length) \(kind): \(gap)")
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
        #expect(stage.longestSilence <= Self.waiting, "seed \(seed): \(stage.longestSilence)")
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
