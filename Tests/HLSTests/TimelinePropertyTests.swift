import NIOCore
import Seeded
import Testing

@testable import HLS

/// Random lives of a timeline: whatever is fed, what it lists is what it holds, and every rule is kept at each step.
struct TimelinePropertyTests {
    /// A publisher that keeps to the packager's promises: whole parts of the target but for a segment's last, segments
    /// that start independent or say that they do not, gaps, new init sections with a discontinuity, and an end.
    private struct Publisher {
        var random: SeededGenerator
        var timeline: LiveTimeline
        var date = newYear
        var sequence: Int64
        var initNumber = 0
        /// 100,000ths of a second of the open segment, and parts left in it.
        var units: Int64 = 0
        var partsLeft = 0

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            sequence = Int64.random(in: 0...1_000_000_000, using: &random)
            timeline = LiveTimeline(
                rendition: RenditionID(rawValue: "video"), configuration: .test, epoch: "x-\(seed)",
                firstSequence: sequence, discontinuitySequence: Int64.random(in: 0...9, using: &random))
        }

        /// One event of the packager.
        mutating func step() {
            if partsLeft == 0 { return begin() }
            partsLeft -= 1
            let isLast = partsLeft == 0
            let part =
                isLast
                ? Int64.random(in: 1_000...50_000, using: &random) : Int64.random(in: 42_500...50_000, using: &random)
            let isFirst = timeline.segments.last?.parts.isEmpty == true
            let isGap = Int.random(in: 0..<40, using: &random) == 0
            timeline.appendPart(
                duration: Double(part) / 100_000, isIndependent: isFirst || Bool.random(using: &random), byteCount: 1,
                isGap: isGap)
            units += part
            if isLast { end() }
        }

        private mutating func begin() {
            let isDiscontinuity = Int.random(in: 0..<8, using: &random) == 0
            if isDiscontinuity, Bool.random(using: &random) {
                initNumber += 1
                timeline.initSection(number: initNumber)
            }
            timeline.startSegment(
                sequence: sequence, programDateTimeMicroseconds: date, isDiscontinuity: isDiscontinuity,
                isIndependent: Int.random(in: 0..<200, using: &random) != 0)
            sequence += 1
            units = 0
            partsLeft = Int.random(in: 1...4, using: &random)
            if Int.random(in: 0..<20, using: &random) == 0 {
                partsLeft = 0
                units = 150_000
                end()
            }
        }

