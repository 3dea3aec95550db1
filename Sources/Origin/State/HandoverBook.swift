import Foundation
import Logging
import NIOCore
import NIOPosix

/// What twin origins tell each other of a publish under way, in files beside their agreement on it: written and read in
/// the background, never on a loop.
///
/// Each origin writes files of its own, which take each other's place: the last few cuts that it has listed. They are
/// gone when its publish is over, and out of date when the origin is.
final class HandoverBook: Sendable {
    /// Cuts of one origin that are kept.
    private static let kept: Int64 = 4
    /// More than a reader takes.
    private static let longest = 1 << 20

    let directory: DurableDirectory
    /// Tells this origin from its twin, across restarts.
    let writer: String
    /// How often a twin looks for a new cut, in microseconds.
    let interval: Int64
    /// nil: on the caller's thread.
    private let pool: NIOThreadPool?
    private let logger: Logger

    init(directory: DurableDirectory, writer: String, interval: Int64, pool: NIOThreadPool?, logger: Logger) {
        self.directory = directory
        self.writer = writer
        self.interval = interval
        self.pool = pool
        self.logger = logger
        pool?.start()
    }

    /// Returns when everything given has been written.
    func close() async { try? await pool?.shutdownGracefully() }

    private static func prefix(_ channel: String, _ agreement: Int) -> String { "\(channel).\(agreement).cut." }

    private static func leftPrefix(_ channel: String, _ agreement: Int) -> String { "\(channel).\(agreement).left." }

    private func own(_ channel: String, _ agreement: Int, _ slot: Int64) -> String {
        "\(Self.prefix(channel, agreement))\(writer).\(slot)"
    }

    private func inBackground(_ work: @escaping @Sendable () -> Void) {
        guard let pool else { return work() }
        pool.submit { state in if case .active = state { work() } }
    }

    private func inBackground<Value: Sendable>(
        on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Value
    ) -> EventLoopFuture<Value> {
        if let pool { return pool.runIfActive(eventLoop: eventLoop, work) }
        return eventLoop.makeCompletedFuture(withResultOf: work)
    }

    /// Leaves a cut for the twin.
    func save(_ handover: Handover, channel: String, agreement: Int) {
        inBackground { [self] in
            guard let bytes = handover.encoded, bytes.count < Self.longest else { return }
            do throws(StateError) {
                // It is worth something for seconds: the disk need not have it.
                try directory.write(
                    bytes, to: own(channel, agreement, handover.listed.sequence % Self.kept), isDurable: false)
            } catch {
                logger.error(
                    "no handover to the twin origin", metadata: ["channel": "\(channel)", "reason": "\(error)"])
            }
        }
    }

    /// This origin's publish is over, and nobody can follow it any more. It has used numbers below `nextSequence`.
    func leave(channel: String, agreement: Int, nextSequence: Int64) {
        let work = { @Sendable [self] in
            for slot in 0..<Self.kept { directory.remove(own(channel, agreement, slot)) }
            try? directory.write(
                Array("\(nextSequence)".utf8), to: "\(Self.leftPrefix(channel, agreement))\(writer)", isDurable: false)
        }
        // Also while the origin stops.
        if let pool { pool.submit { _ in work() } } else { work() }
    }

    /// Above every number that other origins have used of late for media of the agreement, as far as they have told.
    func reached(channel: String, agreement: Int) -> Int64 {
        let (prefix, mine) = (Self.leftPrefix(channel, agreement), "\(Self.leftPrefix(channel, agreement))\(writer)")
        let left = directory.names().filter { $0.hasPrefix(prefix) && $0 != mine }.compactMap { name in
            (try? directory.read(name)).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
        }
        // A cut is left where a segment begins: the next one may have begun since.
        let cuts = others(channel: channel, agreement: agreement, since: .min).map { $0.listed.sequence + 2 }
        return (left + cuts).max() ?? 0
    }

    /// The cuts that other origins have left, the newest first; none that were left before `oldest`.
    func others(channel: String, agreement: Int, since oldest: Int64) -> [Handover] {
        let (prefix, mine) = (Self.prefix(channel, agreement), "\(Self.prefix(channel, agreement))\(writer).")
        var found: [Handover] = []
        for name in directory.names() where name.hasPrefix(prefix) && !name.hasPrefix(mine) {
            do throws(StateError) {
                guard let bytes = try directory.read(name) else { continue }
                let handover = try Handover(bytes, path: "\(directory.path)/\(name)")
                if handover.writtenAt >= oldest { found.append(handover) }
            } catch {
                logger.warning("a handover is left out", metadata: ["channel": "\(channel)", "reason": "\(error)"])
            }
        }
        return found.sorted { $0.writtenAt > $1.writtenAt }
    }

    /// What a twin sees when it looks for a cut.
    struct Sight: Sendable {
        var handovers: [Handover]
        /// There is a later publish.
        var isSuperseded: Bool
    }

    func look(_ seat: TwinSeat, at now: Int64, on eventLoop: any EventLoop) -> EventLoopFuture<Sight> {
        inBackground(on: eventLoop) { [self] in
            Sight(
                handovers: others(channel: seat.channel, agreement: seat.agreement, since: now - seat.freshness),
                isSuperseded: (directory.agreements(on: seat.channel).last ?? 0) > seat.agreement)
        }
    }

    /// How the publish under way begins: the twin's word where it has given one, or else `beginning`, which becomes it.
    func settle(_ beginning: PublishBeginning, _ seat: TwinSeat, on eventLoop: any EventLoop)
        -> EventLoopFuture<PublishBeginning>
    {
        let name = "\(seat.channel).\(seat.agreement).zero"
        return inBackground(on: eventLoop) { [directory] () throws -> PublishBeginning in
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            if try directory.create(Array(try encoder.encode(beginning)), as: name) { return beginning }
            guard let bytes = try directory.read(name) else { return beginning }
            guard let found = try? JSONDecoder().decode(PublishBeginning.self, from: Data(bytes)),
                found.zero.magnitude < 1 << 60
            else { throw StateError.malformed(path: "\(directory.path)/\(name)", reason: "it is no beginning") }
            return found
        }
    }
}

/// The first frame of a publish.
struct PublishBeginning: Codable, Equatable, Sendable {
    /// When a timestamp of zero was, in microseconds since 1970.
    var zero: Int64
    var frame: PacketMark
}

/// A publish's place in an agreement of twin origins.
struct TwinSeat: Sendable {
    enum Task: Sendable {
        /// See whether the twin began with the same frame.
        case compare
        /// Find a cut of the twin's in this publisher's packets.
        case join
        /// The twin's bytes are this one's.
        case go
    }

    let book: HandoverBook
    let channel: String
    let agreement: Int
    let epoch: String
    var task: Task
    /// How long a cut of the twin's is looked for, in microseconds.
    let patience: Int64
    /// A cut that is older, in microseconds, tells nothing of where its origin is now.
    var freshness: Int64 { patience + 2_000_000 }
}

extension DurableDirectory {
    /// Numbers of the agreements on a channel's publishes, in order.
    func agreements(on channel: String) -> [Int] {
        names().compactMap { name in
            let steps = name.split(separator: ".")
            guard steps.count == 2, steps[0] == channel, let number = Int(steps[1]), number < 1 << 40 else {
                return nil
            }
            return number
        }.sorted()
    }
}
