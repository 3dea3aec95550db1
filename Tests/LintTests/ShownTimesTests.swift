import Testing

@testable import Lint

/// Frames that are shown at once, or before what was shown.
struct ShownTimesTests {
    /// Frames of 40 ticks at 1,000 a second, in decode order by when they are shown; `!` marks independent ones.
    private static func segment(_ shown: [(Int64, Bool)], from start: Int64 = 0) -> ShownTimes {
        ShownTimes(
            shown.enumerated().map { index, frame in
                let decode = start + Int64(index) * 40
                return MediaSample(
                    decodeTime: decode, duration: 40, compositionOffset: frame.0 - decode, size: 1, isSync: frame.1,
                    isIndependent: frame.1)
            }, timescale: 1_000)
    }

    @Test("B-frames with negative offsets keep the order")
    func reordered() {
        let first = Self.segment([(0, true), (120, false), (40, false), (80, false)])
        #expect(first.fault == nil)
        #expect(
            Self.segment([(160, true), (280, false), (200, false), (240, false)], from: 160).fault(after: first) == nil)
        // An open group: frames before the independent one in the order of showing, behind all that came before.
        let open = Self.segment([(240, true), (160, false), (200, false), (280, false)], from: 160)
        #expect(open.fault == nil && open.fault(after: first) == nil)
    }

    @Test("offsets that were cut off at zero make frames collide")
    func collision() {
        #expect(
            Self.segment([(0, true), (120, false), (80, false), (120, false)]).fault
                == "two frames are shown at 120 ticks")
        // Not in one segment, but across its end, which is cut in the middle of a group.
        let first = Self.segment([(0, true), (120, false), (40, false)])
        let next = Self.segment([(120, false), (80, false), (160, false)], from: 120)
        #expect(next.fault == nil && next.fault(after: first) != nil)
        #expect(Self.segment([(80, false), (160, false)], from: 120).fault(after: first) == nil)
    }

    @Test("times that go back from one group, or one segment, to the next")
    func back() {
        #expect(
            Self.segment([(0, true), (120, false), (80, true)]).fault
                == "a frame is shown at 80 ticks, after one at 120")
        let first = Self.segment([(0, true), (120, false), (40, false), (80, false)])
        #expect(Self.segment([(100, true), (200, false)], from: 160).fault(after: first) != nil)
        // Signed offsets read as unsigned.
        #expect(Self.segment([(0, true), (1 << 32, false), (40, false), (90, true)]).fault != nil)
    }
}
