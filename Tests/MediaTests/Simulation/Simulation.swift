import NIOCore
import Seeded

@testable import Media

/// One publish of a crooked publisher, packaged and judged, from one seed.
enum Simulation {
    /// A publisher with one to three faults, or none.
    static func publisher(_ random: inout SeededGenerator) -> CrookedPublisher {
        var publisher = CrookedPublisher()
        publisher.rate = [24, 25, 30_000 / 1_001, 30, 50, 60, 15, 10, 12.5].randomElement(using: &random) ?? 30
        publisher.sampleRate = Bool.random(using: &random) ? 48_000 : 44_100
        publisher.keyframeSeconds = [0.5, 1, 2, 2, 2, 3, 4, 8.3, 10].randomElement(using: &random) ?? 2
        publisher.reordersFrames = Int.random(in: 0..<4, using: &random) == 0
        publisher.declaresRate = Bool.random(using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0: publisher.hasAudio = false
        case 1: publisher.hasVideo = false
        default: break
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) { add(&publisher, &random) }
        return publisher
    }

    private static func add(_ publisher: inout CrookedPublisher, _ random: inout SeededGenerator) {
        let at = Double.random(in: 2...10, using: &random)
        let span = Double.random(in: 0.1...6, using: &random)
        let every = Int.random(in: 5...200, using: &random)
        let leaps = [6_000, 60_000, 100_000_000, -700, -5_000, -60_000, -2_000_000]
        let leap = leaps.randomElement(using: &random) ?? 0
        let faults: [CrookedPublisher.Fault] = [
            .videoJitter(Int.random(in: 1...10, using: &random)),
            .audioJitter(Int.random(in: 1...8, using: &random)),
            .variableRate,
            .jump(at: at, by: leap),
            .jump(at: at, by: Int.random(in: -450...4_500, using: &random)),
            .videoJump(at: at, by: leap),
            .strayStamp(at: at, by: leap),
            .missingAudio(from: at, to: at + span),
            .missingVideo(from: at, to: at + span),
            .stall(at: at, for: span),
            .lostFrames(every: every),
            .lostSound(every: every),
            .repeatedDecodeTime(every: every),
            .newResolution(at: at),
            .newSampleRate(at: at),
            .audioAhead(Double.random(in: 0.1...5, using: &random)),
            .videoAhead(Double.random(in: 0.1...5, using: &random)),
            .lateAudio(Double.random(in: 0.1...5, using: &random)),
            .lateVideo(Double.random(in: 0.1...5, using: &random)),
            .lateSound(Double.random(in: 0.1...5, using: &random)),
            .clock(Bool.random(using: &random) ? 0.999 : 1.001),
            .truncated24,
            .startsAt(milliseconds: (Int64(1) << ([24, 31, 32].randomElement(using: &random) ?? 31)) - 5_000),
            .startsAt(milliseconds: 18_000_000),
        ]
        guard let fault = faults.randomElement(using: &random) else { return }
        publisher.faults.append(fault)
        if fault == .truncated24 { publisher.faults.append(.startsAt(milliseconds: 16_777_216 - 5_000)) }
    }

    struct Arrival {
        /// Microseconds since 1970 of the publish's beginning, by this origin's clock.
        var begin: Int64 = 1_800_000_000_000_000
        /// Up to so many milliseconds late, each packet by itself.
        var jitter = 0
        var seed: UInt64 = 0
    }

    /// Packages what was sent, and calls `take` with what each packet made, and with whether it was the publish's end.
    static func package(
        _ sent: [CrookedPublisher.Sent], by publisher: CrookedPublisher, configuration: PackagerConfiguration,
        start: PackagerStart, arrival: Arrival = Arrival(), take: ([PackagerEvent], Bool) -> Void
    ) -> PackagerContinuation? {
        var random = SeededGenerator(seed: arrival.seed)
        var packager = PublishPackager(configuration: configuration, start: start)
        packager.declare(
            hasVideo: publisher.declaresTracks ? publisher.hasVideo : nil,
            hasAudio: publisher.declaresTracks ? publisher.hasAudio : nil,
            frameRate: publisher.declaresRate ? publisher.rate : nil)
        var wall = arrival.begin
        for item in sent {
            let delay = arrival.jitter == 0 ? 0 : Int64.random(in: 0...Int64(arrival.jitter) * 1_000, using: &random)
            wall = max(wall, arrival.begin + Int64((item.at + 2) * 1e6) + delay)
            var events: [PackagerEvent] = []
            switch item.packet {
            case .video(let packet): packager.video(packet, at: wall, into: &events)
            case .audio(let packet): packager.audio(packet, at: wall, into: &events)
            }
            take(events, false)
        }
        var events: [PackagerEvent] = []
        packager.finish(into: &events)
        take(events, true)
        return packager.continuation
    }

    /// What a seed finds; empty where everything was straight.
    static func run(seed: UInt64, lookEvery: Int) -> (publisher: CrookedPublisher, judge: PackagingJudge) {
        var random = SeededGenerator(seed: seed)
        let publisher = publisher(&random)
        var configuration = PackagerConfiguration()
        configuration.partDuration =
            [
                .microseconds(333_333), .milliseconds(200), .milliseconds(500), .seconds(1),
            ].randomElement(using: &random) ?? .seconds(1)
        return run(publisher, configuration, lookEvery: lookEvery, random: &random)
    }

    static func run(
        _ publisher: CrookedPublisher, _ configuration: PackagerConfiguration = PackagerConfiguration(),
        lookEvery: Int = 1, random: inout SeededGenerator, change: (PackagerEvent) -> [PackagerEvent] = { [$0] }
    ) -> (publisher: CrookedPublisher, judge: PackagingJudge) {
        let (sent, meant) = publisher.send(random: &random)
        var judge = PackagingJudge(
            configuration, firstSequence: 50, meant: meant, lookEvery: lookEvery,
            pictureBreaks: publisher.pictureBreaks)
        _ = package(
            sent, by: publisher, configuration: configuration, start: PackagerStart(firstSequence: 50)
        ) { events, isLast in
            judge.take(events.flatMap(change), isLast: isLast)
        }
        judge.finish()
        return (publisher, judge)
    }
}
