import Testing

@testable import HLS

/// 4.4.3.8 and B.1: what a server promises of its playlists and answers.
struct TimelineConfigurationTests {
    @Test(
        "4.4.3.8, AAS 14.3: the smallest allowed values, whatever the part target",
        arguments: [
            (Duration.milliseconds(350), "0.35000", "1.05000"), (.milliseconds(200), "0.20000", "0.60000"),
            (.nanoseconds(333_333_333), "0.33334", "1.00002"), (.zero, "0.00100", "0.00300"),
            (.seconds(90), "4.00000", "12.00000"),
        ])
    func defaults(partTarget: Duration, written: String, holdBack: String) {
        let feed = Feed(TimelineConfiguration(partTarget: partTarget, targetDuration: 4, window: .zero))
        #expect(feed.text().contains("PART-TARGET=\(written)\n"))
        #expect(
            feed.text().contains("CAN-SKIP-UNTIL=24.00000,HOLD-BACK=12.00000,PART-HOLD-BACK=\(holdBack)\n"))
        #expect(feed.timeline.configuration.window == .seconds(12))
        #expect(feed.timeline.configuration.holdLimit == .seconds(12))
    }

    @Test("4.4.3.8: values of one's own are checked, and the error says what would do")
    func validation() throws {
        func make(
            part: Duration = .milliseconds(500), target: Int = 2, window: Duration = .seconds(20),
            skip: Duration = .seconds(12), hold: Duration = .seconds(6), partHold: Duration = .milliseconds(1_500)
        ) throws(TimelineConfigurationError) -> TimelineConfiguration {
            try TimelineConfiguration(
                partTarget: part, targetDuration: target, window: window, canSkipUntil: skip, holdBack: hold,
                partHoldBack: partHold)
        }
        #expect(try make() == .test)
        #expect(throws: TimelineConfigurationError.targetDurationOutOfRange(0)) { try make(target: 0) }
        #expect(throws: TimelineConfigurationError.partTargetOutOfRange(.seconds(3), targetDuration: 2)) {
            try make(part: .seconds(3))
        }
        let rows: [(String, () throws(TimelineConfigurationError) -> TimelineConfiguration)] = [
            (
                "window is 5.0 s; it must be at least 6.0 s (6.2.2).",
                { () throws(TimelineConfigurationError) in try make(window: .seconds(5)) }
            ),
            (
                "CAN-SKIP-UNTIL is 11.0 s; it must be at least 12.0 s (4.4.3.8).",
                { () throws(TimelineConfigurationError) in try make(skip: .seconds(11)) }
            ),
            (
                "HOLD-BACK is 5.0 s; it must be at least 6.0 s (4.4.3.8).",
                { () throws(TimelineConfigurationError) in try make(hold: .seconds(5)) }
            ),
            (
                "PART-HOLD-BACK is 1.4 s; it must be at least 1.5 s (AAS 14.3).",
                { () throws(TimelineConfigurationError) in try make(partHold: .milliseconds(1_400)) }
            ),
            (
                "HOLD-BACK is 90000.0 s; it must be at most 86400.0 s.",
                { () throws(TimelineConfigurationError) in try make(hold: .seconds(90_000)) }
            ),
        ]
        for (sentence, make) in rows {
            let error = #expect(throws: TimelineConfigurationError.self) { try make() }
            #expect(error?.description == sentence)
        }
    }

    @Test(
        "B.1: Cache-Control of each answer",
        arguments: [
            (CacheLifetime.blockingPlaylist, 4, "max-age=24"), (.playlist, 4, "max-age=2"), (.playlist, 1, "max-age=1"),
            (.media, 4, "max-age=3600, immutable"), (.media, 3_600, "max-age=21600, immutable"),
            (.failure, 4, "max-age=4"), (.tooEarly(partTarget: .milliseconds(350)), 4, "no-store"),
            (.tooEarly(partTarget: .milliseconds(1_900)), 4, "max-age=1"),
        ])
    func caching(lifetime: CacheLifetime, targetDuration: Int, value: String) {
        #expect(lifetime.value(targetDuration: targetDuration) == value)
    }
}
