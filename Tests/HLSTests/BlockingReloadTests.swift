import Testing

@testable import HLS

/// 6.2.5.2, request by request, against a playlist of the segments 10 to 12 whole (parts 0 to 3 each).
struct BlockingReloadTests {
    enum State: CaseIterable {
        /// The next segment has not begun, or lists no part yet.
        case closed, begun
        /// Segment 13 is open with parts 0 and 1.
        case open
        /// Segment 13 is open and part 3 was its fourth.
        case full
        case ended
    }

    static func feed(_ state: State) -> Feed {
        var feed = Feed()
        feed.add(3)
        switch state {
        case .closed: break
        case .begun: feed.open()
        case .open: feed.open(parts: 2)
        case .full: feed.open(parts: 4)
        case .ended: feed.timeline.end()
        }
        return feed
    }

    enum Verdict { case ready, hold, bad }

    struct Row: CustomTestStringConvertible {
        let rule: String
        let state: State
        let msn: Int64?
        let part: Int?
        let verdict: Verdict
        var testDescription: String { "\(rule): \(state) msn=\(msn ?? -1) part=\(part ?? -1)" }

        init(_ rule: String, _ state: State, _ msn: Int64?, _ part: Int?, _ verdict: Verdict) {
            self.rule = rule
            self.state = state
            self.msn = msn
            self.part = part
            self.verdict = verdict
        }
    }

    static let rows: [Row] = [
        Row("no directive is answered at once", .open, nil, nil, .ready),
        Row("M1: MSN alone waits for the whole segment", .open, 13, nil, .hold),
        Row("M1: all parts listed is not a whole segment", .full, 13, nil, .hold),
        Row("M1: a whole segment with that MSN", .closed, 12, nil, .ready),
        Row("M1: a whole segment with a later MSN", .open, 11, nil, .ready),
        Row("M1: the next MSN", .closed, 13, nil, .hold),
        Row("M2: part N of M is listed", .open, 13, 1, .ready),
        Row("M2: part N of M is next", .open, 13, 2, .hold),
        Row("M2: something later is listed", .open, 12, 3, .ready),
        Row("M2: part 0 of a segment that has not begun", .closed, 13, 0, .hold),
        Row("M2: part 0 of a segment that lists nothing", .begun, 13, 0, .hold),
        Row("M3: past the last part of finished M is part 0 of M+1, listed", .open, 12, 4, .ready),
        Row("M3: far past the last part of an older finished M", .open, 11, 99, .ready),
        Row("M3: past the last part of finished M is part 0 of M+1, not there", .closed, 12, 4, .hold),
        Row("M3: the same while M+1 lists nothing", .begun, 12, 4, .hold),
        Row("M3: past the parts of the still open M waits", .full, 13, 4, .hold),
        Row("M4: a MSN older than the window", .open, 3, nil, .ready),
        Row("M4: a part older than the window", .open, 3, 7, .ready),
        Row("M4: MSN 0", .open, 0, 0, .ready),
        Row("M5: an ended playlist ignores a near MSN", .ended, 13, nil, .ready),
        Row("M5: an ended playlist ignores a far MSN", .ended, 999, 999, .ready),
        Row("S1: two past the open segment waits", .open, 15, nil, .hold),
        Row("S1: three past the open segment", .open, 16, nil, .bad),
        Row("S1: two past the last whole segment waits", .closed, 14, nil, .hold),
        Row("S1: three past the last whole segment", .closed, 15, nil, .bad),
        Row("S1: an open segment that lists nothing does not count", .begun, 15, nil, .bad),
        Row("S1: the largest MSN", .open, 999_999_999_999_999, nil, .bad),
        Row("S1: 3/0.5 = 6 parts past the last waits", .open, 13, 7, .hold),
        Row("S1: 7 parts past the last", .open, 13, 8, .bad),
        Row("S1: 6 parts past the last of finished M waits", .closed, 12, 9, .hold),
        Row("S1: 7 parts past the last of finished M", .closed, 12, 10, .bad),
        Row("S1: part 5 of a coming segment waits", .closed, 13, 5, .hold),
        Row("S1: part 6 of a coming segment", .closed, 13, 6, .bad),
        Row("S1: the largest part", .open, 13, 999_999_999_999_999, .bad),
    ]

