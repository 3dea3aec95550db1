import Seeded
import Testing

@testable import Media

/// What long searches have found, each by its publisher: it stays straight from now on.
@Suite struct RegressionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let part: Duration
        let publisher: CrookedPublisher

        init(_ name: String, part: Duration = .microseconds(333_333), _ change: (inout CrookedPublisher) -> Void) {
            testDescription = name
            self.part = part
            var publisher = CrookedPublisher()
            change(&publisher)
            self.publisher = publisher
        }
    }

    static let cases = [
        Case("a first keyframe interval longer than a segment is not foretold wrongly", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (25, 44_100, 3)
        },
        Case("nor is it where stamps jitter", part: .milliseconds(200)) {
            ($0.sampleRate, $0.keyframeSeconds, $0.reordersFrames) = (44_100, 3, true)
            $0.faults = [.videoJitter(2)]
        },
        Case("a segment that is expected to end goes on: its end is not told before", part: .milliseconds(500)) {
            $0.keyframeSeconds = 3
            $0.faults = [.truncated24, .startsAt(milliseconds: 16_772_216)]
        },
        Case("sound that is away while both tracks jump comes back beside its picture", part: .milliseconds(500)) {
            ($0.rate, $0.keyframeSeconds, $0.declaresRate) = (12.5, 1, false)
            $0.faults = [
                .missingAudio(from: 5.239, to: 11.074), .jump(at: 9.447, by: -2_000_000), .lostFrames(every: 140),
            ]
        },
        Case("a picture that is away while both tracks jump comes back beside its sound", part: .milliseconds(200)) {
            $0.rate = 50
            $0.faults = [.jump(at: 9.083, by: -5_000), .missingVideo(from: 4.808, to: 9.6)]
        },
        Case("a hole in sound that is sent ahead says nothing of the picture", part: .milliseconds(500)) {
            ($0.rate, $0.sampleRate) = (50, 44_100)
            $0.faults = [
                .missingVideo(from: 3.96, to: 4.949), .audioAhead(0.25), .jump(at: 2.445, by: 4_434),
            ]
        },
        Case("gaps for a picture that stays away leave it room beside sound that is ahead", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (25, 44_100, 8.3)
            $0.faults = [.audioAhead(0.9155), .missingVideo(from: 5.933, to: 9.185)]
        },
        Case("a stray stamp after an absence is left again", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds, $0.declaresRate) = (10, 44_100, 0.5, false)
            $0.faults = [
                .strayStamp(at: 7.299, by: 6_000), .missingVideo(from: 6.0036, to: 11.7727), .lostFrames(every: 57),
            ]
        },
        Case("the last sound of a publish whose picture is away makes no segment too long") {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (60, 44_100, 8.3)
            ($0.reordersFrames, $0.declaresRate) = (true, false)
            $0.faults = [
                .videoJump(at: 3.327, by: -5_000), .clock(1.001), .missingVideo(from: 3.329, to: 9.2886),
            ]
        },
        Case("a break after which frames are shown sooner lies behind the cut before it", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.reordersFrames) = (10, 44_100, true)
            $0.faults = [.repeatedDecodeTime(every: 63), .newResolution(at: 2.109), .jump(at: 3.775, by: -700)]
        },
    ]

    @Test(arguments: cases) func staysStraight(found: Case) {
        var configuration = PackagerConfiguration()
        configuration.partDuration = found.part
        var random = SeededGenerator(seed: 1)
        let judge = Simulation.run(found.publisher, configuration, lookEvery: 10, random: &random).judge
        #expect(judge.findings.isEmpty, "\(judge.findings.prefix(5).joined(separator: "\n"))")
    }
}
