import Testing

@testable import Lint

/// 4.4.4.6: a date belongs to the first sample of its segment.
@Suite struct DateOffsetTests {
    @Test func datesThatFollowEitherClockHaveNotMoved() {
        var offset = DateOffset(shown: 1_000, decoded: 1_000.08, startsSync: true)
        // Cut between a B-frame's reference and itself: it is shown 80 ms before the first sample's turn.
        #expect(abs(offset.drift(shown: 1_000.08, decoded: 1_000.08, startsSync: false)) < 1e-9)
        #expect(abs(offset.newest - 1_000) < 1e-9)
        #expect(abs(offset.drift(shown: 1_000, decoded: 1_000.04, startsSync: true)) < 1e-9)
    }

    @Test func datesThatMoveAgainstBothClocksHaveMoved() {
        var offset = DateOffset(shown: 1_000, decoded: 1_000.08, startsSync: true)
        #expect(abs(offset.drift(shown: 1_000.2, decoded: 1_000.28, startsSync: false) - 0.2) < 1e-9)
        #expect(abs(offset.newest - 1_000.2) < 1e-9)
        #expect(abs(offset.drift(shown: 999.9, decoded: 999.98, startsSync: true) + 0.1) < 1e-9)
    }

    @Test func whereASyncSampleBeginsBothSegmentsItsMomentIsTheOneThatCounts() {
        var offset = DateOffset(shown: 1_000, decoded: 1_000.08, startsSync: true)
        #expect(abs(offset.drift(shown: 1_000.08, decoded: 1_000.08, startsSync: true) - 0.08) < 1e-9)
    }

    @Test func aWatchThatBeginsInTheMiddleOfAGroupIsComparedOnceItSawASyncSample() {
        var offset = DateOffset(shown: 1_000.08, decoded: 1_000.08, startsSync: false)
        #expect(!offset.isExact)
        #expect(abs(offset.drift(shown: 1_000, decoded: 1_000.08, startsSync: true)) < 1e-9)
        #expect(offset.isExact)
        #expect(abs(offset.newest - 1_000) < 1e-9)
        #expect(abs(offset.drift(shown: 1_000.2, decoded: 1_000.28, startsSync: true) - 0.2) < 1e-9)
    }
}