    @Test("6.2.5.2 decides each request", arguments: rows)
    func decides(_ row: Row) {
        let decision = Self.feed(row.state).timeline.decide(DeliveryDirectives(msn: row.msn, part: row.part))
        let verdict: Verdict =
            switch decision {
            case .ready: .ready
            case .hold: .hold
            case .badRequest: .bad
            }
        #expect(verdict == row.verdict, "\(decision)")
    }

    @Test(
        "6.2.5.2-S1: the limit is 3/PT below a second, and 3 from there",
        arguments: [
            (200, 15), (333, 10), (500, 6), (999, 4), (1_000, 3), (2_000, 3),
        ])
    func advanceLimit(partMilliseconds: Int, limit: Int) {
        let configuration = TimelineConfiguration(
            partTarget: .milliseconds(partMilliseconds), targetDuration: 4, window: .seconds(30))
        #expect(configuration.advancePartLimit == limit)
    }

    @Test("6.2.5.2: a bad request says what is wrong with it")
    func reasons() {
        let timeline = Self.feed(.open).timeline
        #expect(
            timeline.decide(DeliveryDirectives(msn: 16))
                == .badRequest(reason: "_HLS_msn=16 is more than two past the last segment, 13."))
        #expect(
            timeline.decide(DeliveryDirectives(msn: 13, part: 8))
                == .badRequest(
                    reason: "_HLS_part=8 is more than 6 past the last part of segment 13, which lists 2."))
    }

    @Test("6.2.5.2-M1: a hold for an MSN ends when that segment closes, not when the next one opens")
    func holdForSegment() {
        var feed = Self.feed(.open)
        guard case .hold(let target) = feed.timeline.decide(DeliveryDirectives(msn: 13)) else {
            Issue.record("not held")
            return
        }
        feed.part()
        feed.part()
        #expect(!feed.timeline.isSatisfied(target))
        feed.close()
        #expect(feed.timeline.isSatisfied(target))
    }

    @Test("6.2.5.2-M3: a hold past the parts of an open M goes on to part 0 of M+1 when M closes")
    func holdRollsOver() {
        var feed = Self.feed(.full)
        guard case .hold(let target) = feed.timeline.decide(DeliveryDirectives(msn: 13, part: 4)) else {
            Issue.record("not held")
            return
        }
        feed.close()
        #expect(!feed.timeline.isSatisfied(target))
        feed.open()
        #expect(!feed.timeline.isSatisfied(target))
        feed.part(independent: true)
        #expect(feed.timeline.isSatisfied(target))
    }

    @Test("6.2.5.2-M3: a hold past the parts of an open M ends when M gets that part after all")
    func holdForFurtherPart() {
        var feed = Self.feed(.full)
        let target = HoldTarget.part(MediaPosition(sequence: 13, part: 4))
        #expect(!feed.timeline.isSatisfied(target))
        feed.part(0.4)
        #expect(feed.timeline.isSatisfied(target))
    }

    @Test("6.2.5.2-M5: the end of the presentation answers every hold")
    func endAnswers() {
        var feed = Self.feed(.open)
        let targets: [HoldTarget] = [
            .segment(15), .part(MediaPosition(sequence: 14, part: 3)), .hint(MediaPosition(sequence: 13, part: 2)),
        ]
        for target in targets { #expect(!feed.timeline.isSatisfied(target)) }
        feed.timeline.end()
        for target in targets { #expect(feed.timeline.isSatisfied(target)) }
    }

    @Test("6.2.5.2: a timeline without media holds its first segment and refuses what is far")
    func empty() {
        let timeline = Feed(firstSequence: 10).timeline
        #expect(
            timeline.decide(DeliveryDirectives(msn: 10, part: 0)) == .hold(until: .part(.init(sequence: 10, part: 0))))
        #expect(timeline.decide(DeliveryDirectives(msn: 12)) == .hold(until: .segment(12)))
        guard case .badRequest = timeline.decide(DeliveryDirectives(msn: 13)) else {
            Issue.record("not refused")
            return
        }
    }

    @Test("6.2.5.2-M2: a gap without parts counts as one part")
    func gapCounts() {
        var feed = Self.feed(.closed)
        feed.open()
        feed.close()
        #expect(feed.timeline.isSatisfied(.part(MediaPosition(sequence: 13, part: 0))))
        #expect(!feed.timeline.isSatisfied(.part(MediaPosition(sequence: 13, part: 1))))
        feed.open(parts: 1)
        #expect(feed.timeline.isSatisfied(.part(MediaPosition(sequence: 13, part: 1))))
    }
}
