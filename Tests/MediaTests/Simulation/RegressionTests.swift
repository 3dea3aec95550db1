import Seeded
import Testing

@testable import Media

/// What long searches have found, each by its publisher: it stays straight from now on.
@Suite struct RegressionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let part: Duration
        let seed: UInt64
        let publisher: CrookedPublisher

        init(
            _ name: String, part: Duration = .microseconds(333_333), seed: UInt64 = 1,
            _ change: (inout CrookedPublisher) -> Void
        ) {
            testDescription = name
            self.part = part
            self.seed = seed
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
        Case("sound of a new sample rate begins by its stamp, not where silence ended", part: .milliseconds(200)) {
            ($0.rate, $0.keyframeSeconds, $0.declaresRate) = (30_000 / 1_001, 8.3, false)
            $0.faults = [.newSampleRate(at: 4.307_396_192_957_694)]
        },
        Case("so does sound after a jump that the picture made before it", seed: 46) {
            ($0.rate, $0.sampleRate, $0.declaresRate) = (24, 44_100, false)
            $0.faults = [.newSampleRate(at: 9.667), .jump(at: 9.293, by: -700), .variableRate]
        },
        Case("a stall and a new resolution make no segment of sound too long", part: .seconds(1)) {
            ($0.rate, $0.declaresRate) = (15, false)
            $0.faults = [.stall(at: 8.558_912, for: 4.424_375), .newResolution(at: 9.971_874)]
        },
        Case("nor does a line that breaks where gaps stand for the picture", part: .seconds(1)) {
            ($0.rate, $0.keyframeSeconds, $0.declaresRate) = (10, 8.3, false)
            $0.faults = [.stall(at: 4.968_084, for: 1.614_979), .videoJump(at: 6.560_02, by: 6_000)]
        },
        Case("a gap before frames that are shown sooner leaves no leap in the dates", part: .milliseconds(500)) {
            ($0.rate, $0.reordersFrames) = (60, true)
            $0.faults = [.clock(1.001), .stall(at: 3.704_082, for: 5.977_078)]
        },
        Case("a stray stamp after a stall leaves the picture beside its sound", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds, $0.reordersFrames) = (15, 44_100, 3, true)
            $0.faults = [
                .newSampleRate(at: 4.323_097), .strayStamp(at: 5.138_253, by: -60_000),
                .stall(at: 3.113_073, for: 3.476_245),
            ]
        },
        Case("a picture that comes back with a stray stamp is put where its sound has come to", part: .seconds(1)) {
            $0.rate = 24
            $0.faults = [
                .strayStamp(at: 7.117_325, by: -60_000), .missingVideo(from: 5.694_328, to: 9.444_265),
                .jump(at: 3.909_245, by: -700),
            ]
        },
        Case("the same beside sound that is sent ahead", part: .seconds(1)) {
            $0.declaresRate = false
            $0.faults = [
                .strayStamp(at: 7.519_962, by: 60_000), .audioAhead(0.262_196), .stall(at: 7.466_569, for: 4.952_460),
            ]
        },
        Case("a first frame whose stamp is astray does not part the picture from its sound", part: .seconds(1)) {
            $0.rate = 25
            $0.faults = [
                .strayStamp(at: 3.152_473, by: -2_000_000), .videoAhead(0.576_196), .lateVideo(4.060_763),
            ]
        },
        Case("silence lasts up to where the picture's line breaks, and its end is hinted truly") {
            ($0.rate, $0.keyframeSeconds) = (15, 4)
            $0.faults = [
                .missingAudio(from: 4.217_414, to: 8.900_164), .videoJump(at: 7.778_068, by: -5_000),
            ]
        },
        Case("silence that meets a new sample rate on a line hours long ends where it should") {
            ($0.rate, $0.keyframeSeconds) = (30_000 / 1_001, 0.5)
            $0.faults = [
                .newSampleRate(at: 3.281), .startsAt(milliseconds: 18_000_000), .missingAudio(from: 3.287, to: 7.383),
            ]
        },
        Case("a rate that varies is not taken for even before it has been seen", part: .milliseconds(200), seed: 5) {
            ($0.rate, $0.keyframeSeconds) = (10, 3)
            $0.faults = [.variableRate]
        },
        Case("a grid is found again under a camera that jitters", part: .milliseconds(500), seed: 10) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (15, 44_100, 10)
            $0.faults = [.videoJitter(10), .clock(0.999)]
        },
        Case("parts last together what their segment does, in what is listed too", part: .milliseconds(500)) {
            ($0.rate, $0.keyframeSeconds, $0.reordersFrames, $0.declaresRate) = (15, 4, true, false)
            $0.faults = [.lateSound(0.949_885), .lostFrames(every: 65), .strayStamp(at: 5.017_221, by: 60_000)]
        },
        Case("sound alone of a new sample rate comes after the part that was hinted") {
            ($0.sampleRate, $0.hasVideo, $0.declaresRate) = (44_100, false, false)
            $0.faults = [.newSampleRate(at: 3.407_895)]
        },
        Case("sound that was away before a stall comes back beside its picture", part: .milliseconds(500)) {
            ($0.rate, $0.keyframeSeconds, $0.declaresRate) = (15, 0.5, false)
            $0.faults = [
                .stall(at: 4.808_218, for: 3.793_925), .strayStamp(at: 5.928_626, by: -60_000),
                .missingAudio(from: 3.002_247, to: 7.170_788),
            ]
        },
        Case("a jump back that silence hides is seen beside the picture") {
            ($0.rate, $0.keyframeSeconds, $0.declaresRate) = (60, 8.3, false)
            $0.faults = [
                .missingAudio(from: 8.805_005, to: 9.296_602), .jump(at: 9.289_658, by: -700), .audioJitter(4),
            ]
        },
        Case("one that a picture's absence hides is seen beside the sound", part: .milliseconds(200)) {
            ($0.keyframeSeconds, $0.declaresRate) = (8.3, false)
            $0.faults = [
                .jump(at: 4.398_838, by: -700), .startsAt(milliseconds: 4_294_962_296),
                .missingVideo(from: 3.790_785, to: 4.780_946),
            ]
        },
        Case("one that slow frames hide is seen beside the sound", part: .milliseconds(200), seed: 3) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds, $0.declaresRate) = (10, 44_100, 1, false)
            $0.faults = [.jump(at: 6.425_007, by: -700), .variableRate]
        },
        Case("sound that comes back beside a stray stamp stays where it was", part: .milliseconds(500)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (30_000 / 1_001, 44_100, 1)
            ($0.reordersFrames, $0.declaresRate) = (true, false)
            $0.faults = [
                .missingAudio(from: 5.398_829, to: 5.925_405), .clock(1.001), .strayStamp(at: 5.909_870, by: -700),
            ]
        },
        Case("what sound leaps over behind a break of the picture's line does not wait", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds, $0.declaresRate) = (30_000 / 1_001, 44_100, 3, false)
            $0.faults = [
                .jump(at: 8.902_504, by: 3_494), .strayStamp(at: 7.338_262, by: -2_000_000), .audioAhead(0.955_105),
            ]
        },
        Case("how far ahead sound is sent is not forgotten while none comes", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (60, 44_100, 10)
            $0.faults = [.stall(at: 6.739_497, for: 5.673_128), .lateVideo(4.493_474), .audioAhead(0.908_585)]
        },
        Case("a rate that varies is not taken for even behind a jump", seed: 25) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds) = (10, 44_100, 10)
            $0.faults = [.variableRate, .jump(at: 8.131_800, by: 60_000)]
        },
        Case("jitter that moves the grid too leaves frames on it", part: .milliseconds(500), seed: 52) {
            ($0.rate, $0.sampleRate, $0.keyframeSeconds, $0.reordersFrames) = (25, 44_100, 4, true)
            $0.faults = [.clock(0.999), .audioAhead(0.929_952), .videoJitter(10)]
        },
        Case("a frame of sound that is made longer holds no segment back", part: .milliseconds(200)) {
            ($0.rate, $0.sampleRate, $0.reordersFrames) = (30_000 / 1_001, 44_100, true)
            $0.faults = [.lateSound(0.274_956), .repeatedDecodeTime(every: 159), .clock(1.001)]
        },
        Case("sound before a leap of the line is not all one segment's", part: .milliseconds(200)) {
            ($0.rate, $0.declaresRate) = (15, false)
            $0.faults = [
                .stall(at: 4.735_177, for: 5.508_616), .missingVideo(from: 3.423_673, to: 6.865_045),
                .jump(at: 4.299_216, by: 4_185),
            ]
        },
    ]

    @Test(arguments: cases) func staysStraight(found: Case) {
        var configuration = PackagerConfiguration()
        configuration.partDuration = found.part
        var random = SeededGenerator(seed: found.seed)
        let judge = Simulation.run(found.publisher, configuration, lookEvery: 10, random: &random).judge
        #expect(judge.findings.isEmpty, "\(judge.findings.prefix(5).joined(separator: "\n"))")
    }
}
