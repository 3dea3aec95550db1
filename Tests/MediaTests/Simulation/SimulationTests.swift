import NIOCore
import Seeded
import Testing

@testable import Media

/// Crooked input stays straight out, whatever comes together.
@Suite struct SimulationTests {
    private func report(_ seed: UInt64, _ run: (publisher: CrookedPublisher, judge: PackagingJudge)) {
        guard !run.judge.findings.isEmpty else { return }
        Issue.record("seed \(seed): \(run.publisher)\n\(run.judge.findings.prefix(5).joined(separator: "\n"))")
    }

    /// Tens of publishers, hundreds and thousands in a search; the playlists are looked at after every tenth packet that made something.
    @Test(arguments: 0..<4) func publishersOfEverySeed(quarter: Int) {
        for seed in 0..<Search.rounds(12) {
            let seed = UInt64(quarter + seed * 4 + 1)
            report(seed, Simulation.run(seed: seed, lookEvery: 10))
        }
    }

    /// The same with a look after every packet that made something.
    @Test func everyStateOfSomePlaylists() {
        for seed in 0..<UInt64(Search.rounds(2)) {
            report(10_000 + seed, Simulation.run(seed: 10_000 + seed, lookEvery: 1))
        }
    }

    /// Each fault alone, on a publisher as there are many.
    @Test(
        arguments: [
            [], [.videoJitter(10)], [.audioJitter(8)], [.variableRate], [.jump(at: 5, by: 60_000)],
            [.jump(at: 5, by: -60_000)], [.jump(at: 5, by: -300)], [.jump(at: 5, by: 3_000)],
            [.startsAt(milliseconds: 1 << 31 - 5_000)], [.startsAt(milliseconds: 1 << 32 - 5_000)],
            [.startsAt(milliseconds: 1 << 24 - 5_000), .truncated24], [.startsAt(milliseconds: 18_000_000)],
            [.missingAudio(from: 4, to: 10)], [.missingVideo(from: 4, to: 10)], [.stall(at: 5, for: 3)],
            [.stall(at: 5, for: 8)], [.lostFrames(every: 10)], [.lostSound(every: 20)], [.repeatedDecodeTime(every: 9)],
            [.newResolution(at: 7)], [.newSampleRate(at: 7)], [.audioAhead(1)], [.videoAhead(1)], [.audioAhead(5)],
            [.videoAhead(5)], [.lateAudio(3)], [.lateVideo(3)], [.lateSound(3)], [.clock(0.999)], [.clock(1.001)],
            [.strayStamp(at: 5, by: 60_000)],
        ] as [[CrookedPublisher.Fault]]) func everyFaultAlone(faults: [CrookedPublisher.Fault])
    {
        var random = SeededGenerator(seed: 1)
        var publisher = CrookedPublisher()
        publisher.faults = faults
        for (reorders, isSigned) in [(false, false), (true, false), (false, true)] {
            (publisher.reordersFrames, publisher.offsetsAreSigned) = (reorders, isSigned)
            report(1, Simulation.run(publisher, lookEvery: 20, random: &random))
        }
    }

    @Test(arguments: [0.5, 1, 2, 3, 4, 8.3, 10]) func everyKeyframeInterval(seconds: Double) {
        var random = SeededGenerator(seed: 2)
        var publisher = CrookedPublisher()
        publisher.keyframeSeconds = seconds
        publisher.seconds = 24
        let run = Simulation.run(publisher, lookEvery: 5, random: &random)
        report(2, run)
        // Where keyframes allow it, every segment begins with one.
        #expect((run.judge.dependentSegments == 0) == (seconds <= 4))
    }

    /// 29.97 frames and 44.1 kHz for an hour, on stamps of whole milliseconds.
    @Test func hoursStayTogether() {
        var random = SeededGenerator(seed: 3)
        var publisher = CrookedPublisher()
        publisher.rate = 30_000 / 1_001
        publisher.sampleRate = 44_100
        publisher.seconds = 3_600
        let run = Simulation.run(publisher, lookEvery: 400, random: &random)
        report(3, run)
        #expect(run.judge.frames(.video) == 107_893)
        #expect(run.judge.discontinuities == 0 && run.judge.silentFrames == 0 && run.judge.gaps == 0)
        #expect(abs(run.judge.worst) < 0.012, "\(run.judge.worst) s apart at the worst")
    }

    /// Sound that is away is silence, a picture that is away is a gap, and neither breaks the line.
    @Test func whatIsMissingIsFilled() {
        var random = SeededGenerator(seed: 4)
        var publisher = CrookedPublisher()
        publisher.faults = [.missingAudio(from: 4, to: 9)]
        let mute = Simulation.run(publisher, random: &random).judge
        #expect(abs(mute.silentFrames - 234) < 4 && mute.gaps == 0 && mute.discontinuities == 0)
        publisher.faults = [.missingVideo(from: 4, to: 9)]
        let frozen = Simulation.run(publisher, random: &random)
        report(4, frozen)
        #expect(frozen.judge.repeats >= 13 && frozen.judge.gaps == 0 && frozen.judge.silentFrames == 0)
        publisher.seconds = 40
        publisher.faults = [.missingVideo(from: 4, to: 30)]
        let blind = Simulation.run(publisher, lookEvery: 10, random: &random)
        report(4, blind)
        #expect(blind.judge.gaps >= 40 && blind.judge.silentFrames == 0 && blind.judge.discontinuities == 0)
    }

