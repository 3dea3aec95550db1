import Foundation
import HLS
import Logging
import Media
import NIOCore
import Testing

@testable import Origin

/// What outlives an origin: numbers that never come again, and playlists that go on.
@Suite struct RestartTests {
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    @Test func aRestartGoesOnInTheSameEpochUnderHigherNumbers() throws {
        for isContinuous in [false, true] {
            let stage = Stage()
            stage.publish(stage.encoder())
            stage.run(seconds: 7.1)
            let before = try #require(stage.playlist(.video))
            try stage.restart(after: 3)
            stage.run(seconds: 2.9)
            // Before the publisher is back there is a playlist already.
            let waiting = try #require(stage.playlist(.video))
            #expect(waiting.segments.allSatisfy { $0.parts.allSatisfy(\.isGap) })
            stage.publish(stage.encoder { $0.firstTimestamp = isContinuous ? 13_000 : 0 })
            stage.run(seconds: 6)
            #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8).joined(separator: "\n"))")
            #expect(stage.firstParts.allSatisfy { $0 <= 1_500_000 })
            for kind in [MediaKind.video, .audio] {
                let after = try #require(stage.playlist(kind))
                #expect(after.mediaSequence > before.segments.last?.sequence ?? .max)
                #expect(after.discontinuitySequence ?? 0 >= before.segments.last?.discontinuitySequence ?? .max)
                #expect(after.segments.first?.isDiscontinuity == true)
                #expect(after.discontinuities == (isContinuous ? 1 : 2))
                // The same configuration under the same name, so that no cache has other bytes there.
                #expect(Set(after.segments.compactMap(\.map?.uri)) == ["e1/init.mp4"])
                #expect(after.segments.last?.parts.last?.isGap == false)
            }
        }
    }

    @Test func otherMediaAfterARestartHasANameThatNobodyKnows() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 4)
        try stage.restart(after: 1)
        stage.publish(stage.encoder { $0.isOtherLayout = true })
        stage.run(seconds: 4)
        #expect(stage.failures.isEmpty, "\(stage.failures.prefix(8))")
        #expect(stage.playlist(.video)?.segments.last?.map?.uri == "e1/init-1000.mp4")
    }

    @Test func aStateIsReadBackAsItWasWritten() throws {
        let folder = try DurableDirectory(path: directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 3)
        let state = ChannelState(
            channel: "demo", nextSequence: 140, discontinuities: 11, writtenAt: stage.now,
            live: stage.presentation.durable)
        #expect(state.live?.tracks.count == 2)
        try folder.write(state.encoded, to: "demo.json")
        try folder.write(state.encoded, to: "demo.json")
        let bytes = try #require(try folder.read("demo.json"))
        #expect(try ChannelState(bytes, channel: "demo", path: "p") == state)
        #expect(folder.names() == ["demo.json"], "nothing temporary stays")
        #expect(try folder.read("absent.json") == nil)
    }

    /// Every way in which a file can be something else is told with its path, and survived.
    @Test func tornAndForeignStatesAreTold() throws {
        let stage = Stage()
        stage.publish(stage.encoder())
        stage.run(seconds: 3)
        let state = ChannelState(
            channel: "demo", nextSequence: 140, discontinuities: 11, writtenAt: stage.now,
            live: stage.presentation.durable)
        let text = String(decoding: state.encoded, as: UTF8.self)
        let rows: [(String, String)] = [
            ("", "no JSON"), (String(text.prefix(100)), "no JSON"), ("{\"version\": 1}", "no JSON"),
            (text.replacingOccurrences(of: "\"version\" : 1", with: "\"version\" : 2"), "version is 2"),
            (text.replacingOccurrences(of: "\"channel\" : \"demo\"", with: "\"channel\" : \"x\""), "not possible"),
            (text.replacingOccurrences(of: "\"nextSequence\" : 140", with: "\"nextSequence\" : -1"), "not possible"),
            (text.replacingOccurrences(of: "\"e1\"", with: "\"e 1\""), "not possible"),
        ]
        for (bytes, reason) in rows {
            let error = #expect(throws: StateError.self) {
                try ChannelState(Array(bytes.utf8), channel: "demo", path: "/state/demo.json")
            }
            #expect("\(error.map(String.init(describing:)) ?? "")".contains("/state/demo.json"), "\(reason)")
            #expect("\(error.map(String.init(describing:)) ?? "")".contains(reason), "\(reason)")
        }
        #expect(throws: StateError.self) { try DurableDirectory(path: "/dev/null/state") }
    }
}