        private mutating func end() {
            timeline.endSegment(duration: Double(units) / 100_000)
            date += units * 10
        }
    }

    private func parse(_ timeline: LiveTimeline, _ skip: SkipRequest? = nil) throws -> MediaPlaylist {
        var buffer = ByteBuffer()
        timeline.write(delta: skip, reports: [], into: &buffer)
        return try MediaPlaylist(parsing: buffer.readableBytesView)
    }

    @Test(
        "a playlist read back is the model; rules hold at each state and between states",
        arguments: 1...12 as ClosedRange<UInt64>)
    func lives(seed: UInt64) throws {
        var publisher = Publisher(seed: seed)
        var states: [MediaPlaylist] = []
        var listed: Set<Int64> = []
        var expired: Set<Int64> = []
        for step in 0..<120 {
            if step == 119 { publisher.timeline.end() } else { publisher.step() }
            let timeline = publisher.timeline
            guard timeline.position != nil else { continue }
            let playlist = try parse(timeline)
            #expect(playlist.segments == Self.expected(timeline), "seed \(seed) step \(step)")
            #expect(playlist.mediaSequence == timeline.mediaSequence)
            #expect(playlist.discontinuitySequence == timeline.discontinuitySequence)
            #expect(playlist.hasIndependentSegments == timeline.isIndependentThroughout)
            #expect(playlist.hasEnded == timeline.hasEnded)
            #expect(PlaylistRules.check(playlist).filter { !$0.isKept } == [], "seed \(seed) step \(step)")
            if let before = states.last {
                #expect(
                    PlaylistRules.check(from: before, to: playlist).filter { !$0.isKept } == [],
                    "seed \(seed) step \(step)")
            }
            states.append(playlist)
            if step % 3 == 0 { try checkDelta(publisher.timeline, playlist, states, &publisher.random) }
            listed.formUnion(playlist.segments.map(\.sequence))
            for gone in publisher.timeline.takeExpired(at: publisher.date) {
                #expect(expired.insert(gone).inserted)
                #expect(gone < playlist.mediaSequence)
            }
        }
        _ = publisher.timeline.takeExpired(at: 0)
        expired.formUnion(publisher.timeline.takeExpired(at: .max))
        expired.formUnion(publisher.timeline.segments.map(\.sequence))
        #expect(listed.subtracting(expired) == [], "seed \(seed): segments whose bytes nobody frees")
    }

    /// A delta keeps the rules, and with any earlier state that a client may have gives the whole playlist.
    private func checkDelta(
        _ timeline: LiveTimeline, _ playlist: MediaPlaylist, _ states: [MediaPlaylist],
        _ random: inout SeededGenerator
    ) throws {
        let delta = try parse(timeline, .segments)
        #expect(PlaylistRules.check(delta).filter { !$0.isKept } == [], "\(timeline.epoch)")
        let age = Int.random(in: 0...8, using: &random)
        if let known = states.dropLast(min(age, states.count - 1)).last {
            #expect(try delta.applied(to: known) == playlist, "\(timeline.epoch)")
        }
    }

    /// What a client must read, said from the model.
    private static func expected(_ timeline: LiveTimeline) -> [MediaPlaylist.Segment] {
        var discontinuities = timeline.discontinuitySequence
        return timeline.segments.filter(\.isListed).map { segment in
            if segment.isDiscontinuity { discontinuities += 1 }
            let listsParts = segment.sequence >= timeline.partsListedFrom
            let parts = segment.parts.enumerated().map { index, part in
                MediaPlaylist.Part(
                    uri: "\(timeline.epoch)/\(segment.sequence).\(index).m4s", duration: part.duration,
                    isIndependent: part.isIndependent, isGap: part.isGap)
            }
            let map = segment.initNumber == 0 ? "init.mp4" : "init-\(segment.initNumber).mp4"
            return MediaPlaylist.Segment(
                sequence: segment.sequence, discontinuitySequence: discontinuities,
                uri: segment.isComplete ? "\(timeline.epoch)/\(segment.sequence).m4s" : nil,
                duration: segment.duration, isDiscontinuity: segment.isDiscontinuity, isGap: segment.isGap,
                programDateTime: segment.programDateTime / 1_000 * 1_000, map: .init(uri: "\(timeline.epoch)/\(map)"),
                parts: listsParts ? parts : [])
        }
    }

    @Test(
        "6.2.5.2: every request is answered by the oracle's state, whatever comes",
        arguments: 1...20 as ClosedRange<UInt64>)
    func requests(seed: UInt64) throws {
        var publisher = Publisher(seed: seed)
        var held: [(directives: DeliveryDirectives, target: HoldTarget)] = []
        for step in 0..<150 {
            if step == 149 { publisher.timeline.end() } else { publisher.step() }
            let timeline = publisher.timeline
            held.removeAll { request in
                let isDue = Self.oracle(request.directives, timeline)
                #expect(timeline.isSatisfied(request.target) == isDue, "seed \(seed) step \(step) \(request)")
                return isDue
            }
            guard let position = timeline.position else { continue }
            for _ in 0..<4 {
                let msn = max(0, position.sequence + Int64.random(in: -12...4, using: &publisher.random))
                let part =
                    Bool.random(using: &publisher.random) ? Int.random(in: 0...14, using: &publisher.random) : nil
                let directives = DeliveryDirectives(msn: msn, part: part)
                switch timeline.decide(directives) {
                case .ready: #expect(Self.oracle(directives, timeline), "seed \(seed) step \(step) \(directives)")
                case .hold(let target):
                    #expect(!Self.oracle(directives, timeline), "seed \(seed) step \(step) \(directives)")
                    held.append((directives, target))
                case .badRequest:
                    #expect(!timeline.hasEnded && msn >= position.sequence, "seed \(seed) step \(step) \(directives)")
                }
            }
        }
        #expect(held.isEmpty)
    }

    /// 6.2.5.2 said the slow way, over what is listed: roll a part past the end of a finished segment over to the next
    /// segment's part 0, then look whether it or anything later is there.
    private static func oracle(_ directives: DeliveryDirectives, _ timeline: LiveTimeline) -> Bool {
        guard let msn = directives.msn, !timeline.hasEnded else { return true }
        let listed = timeline.segments.filter(\.isListed)
        guard var part = directives.part else { return listed.contains { $0.isComplete && $0.sequence >= msn } }
        var sequence = msn
        if let segment = listed.first(where: { $0.sequence == msn }), segment.isComplete,
            part >= max(1, segment.parts.count)
        {
            sequence += 1
            part = 0
        }
        return listed.contains { segment in
            segment.sequence > sequence
                || segment.sequence == sequence && (part < segment.parts.count || segment.isComplete)
        }
    }

    @Test(
        "a hinted part that is asked for is either there later or known not to come",
        arguments: 1...10 as ClosedRange<UInt64>)
    func hints(seed: UInt64) {
        var publisher = Publisher(seed: seed)
        var waiting: MediaPosition?
        for _ in 0..<200 {
            publisher.step()
            let timeline = publisher.timeline
            if let wanted = waiting {
                let name = "\(timeline.epoch)/\(wanted.sequence).\(wanted.part).m4s"
                switch timeline.media(name) {
                case .hinted: #expect(!timeline.isSatisfied(.hint(wanted)))
                case .part(let found): #expect(found == wanted && timeline.isSatisfied(.hint(wanted)))
                case .unknown: #expect(timeline.isSatisfied(.hint(wanted)))
                default: Issue.record("seed \(seed): \(name) is \(timeline.media(name))")
                }
            }
            waiting = timeline.hinted
        }
    }
}
