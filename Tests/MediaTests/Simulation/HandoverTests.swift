import Foundation
import NIOCore
import Seeded
import Testing

@testable import Media

/// A packager that goes on from what another one left at a cut.
@Suite struct HandoverTests {
    /// Everything of the events that a viewer can see, from segment `first` on.
    private static func trace(_ events: [PackagerEvent], from first: Int64 = .min) -> [String] {
        events.compactMap { event in
            guard event.sequence ?? .max >= first else { return nil }
            switch event {
            case .segment(let start): return "\(start)"
            case .part(let part):
                return "part \(part.kind) \(part.sequence).\(part.index) \(part.duration) \(part.isIndependent) "
                    + "\(part.isLikelyLast) \(part.decodeTime) \(part.bytes.readableBytes) \(part.bytes.hashValue)"
            case .segmentEnd(let kind, let sequence, let duration): return "end \(kind) \(sequence) \(duration)"
            default: return nil
            }
        }
    }

    private static func sections(_ events: [PackagerEvent]) -> [MediaKind: InitSection] {
        events.reduce(into: [:]) { found, event in
            if case .track(let section) = event { found[section.kind] = section }
        }
    }

    private static func feed(
        _ item: CrookedPublisher.Sent, to packager: inout PublishPackager
    ) -> [PackagerEvent] {
        var events: [PackagerEvent] = []
        let wall = 1_800_000_000_000_000 + Int64((item.at + 2) * 1e6)
        switch item.packet {
        case .video(let packet): packager.video(packet, at: wall, into: &events)
        case .audio(let packet): packager.audio(packet, at: wall, into: &events)
        }
        return events
    }

    /// At every cut of crooked streams: what is written down there and read again makes the same bytes to the end.
    @Test func whoGoesOnFromAnyCutMakesTheSameBytes() throws {
        var cuts = 0
        var audioCuts = 0
        for seed in 1...UInt64(Search.rounds(20)) {
            var random = SeededGenerator(seed: seed)
            let publisher = Simulation.publisher(&random)
            let (sent, _) = publisher.send(random: &random)
            var packager = PublishPackager(
                configuration: PackagerConfiguration(), firstSequence: 7, beganAt: 1_800_000_002_000_000)
            packager.declare(
                hasVideo: nil, hasAudio: nil, frameRate: publisher.declaresRate ? publisher.rate : nil)
            var made: [[PackagerEvent]] = []
            var checkpoints: [(index: Int, checkpoint: PackagerCheckpoint)] = []
            for (index, item) in sent.enumerated() {
                let before = packager
                let mayCut =
                    switch item.packet {
                    case .video(let packet): packager.mayBeginSegment(packet)
                    case .audio(let packet): packager.mayBeginSegment(packet)
                    }
                let kind = packager.leadingKind
                let events = Self.feed(item, to: &packager)
                if mayCut, let found = PackagerCheckpoint(before: before, leading: kind, made: events) {
                    checkpoints.append((index, found))
                    if kind == .audio { audioCuts += 1 }
                }
                made.append(events)
            }
            cuts += checkpoints.count
            for (index, checkpoint) in checkpoints {
                let bytes = try JSONEncoder().encode(checkpoint)
                let read = try JSONDecoder().decode(PackagerCheckpoint.self, from: bytes)
                var other = try #require(read.packager(for: PackagerConfiguration()))
                var theirs: [PackagerEvent] = read.initSections.map(PackagerEvent.track)
                for item in sent[index...] { theirs += Self.feed(item, to: &other) }
                let first = checkpoint.sequence
                let mine = made[index...].flatMap(\.self)
                let (one, two) = (Self.trace(mine, from: first), Self.trace(theirs, from: first))
                guard one == two else {
                    let place = zip(one, two).first { $0 != $1 }
                    Issue.record("seed \(seed), segment \(first): \(String(describing: place)) \(publisher)")
                    break
                }
                // The init sections in force are the same, bytes and numbers.
                let (all, found) = (Self.sections(made.flatMap(\.self)), Self.sections(theirs))
                for (kind, section) in all {
                    #expect(found[kind]?.number == section.number && found[kind]?.bytes == section.bytes)
                    #expect(found[kind]?.format == section.format)
                }
            }
        }
        #expect(cuts > 50 && audioCuts > 0, "\(cuts) cuts, \(audioCuts) of sound alone")
    }

    /// Settings that are not the same make other parts.
    @Test func anotherConfigurationDoesNotGoOn() throws {
        var random = SeededGenerator(seed: 1)
        var packager = PublishPackager(configuration: PackagerConfiguration(), firstSequence: 1)
        var found: PackagerCheckpoint?
        for item in CrookedPublisher().send(random: &random).sent where found == nil {
            let before = packager
            let events = Self.feed(item, to: &packager)
            found = PackagerCheckpoint(before: before, leading: .video, made: events)
        }
        let checkpoint = try #require(found)
        var other = PackagerConfiguration()
        other.partDuration = .milliseconds(200)
        #expect(checkpoint.packager(for: other) == nil)
        #expect(checkpoint.packager(for: PackagerConfiguration()) != nil)
    }
}
