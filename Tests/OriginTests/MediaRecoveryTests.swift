import Foundation
import HLS
import Media
import NIOCore
import Seeded
import Testing

@testable import Origin

/// An origin that starts again lists what the one before it listed, with the media that lies in files.
@Suite struct MediaRecoveryTests {
    /// The rules hold across the restart: nothing that was listed goes before its time, numbers go on without a hole, and
    /// there are gaps where there was no origin.
    @Test(arguments: [(7.1, 0.4), (7.1, 3), (6.0, 1), (12.34, 9), (2.5, 2)])
    func whatWasListedStays(_ seconds: Double, _ away: Double) throws {
        for isContinuous in [false, true] {
            let stage = Stage()
            stage.publish(stage.encoder())
            stage.run(seconds: seconds)
            let before = try [MediaKind.video, .audio].map { try #require(stage.playlist($0)) }
            try stage.restartWithMedia(after: away)
            stage.run(seconds: 1.3)
            let elapsed = Int64(((seconds + away + 1.3) * 1000).rounded())
            stage.publish(
                stage.encoder { $0.firstTimestamp = isContinuous ? UInt32(elapsed) : 0 })
            stage.run(seconds: 6)
            #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8).joined(separator: "\n"))")
            #expect(stage.firstParts.allSatisfy { $0 <= 1_500_000 })
            for (kind, before) in zip([MediaKind.video, .audio], before) {
                let after = try #require(stage.playlist(kind))
                #expect(after.mediaSequence == before.mediaSequence)
                #expect(
                    after.segments.prefix(before.segments.count - 1).map(\.uri) == before.segments.dropLast().map(\.uri)
                )
                #expect(after.discontinuities == before.discontinuities + (isContinuous ? 0 : 1))
                #expect(Set(after.segments.compactMap(\.map?.uri)) == ["e1/init.mp4"])
                #expect(after.segments.last?.parts.last?.isGap == false)
                let rendition = try #require(stage.presentation.rendition(of: kind))
                for (name, bytes) in stage.media where name.hasPrefix("\(kind) ") {
                    let place = name.split(separator: " ")[1].split(separator: ".").compactMap { Int64($0) }
                    #expect(stage.disk.bytes(rendition.part(place[0], Int(place[1]))) == bytes, "\(name)")
                }
            }
        }
    }

    /// A long stream needs no more journals than the segments that can be fetched.
    @Test func journalsGoWithTheirMedia() throws {
        let stage = Stage(settings: .short)
        stage.publish(stage.encoder { $0.keyframeInterval = 30 })
        for round in 1...3 {
            stage.run(seconds: 60)
            let journals = stage.disk.journals("demo/e1").map(\.firstSequence)
            #expect((1...2).contains(journals.count), "\(journals)")
            #expect(journals.first ?? 0 > 100 + Int64(round - 1) * 60, "\(journals)")
            try stage.restartWithMedia(after: 1)
            stage.publish(stage.encoder { $0.keyframeInterval = 30 })
        }
        stage.run(seconds: 5)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8).joined(separator: "\n"))")
    }

    /// The last records may not have been written, and the last one torn: no name comes again with other bytes.
    @Test func aTornJournalGivesNoNameAgain() throws {
        for torn in [1, 30, 41, 100, 250, 400] {
            let stage = Stage()
            stage.publish(stage.encoder())
            stage.run(seconds: 8.35)
            try stage.restartWithMedia(after: 0.8, torn: torn)
            stage.publish(stage.encoder())
            stage.run(seconds: 6)
            #expect(stage.failures.isEmpty, "\(torn): \(stage.failures.prefix(8).joined(separator: "\n"))")
        }
    }

    @Test func twoRestartsInARow() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 5)
        try stage.restartWithMedia(after: 1)
        stage.run(seconds: 0.5)
        try stage.restartWithMedia(after: 1)
        stage.publish(stage.encoder())
        stage.run(seconds: 5)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8).joined(separator: "\n"))")
        #expect(stage.playlist(.video)?.mediaSequence == 100)
    }

    /// Other media after it has a name that nobody knows, and a rendition that comes later has the number of its segments.
    @Test func otherMediaAfterARestart() throws {
        let stage = Stage()
        stage.publish(stage.encoder { $0.hasAudio = false })
        stage.run(seconds: 5)
        try stage.restartWithMedia(after: 1)
        stage.publish(stage.encoder { $0.isOtherLayout = true })
        stage.run(seconds: 5)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8).joined(separator: "\n"))")
        #expect(stage.playlist(.video)?.segments.last?.map?.uri == "e1/init-1000.mp4")
        #expect(stage.playlist(.audio)?.segments.last?.sequence == stage.playlist(.video)?.segments.last?.sequence)
    }

    /// Where media is missing the playlist begins after it.
    @Test func missingFilesShortenTheWindow() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 9)
        stage.disk.remove("demo/e1/audio/101.m4s")
        let recovered = try #require(stage.disk.recovered("demo/e1"))
        #expect(recovered.firstSequence == 102)
        try stage.restartWithMedia(after: 1)
        #expect(stage.playlist(.video)?.mediaSequence == 102)
        for sequence in Int64(100)...120 { stage.disk.remove("demo/e1/video/\(sequence).m4s") }
        #expect(stage.disk.recovered("demo/e1")?.firstSequence == 105, "gaps need no files")
    }

    /// While the disk is full nothing is lost but what a restart could have listed; it begins anew afterwards.
    @Test func aFullDisk() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 5)
        stage.disk.isFull = true
        stage.run(seconds: 1)
        #expect(stage.disk.journals("demo/e1").isEmpty, "they would tell of what is long over")
        #expect(stage.failures.isEmpty)
        #expect(stage.disk.recovered("demo/e1") == nil)
    }

    @Test func recordsAreReadBackAsTheyWereWritten() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 6)
        stage.lose()
        stage.run(seconds: 3)
        let journal = try #require(stage.disk.journals("demo/e1").first).bytes
        var (bytes, again) = (journal, ByteBuffer())
        var tags: Set<String> = []
        while let record = MediaRecord.read(from: &bytes) {
            record.write(into: &again)
            tags.insert(String("\(record)".prefix { $0 != "(" }))
        }
        #expect(bytes.readableBytes == 0 && again == journal)
        #expect(tags.isSuperset(of: ["file", "track", "segment", "part", "gap", "segmentEnd", "line"]), "\(tags)")
        // Any bytes are read without a trap, and end somewhere.
        var random = SeededGenerator(seed: 7)
        for _ in 0..<Search.rounds(500) {
            var torn = journal
            for _ in 0..<4 {
                let place = Int.random(in: 0..<journal.readableBytes, using: &random)
                torn.setInteger(UInt8.random(in: 0...255, using: &random), at: place)
            }
            _ = RecoveredMedia([(100, torn)], size: { _, _ in 1 << 30 })
        }
    }
}

extension ChannelSettings {
    /// Segments of a second, and room for no more than must be.
    fileprivate static var short: ChannelSettings {
        var packaging = PackagerConfiguration()
        packaging.segmentDuration = .seconds(1)
        packaging.maximumSegmentDuration = .seconds(2)
        var settings = ChannelSettings(
            name: "demo", keys: ["demo"], policy: .takeover, packaging: packaging, window: .seconds(6),
            parkedRequests: 100)
        settings.storage.diskBytes = 1
        return settings
    }
}