    /// B-frames are shown before they are decoded by their stamps: the track is decoded earlier, and all are shown in time.
    @Test(arguments: [100, 200, 333, 500]) func offsetsOfEitherSignAreShownInTime(part: Int) {
        var random = SeededGenerator(seed: 7)
        var configuration = PackagerConfiguration()
        configuration.partDuration = .milliseconds(part)
        var publisher = CrookedPublisher()
        (publisher.rate, publisher.offsetsAreSigned) = (25, true)
        for start: Int64 in [0, 40, 18_000_000] {
            publisher.faults = [.startsAt(milliseconds: start)]
            let run = Simulation.run(publisher, configuration, random: &random)
            report(7, run)
            let times = run.judge.shown.sorted()
            #expect(times.count >= 400)
            #expect(zip(times, times.dropFirst()).allSatisfy { abs($1 - $0 - 0.04) < 0.000_1 })
            #expect(!run.judge.hasNegativeOffsets)
            #expect(run.judge.discontinuities == 0 && abs(run.judge.worst) < 0.012, "\(run.judge.worst)")
        }
    }

    // MARK: Slow pictures

    /// A frame lasts until the next one: media comes for every part, and all sound is there.
    @Test(arguments: [2, 1, 0.5, 0.2, 0.1, 3.1], [0, 2, 10, 60.0]) func slowPictures(rate: Double, keys: Double) {
        var random = SeededGenerator(seed: 8)
        var publisher = CrookedPublisher()
        (publisher.rate, publisher.keyframeSeconds, publisher.seconds) = (rate, keys, 40)
        for declares in [true, false] {
            publisher.declaresRate = declares
            for part in [200, 333, 1_000] {
                var configuration = PackagerConfiguration()
                configuration.partDuration = .milliseconds(part)
                let run = Simulation.run(publisher, configuration, lookEvery: 5, random: &random)
                report(8, run)
                #expect(run.judge.gaps == 0 && run.judge.silentFrames == 0 && run.judge.discontinuities == 0)
                #expect(run.judge.frames(.audio) > 1_870, "\(run.judge.frames(.audio)) frames of sound of 1875")
                #expect(run.judge.shown.count == Int((40 * rate).rounded(.up)))
            }
        }
    }

    @Test(arguments: [(1.0, 3.0), (0.4, 1.6), (2.0, 9.0)], [2.0, 10]) func picturesInBursts(
        burst: (of: Double, every: Double), keys: Double
    ) {
        var random = SeededGenerator(seed: 9)
        var publisher = CrookedPublisher()
        (publisher.keyframeSeconds, publisher.seconds) = (keys, 30)
        publisher.faults = [.bursts(of: burst.of, every: burst.every)]
        for faults in [[], [.variableRate]] as [[CrookedPublisher.Fault]] {
            publisher.faults = [.bursts(of: burst.of, every: burst.every)] + faults
            let run = Simulation.run(publisher, lookEvery: 5, random: &random)
            report(9, run)
            #expect(run.judge.gaps == 0 && run.judge.silentFrames == 0 && run.judge.discontinuities == 0)
            #expect(run.judge.frames(.audio) > 1_400, "\(run.judge.frames(.audio)) frames of sound of 1407")
        }
    }

    /// Sixteen seconds of sound are 751 frames. A picture that is away, sent ahead, or whose stamps leap takes none with it.
    @Test(
        arguments: [
            [.missingVideo(from: 4, to: 9)], [.missingVideo(from: 4, to: 9), .newResolution(at: 5)],
            [.missingVideo(from: 4, to: 9), .strayStamp(at: 8, by: -60_000)],
            [.missingVideo(from: 4, to: 9), .audioAhead(0.9)],
            [.missingVideo(from: 4, to: 9), .videoJump(at: 6, by: 6_000)],
            [.missingVideo(from: 4, to: 9), .jump(at: 6, by: 60_000)], [.jump(at: 6, by: 3_250), .videoAhead(0.45)],
        ] as [[CrookedPublisher.Fault]]) func soundIsNotLostWithThePicture(faults: [CrookedPublisher.Fault])
    {
        var random = SeededGenerator(seed: 5)
        var publisher = CrookedPublisher()
        publisher.faults = faults
        let run = Simulation.run(publisher, lookEvery: 20, random: &random)
        report(5, run)
        #expect(run.judge.frames(.audio) > 746, "\(run.judge.frames(.audio)) frames of sound")
    }

