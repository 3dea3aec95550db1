import Testing

@testable import Media

/// Part targets that hold for every common frame rate and audio frame (RFC 8216bis, 4.4.4.9: 85 to 100 %).
@Suite struct GridTests {
    static let rates: [(Int64, Int64)] = [
        (24_000, 1_001), (24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60_000, 1_001), (60, 1),
    ]

    @Test(arguments: [200, 333, 500, 1_000]) func framesFillTheirPart(milliseconds: Int) throws {
        var configuration = PackagerConfiguration()
        configuration.partDuration = .milliseconds(milliseconds)
        let target = configuration.partTarget.microseconds / 1e6
        for (numerator, denominator) in Self.rates {
            let frame = try #require(FrameDuration(rateNumerator: numerator, rateDenominator: denominator))
            let count = configuration.framesPerPart(frameTicks: frame.ticks, timescale: 90_000)
            let duration = Double(count) * frame.ticks / 90_000
            #expect(
                duration <= target * 1.000001 && duration >= target * 0.85, "\(numerator)/\(denominator): \(duration)")
        }
        for (samples, rate) in [(1_024.0, 44_100.0), (1_024, 48_000), (960, 48_000)] {
            let count = configuration.framesPerPart(frameTicks: samples, timescale: rate)
            let duration = Double(count) * samples / rate
            #expect(duration <= target * 1.000001 && duration >= target * 0.85, "\(samples)/\(rate): \(duration)")
        }
    }

    @Test func partTargetsAreWholeMilliseconds() {
        let rows: [(Duration, Duration)] = [
            (.milliseconds(200), .milliseconds(210)), (.microseconds(333_333), .milliseconds(350)),
            (.milliseconds(500), .milliseconds(525)), (.seconds(1), .milliseconds(1_050)),
        ]
        for (part, target) in rows {
            var configuration = PackagerConfiguration()
            configuration.partDuration = part
            #expect(configuration.partTarget == target)
        }
    }

    /// Ten thousand frames on stamps rounded to milliseconds and shaken by up to 8 ms, a quarter of a frame, lie on the grid to a few ticks.
    @Test(arguments: [24.0, 25, 29.97, 30, 50, 60]) func jitterDoesNotReachTheGrid(rate: Double) throws {
        let frame = try #require(FrameDuration(near: rate))
        var clock = FrameClock(frame: frame, start: 0)
        var seed: UInt64 = 7
        var last: Int64 = 0
        var worst = 0.0
        for index in 1...10_000 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let reach = min(8, Int(frame.ticks / 90 / 4))
            let shake = Double(Int(seed >> 33) % (2 * reach + 1) - reach)
            let stamp = (Double(index) * frame.ticks / 90 + shake).rounded()
            let placed = clock.place(stamp * 90)
            #expect(placed > last)
            if index > 100 { worst = max(worst, abs(Double(placed) - Double(index) * frame.ticks)) }
            last = placed
        }
        #expect(worst < 90 * 6, "worst \(worst / 90) ms")
    }

    /// ffmpeg wraps at 2^31 ms, others at 2^32, and some senders cut stamps to 24 bits after 4 h 40 min.
    @Test(arguments: [24, 31, 32]) func timestampsWrap(bits: Int) {
        let modulus = Int64(1) << bits
        let before = Stamp(milliseconds: UInt32(truncatingIfNeeded: modulus - 20))
        let after = Stamp(milliseconds: 20, nanosecondOffset: 500_000)
        #expect(before.step(to: after) == 40_500)
        #expect(after.step(to: before) == -40_500)
    }

    @Test func stampsOfAnyValueAreStepped() {
        for first in [UInt32.min, 1, 1 << 24, 1 << 31, .max] {
            for second in [UInt32.min, 1, 1 << 24, 1 << 31, .max] {
                let step = Stamp(milliseconds: first, nanosecondOffset: .max).step(
                    to: Stamp(milliseconds: second, nanosecondOffset: .max))
                #expect(abs(step) <= Int64(UInt32.max) * 1_000)
            }
        }
    }
}
