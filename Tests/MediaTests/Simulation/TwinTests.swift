import Foundation
import NIOCore
import Seeded
import Testing

@testable import Media

/// Two packagers with two clocks, and one that goes on where another ended.
@Suite struct TwinTests {
    /// Everything of an event that a viewer can see.
    private static func trace(_ events: [PackagerEvent]) -> [String] {
        events.compactMap { event in
            switch event {
            case .track(let section):
                "track \(section.kind) \(section.number) \(section.discontinuitiesBefore) \(section.bytes.hashValue)"
            case .segment(let start): "\(start)"
            case .part(let part):
                "part \(part.kind) \(part.sequence).\(part.index) \(part.duration) \(part.isIndependent) "
                    + "\(part.isLikelyLast) \(part.decodeTime) \(part.bytes.readableBytes) \(part.bytes.hashValue)"
            case .discontinuity(let kind): "discontinuity \(kind)"
            case .segmentEnd(let kind, let sequence, let duration): "end \(kind) \(sequence) \(duration)"
            case .line(let line): "\(line)"
            case .warning, .refused, .gap: nil
            }
        }
    }

    /// The arrival of every packet differs by up to 200 ms, and the clocks by a second: not one byte does.
    @Test func twinsMakeTheSameBytes() {
        for seed in 1...UInt64(Search.rounds(20)) {
            var random = SeededGenerator(seed: seed)
            let publisher = Simulation.publisher(&random)
            let (sent, _) = publisher.send(random: &random)
            let start = PackagerStart(firstSequence: 7, programDate: .firstFrame(at: 1_800_000_002_000_000))
            let arrivals = [
                Simulation.Arrival(jitter: 200, seed: 1),
                Simulation.Arrival(begin: 1_800_000_001_000_000, jitter: 200, seed: 2),
            ]
            let traces = arrivals.map { arrival in
                var trace: [String] = []
                _ = Simulation.package(
                    sent, by: publisher, configuration: PackagerConfiguration(), start: start, arrival: arrival
                ) { events, _ in trace += Self.trace(events) }
                return trace
            }
            #expect(traces[0] == traces[1], "seed \(seed): \(publisher)")
            #expect(traces[0].count > 20)
        }
    }

    private struct Again {
        var starts: [SegmentStart] = []
        var tracks: [InitSection] = []
        var first: [MediaKind: Part] = [:]
        var last: [MediaKind: Part] = [:]
        var continuation: PackagerContinuation?

        mutating func take(_ events: [PackagerEvent]) {
            for event in events {
                switch event {
                case .track(let section): tracks.append(section)
                case .segment(let start): starts.append(start)
                case .part(let part):
                    first[part.kind] = first[part.kind] ?? part
                    last[part.kind] = part
                default: break
                }
            }
        }
    }

    private func publish(
        _ publisher: CrookedPublisher, from start: PackagerStart, at seconds: Double = 0
    ) -> Again {
        var random = SeededGenerator(seed: 1)
        var again = Again()
        let continuation = Simulation.package(
            publisher.send(random: &random).sent, by: publisher, configuration: PackagerConfiguration(), start: start,
            arrival: Simulation.Arrival(begin: 1_800_000_000_000_000 + Int64(seconds * 1e6))
        ) { events, _ in again.take(events) }
        again.continuation = continuation
        return again
    }

    /// As it is kept on a disk.
    private func stored(_ continuation: PackagerContinuation?) throws -> PackagerContinuation {
        let continuation = try #require(continuation)
        let read = try JSONDecoder().decode(
            PackagerContinuation.self, from: try JSONEncoder().encode(continuation))
        #expect(read == continuation)
        return read
    }

    /// An encoder that was started again: its stamps begin at nothing, its configuration is the same.
    @Test func aPublisherThatBeginsAnewIsADiscontinuityOnTheSameLine() throws {
        let publisher = CrookedPublisher()
        let before = publish(publisher, from: PackagerStart(firstSequence: 5))
        let after = publish(
            publisher,
            from: PackagerStart(firstSequence: 20, continuation: try stored(before.continuation)), at: 30)
        for kind in [MediaKind.video, .audio] {
            let end = try #require(before.last[kind])
            let begin = try #require(after.first[kind])
            #expect(begin.sequence == 20 && begin.index == 0)
            #expect(Double(begin.decodeTime) > Double(end.decodeTime))
            let starts = after.starts.filter { $0.kind == kind }
            let breaks = starts.map(\.isDiscontinuity)
            #expect(breaks.first == true && !breaks.dropFirst().contains(true))
            // The same bytes under the same number: no viewer has to fetch them again.
            let sections = (before.tracks + after.tracks).filter { $0.kind == kind }
            #expect(sections.map(\.number) == [0, 0] && sections.first?.bytes == sections.last?.bytes)
            // Thirty seconds later by the clock: thirty seconds later on the line.
            let first = try #require(before.starts.first { $0.kind == kind })
            let gap = starts[0].programDateTimeMicroseconds - first.programDateTimeMicroseconds
            #expect(abs(gap - 30_000_000) < 50_000, "\(gap)")
        }
        #expect(after.continuation?.discontinuities == 1)
    }

