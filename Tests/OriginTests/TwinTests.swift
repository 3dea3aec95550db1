import Foundation
import HLS
import Logging
import Media
import NIOCore
import NIOEmbedded
import Node
import Testing

@testable import Origin

/// Two origins that are fed the same stream: the same bytes under the same names, whatever the network did on the way.
@Suite struct TwinTests {
    private let logger = Logger(label: "twins") { _ in SwiftLogNoOpLogHandler() }
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    @Test func jitterOnTheWayChangesNothing() throws {
        let twins = [Int64(0), 180_000].map { jitter in
            let stage = Stage()
            stage.run(seconds: jitter > 0 ? 0.3 : 0)
            stage.publish(
                stage.encoder {
                    $0.jitter = jitter
                    $0.firstTimestamp = 5_000
                    // In the middle, which both bridge by the same step.
                    $0.jump = (at: 6_000_000, by: 40_000)
                }, beganAt: 1_795_000_000_100_000)
            stage.run(seconds: 12)
            return stage
        }
        for stage in twins { #expect(stage.failures.isEmpty, "\(stage.failures.prefix(5))") }
        let (one, other) = (twins[0], twins[1])
        let states = Set(one.states.keys).intersection(other.states.keys)
        #expect(states.count > 40)
        for state in states { #expect(one.states[state] == other.states[state], "\(state)") }
        let media = Set(one.media.keys).intersection(other.media.keys)
        #expect(media.count > 60)
        for part in media { #expect(one.media[part] == other.media[part], "\(part)") }
        #expect(one.playlist(.video)?.discontinuities == 1)
    }

    private func proposal(_ epoch: String, at began: Int64, first: Int64 = 100) -> PublishAgreement {
        PublishAgreement(epoch: epoch, firstSequence: first, discontinuities: 0, began: began)
    }

    @Test func whoComesSecondTakesWhatTheFirstWrote() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let one = try EpochBook(path: directory, logger: logger)
        let other = try EpochBook(path: directory, logger: logger)
        #expect(one.agree(on: "demo", proposal("a", at: 1_000_000)).epoch == "a")
        #expect(other.agree(on: "demo", proposal("b", at: 3_000_000)) == proposal("a", at: 1_000_000))
        #expect(other.agree(on: "stage", proposal("c", at: 3_000_000)).epoch == "c", "channels are apart")
        // The next publish, asked for in the other order.
        #expect(other.agree(on: "demo", proposal("d", at: 5_000_000)).epoch == "d")
        #expect(one.agree(on: "demo", proposal("e", at: 5_500_000)).epoch == "d")
        // An origin that hears of a publish long after the other's takes no part in that.
        let late = try EpochBook(path: directory, logger: logger)
        #expect(late.agree(on: "demo", proposal("f", at: 60_000_000)).epoch == "f")
        for index in 0..<20 {
            #expect(
                one.agree(on: "demo", proposal("g\(index)", at: 100_000_000 * Int64(index + 1))).epoch == "g\(index)")
        }
        let count = try FileManager.default.contentsOfDirectory(atPath: directory).count
        #expect(count < 10, "old agreements go")
    }

    @Test func ofTwoThatAskAtOnceOneIsFirst() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for round in 0..<10 {
            let channel = "c\(round)"
            let epochs = try await withThrowingTaskGroup(of: String.self) { group in
                for name in ["a", "b", "c"] {
                    group.addTask { [directory, logger] in
                        try EpochBook(path: directory, logger: logger).agree(
                            on: channel,
                            PublishAgreement(epoch: name, firstSequence: 1, discontinuities: 0, began: 1_000_000)
                        ).epoch
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(epochs.count == 1)
        }
    }

    @Test func aTornAgreementIsNotTaken() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let book = try EpochBook(path: directory, logger: logger)
        try DurableDirectory(path: directory).write(Array("{\"epoch\":".utf8), to: "demo.7")
        #expect(book.agree(on: "demo", proposal("a", at: 1_000_000)).epoch == "a")
    }
}
