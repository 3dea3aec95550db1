import NIOCore
import Seeded
import Testing

@testable import Media

/// A publish that begins with what was made before: its media is dated by the clock that it settles to.
@Suite struct BurstTests {
    private static let begin: Int64 = 1_800_000_000_000_000

    /// The first segment's date, when the first part was made and how far ahead of the clock anything listed was dated, in
    /// seconds since the publish began.
    private struct Start {
        var date = Double.nan
        var firstPart = Double.nan
        var latest = -Double.infinity
        var zero: Int64 = 0
    }

    /// Sends the first `burst` seconds of media `speed` times as fast as they were made, and all others as they are.
    private func publish(
        burst: Double, speed: Double, jitter: Int = 0, seed: UInt64 = 1, start: PackagerStart.ProgramDate = .arrival,
        change: (inout CrookedPublisher) -> Void = { _ in }
    ) -> Start {
        var random = SeededGenerator(seed: seed)
        var publisher = CrookedPublisher()
        change(&publisher)
        var packager = PublishPackager(
            configuration: PackagerConfiguration(), start: PackagerStart(firstSequence: 5, programDate: start))
        packager.declare(hasVideo: nil, hasAudio: nil, frameRate: publisher.declaresRate ? publisher.rate : nil)
        var result = Start()
        // What is sent as it is made goes on when the burst is through.
        let lag = burst - burst / speed
        var now = 0.0
        for item in publisher.send(random: &random).sent {
            let due = max(0, item.at < burst ? item.at / speed : item.at - lag)
            let late = jitter == 0 ? 0 : Double(Int.random(in: 0...jitter, using: &random)) / 1_000
            // The clock is looked at in between.
            while due + late - now > 0.1 {
                now += 0.1
                note(tick(&packager, now), at: now, &result)
            }
            now = max(now, due + late)
            var events: [PackagerEvent] = []
            let wall = Self.begin + Int64(now * 1e6)
            switch item.packet {
            case .video(let packet): packager.video(packet, at: wall, into: &events)
            case .audio(let packet): packager.audio(packet, at: wall, into: &events)
            }
            note(events, at: now, &result)
        }
        return result
    }

    private func tick(_ packager: inout PublishPackager, _ now: Double) -> [PackagerEvent] {
        var events: [PackagerEvent] = []
        packager.tick(at: Self.begin + Int64(now * 1e6), into: &events)
        return events
    }

    private func note(_ events: [PackagerEvent], at now: Double, _ result: inout Start) {
        for event in events {
            switch event {
            case .segment(let start):
                let date = Double(start.programDateTimeMicroseconds - Self.begin) / 1e6
                if result.date.isNaN { result.date = date }
                result.latest = max(result.latest, date - now)
            case .part: if result.firstPart.isNaN { result.firstPart = now }
            case .line(let line): result.zero = line.dateOffset + line.timestampShift
            default: break
            }
        }
    }

    @Test(arguments: [0.5, 1, 2, 5, 10], [8.0, 30, 1_000]) func datesAreThoseOfTheClockThatABurstSettlesTo(
        burst: Double, speed: Double
    ) {
        for seed in 1...UInt64(Search.rounds(5)) {
            let start = publish(burst: burst, speed: speed, jitter: 30, seed: seed)
            // The burst's end was made when it came, and the first frame as much earlier as the burst is long: as far as a
            // second tells.
            let told = min(burst, 0.9 * speed)
            let truth = told / speed - told
            #expect(abs(start.date - truth) < 0.2, "dated \(start.date), made at \(truth)")
            #expect(start.firstPart < 1.05, "the first part came after \(start.firstPart) s")
            if told == burst { #expect(start.latest < 0.05, "dated \(start.latest) s in the future") }
        }
    }

    /// Nothing waits longer than its first part for that.
    @Test func aPublishWithoutABurstBeginsAsEarly() {
        for seed in 1...UInt64(Search.rounds(10)) {
            let start = publish(burst: 0, speed: 1, jitter: 40, seed: seed)
            #expect(abs(start.date) < 0.1 && start.firstPart < 0.45, "\(start)")
        }
        // Before one frame a second tells anything, a quarter of a second does.
        let slow = publish(burst: 0, speed: 1) { $0.rate = 1 }
        #expect(abs(slow.date) < 0.1 && slow.firstPart < 0.5, "\(slow)")
    }

    /// Origins that agreed on a date measure the burst apart, and take off the same whole seconds.
    @Test func twinsDateABurstAlike() {
        for burst in [0.0, 2, 5, 9] {
            let starts = (1...3).map { seed in
                publish(
                    burst: burst, speed: burst == 0 ? 1 : 50, jitter: 30, seed: UInt64(seed),
                    start: .firstFrame(at: Self.begin))
            }
            #expect(Set(starts.map(\.zero)).count == 1, "\(starts)")
            #expect(starts.allSatisfy { abs($0.date + burst) < 0.6 })
        }
    }
}