    /// A connection that was lost: the encoder's stamps go on.
    @Test func aPublisherWhoseStampsGoOnIsNoDiscontinuity() throws {
        var publisher = CrookedPublisher()
        let before = publish(publisher, from: PackagerStart(firstSequence: 5))
        publisher.faults = [.startsAt(milliseconds: 18_000)]
        let after = publish(
            publisher, from: PackagerStart(firstSequence: 0, continuation: try stored(before.continuation)), at: 18)
        #expect(after.starts.filter(\.isDiscontinuity).isEmpty)
        #expect(after.starts.first?.sequence == before.continuation?.nextSequence)
        for kind in [MediaKind.video, .audio] {
            let scale = kind == .video ? 90_000.0 : 48_000
            let begin = try #require(after.first[kind])
            #expect(abs(Double(begin.decodeTime) / scale - 18) < 0.05)
            let starts = (before.starts + after.starts).filter { $0.kind == kind }
            let dates = starts.map(\.programDateTimeMicroseconds)
            #expect(zip(dates, dates.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    @Test func aPublisherOfAnotherConfigurationGetsANewInitSection() throws {
        var publisher = CrookedPublisher()
        let before = publish(publisher, from: PackagerStart(firstSequence: 5))
        publisher.faults = [.startsAt(milliseconds: 17_000)]
        publisher.sampleRate = 44_100
        let after = publish(
            publisher, from: PackagerStart(firstSequence: 30, continuation: try stored(before.continuation)), at: 17)
        #expect(after.tracks.map(\.number) == [0, 1] || after.tracks.map(\.number) == [1, 0])
        for kind in [MediaKind.video, .audio] {
            #expect(after.starts.first { $0.kind == kind }?.isDiscontinuity == true)
        }
    }

    /// Its sound does not come back: the rendition goes on in silence beside the picture.
    @Test func aTrackThatDoesNotReturnIsFilled() throws {
        var publisher = CrookedPublisher()
        let before = publish(publisher, from: PackagerStart(firstSequence: 5))
        publisher.hasAudio = false
        publisher.faults = [.startsAt(milliseconds: 17_000)]
        let after = publish(
            publisher, from: PackagerStart(firstSequence: 30, continuation: try stored(before.continuation)), at: 17)
        let ends = [MediaKind.video, .audio].map { kind in after.starts.filter { $0.kind == kind }.map(\.sequence) }
        #expect(ends[1].count >= ends[0].count - 1 && ends[1].first == 30, "\(ends)")
    }

    /// Others have used numbers meanwhile.
    @Test func numbersThatOthersUsedAreSkipped() {
        var random = SeededGenerator(seed: 1)
        var packager = PublishPackager(configuration: PackagerConfiguration(), start: PackagerStart(firstSequence: 1))
        var again = Again()
        var hasSkipped = false
        for item in CrookedPublisher().send(random: &random).sent {
            var events: [PackagerEvent] = []
            let wall = 1_800_000_000_000_000 + Int64(item.at * 1e6)
            if item.at > 5, !hasSkipped {
                packager.skip(to: 40)
                hasSkipped = true
            }
            switch item.packet {
            case .video(let packet): packager.video(packet, at: wall, into: &events)
            case .audio(let packet): packager.audio(packet, at: wall, into: &events)
            }
            again.take(events)
        }
        for kind in [MediaKind.video, .audio] {
            let sequences = again.starts.filter { $0.kind == kind }.map(\.sequence)
            #expect(sequences.starts(with: [1, 2, 3, 40, 41]))
            #expect(again.starts.filter { $0.kind == kind && $0.isDiscontinuity }.isEmpty)
        }
    }

    @Test func extremeValuesDoNotTrap() throws {
        let track = PackagerContinuation.Track(
            codec: "h264",
            configuration: Array(CrookedPublisher.videoRecord(width: 640, height: 360).readableBytesView),
            initNumber: .max, timescale: 90_000, decodeTime: .max, lead: .min, stamp: Stamp(milliseconds: .max),
            line: .min)
        let continuation = PackagerContinuation(
            nextSequence: .max, programDateOffset: .min, discontinuities: .max, video: track, audio: nil)
        for date in [PackagerStart.ProgramDate.arrival, .firstFrame(at: .max), .zeroStamp(at: .min)] {
            let start = PackagerStart(firstSequence: .max, programDate: date, continuation: continuation)
            var packager = PublishPackager(configuration: PackagerConfiguration(), start: start)
            var events: [PackagerEvent] = []
            for (index, wall) in [Int64.min, .max, 0, .max, .min, 1, 2, 3].enumerated() {
                for stamp: UInt32 in [0, .max, 1 << 31, 1 << 24, 7] {
                    for offset in [Int32.min, .max, 0] {
                        packager.video(
                            VideoPacket(
                                codec: .h264, timestampMilliseconds: stamp, compositionOffsetMilliseconds: offset,
                                nanosecondOffset: .max,
                                payload: .frame(ByteBuffer(bytes: [0, 0, 0, 1, index % 2 == 0 ? 0x65 : 0x41]))),
                            at: wall, into: &events)
                        packager.tick(at: wall, into: &events)
                    }
                }
            }
            packager.finish(into: &events)
            _ = packager.continuation
        }
    }
}