    /// Tracks that are sent up to five seconds apart, with their configurations, are whole: nothing is missing, so nothing
    /// stands for it.
    @Test(arguments: [-5, -4, -3, -1.5, 1.5, 3, 4, 5]) func tracksThatAreSentApartAreWhole(lag: Double) {
        for faults: [CrookedPublisher.Fault] in [[], [.jump(at: 9, by: 60_000)]] {
            var random = SeededGenerator(seed: 7)
            var publisher = CrookedPublisher()
            publisher.declaresTracks = true
            publisher.faults = [lag < 0 ? .audioAhead(-lag) : .videoAhead(lag)] + faults
            let run = Simulation.run(publisher, lookEvery: 20, random: &random)
            report(7, run)
            var again = SeededGenerator(seed: 7)
            let meant = publisher.send(random: &again).meant.values
            for kind in [MediaKind.video, .audio] {
                let sent = meant.count { $0.kind == kind }
                #expect(run.judge.frames(kind) == sent, "\(lag) s, \(faults): \(kind)")
            }
            #expect(run.judge.silentFrames == 0 && run.judge.gaps == 0, "\(lag) s, \(faults)")
            #expect((run.judge.discontinuities == 0) == faults.isEmpty, "\(lag) s, \(faults)")
        }
    }

    // MARK: Mutants

    /// Each breaks one promise, and is found.
    @Test(arguments: 0..<Mutant.allCases.count) func everyMutantIsFound(index: Int) {
        let mutant = Mutant.allCases[index]
        var random = SeededGenerator(seed: 5)
        var publisher = CrookedPublisher()
        publisher.faults = [.jump(at: 7, by: 60_000)]
        publisher.seconds = 12
        let sane = Simulation.run(publisher, lookEvery: 5, random: &random)
        report(5, sane)
        var count = 0
        let broken = Simulation.run(publisher, lookEvery: 5, random: &random) { event in
            mutant.change(event, &count)
        }
        #expect(!broken.judge.findings.isEmpty, "\(mutant) was not found")
    }

    enum Mutant: CaseIterable {
        case lostPart, longPart, shortPart, falseIndependence, missingIndependence, driftingDate, dateOfOneRendition
        case discontinuityInOne, laterDecodeTime, longSegment, skippedNumber, lateSound, lostSegmentEnd

        func change(_ event: PackagerEvent, _ count: inout Int) -> [PackagerEvent] {
            switch event {
            case .part(let part):
                count += 1
                let isChosen = part.kind == .video && part.index == 2
                var duration = part.duration
                var decodeTime = part.decodeTime
                var isIndependent = part.isIndependent
                switch self {
                case .lostPart where isChosen && part.sequence == 52: return []
                case .longPart where isChosen: duration *= 1.2
                case .shortPart where isChosen: duration *= 0.8
                case .falseIndependence where isChosen: isIndependent = true
                case .missingIndependence where part.index == 0: isIndependent = false
                case .laterDecodeTime where isChosen: decodeTime += 1
                default: return [event]
                }
                return [
                    .part(
                        Part(
                            kind: part.kind, sequence: part.sequence, index: part.index, bytes: part.bytes,
                            duration: duration, isIndependent: isIndependent, isLikelyLast: part.isLikelyLast,
                            sampleCount: part.sampleCount, decodeTime: decodeTime, timescale: part.timescale))
                ]
            case .segment(let start):
                var sequence = start.sequence
                var date = start.programDateTimeMicroseconds
                var isDiscontinuity = start.isDiscontinuity
                switch self {
                case .driftingDate: date += (start.sequence - 50) * 2_000
                case .dateOfOneRendition where start.kind == .audio: date += 30_000
                case .lateSound where start.kind == .audio && start.sequence == 50: date += 24_000
                case .discontinuityInOne where start.kind == .video: isDiscontinuity = false
                case .skippedNumber where start.sequence > 52: sequence += 1
                default: return [event]
                }
                return [
                    .segment(
                        SegmentStart(
                            kind: start.kind, sequence: sequence, isDiscontinuity: isDiscontinuity,
                            programDateTimeMicroseconds: date, startsIndependent: start.startsIndependent))
                ]
            case .segmentEnd(let kind, let sequence, let duration):
                if self == .longSegment { return [.segmentEnd(kind, sequence: sequence, duration: duration + 2.6)] }
                return self == .lostSegmentEnd && sequence == 52 ? [] : [event]
            default: return [event]
            }
        }
    }

    /// A packager that moved the sound by 25 ms would be found.
    @Test func soundBesideItsPictureIsFound() {
        var random = SeededGenerator(seed: 6)
        let publisher = CrookedPublisher()
        let (sent, meant) = publisher.send(random: &random)
        let configuration = PackagerConfiguration()
        var judge = PackagingJudge(configuration, firstSequence: 50, meant: meant)
        let late = sent.map { item -> CrookedPublisher.Sent in
            guard case .audio(var packet) = item.packet, case .frame = packet.payload else { return item }
            packet.timestampMilliseconds += 25
            return CrookedPublisher.Sent(packet: .audio(packet), at: item.at)
        }
        _ = Simulation.package(
            late, by: publisher, configuration: configuration, start: PackagerStart(firstSequence: 50)
        ) { judge.take($0, isLast: $1) }
        judge.finish()
        #expect(judge.findings.contains { $0.contains("behind the sound") })
    }
}
