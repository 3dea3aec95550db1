import Foundation
import Logging
import NIOPosix
import Node

/// What twin origins agree on when a publish begins, so that the same stream becomes the same bytes under the same
/// names on both: everything else follows from its timestamps.
struct PublishAgreement: Codable, Equatable, Sendable {
    /// Token of the presentation in media URIs.
    var epoch: String
    /// Media sequence number of the first segment.
    var firstSequence: Int64
    /// Discontinuities before it.
    var discontinuities: Int64
    /// Wall-clock time of the first frame, microseconds since 1970.
    var began: Int64

    /// It names segments otherwise.
    func isAnother(than other: PublishAgreement) -> Bool {
        epoch != other.epoch || firstSequence != other.firstSequence || discontinuities != other.discontinuities
    }
}

/// Agreements of twin origins in a directory that they share: whoever asks first writes, the other reads.
///
/// A file is made in one step or not at all, so of two that ask at once one is first. It is asked once a publish, on the
/// loop that serves viewers: the directory must be on a disk that answers in milliseconds.
final class EpochBook {
    /// How far apart two origins may hear of one publish, in microseconds.
    static let pairing: Int64 = 10_000_000
    /// Agreements of a channel that are kept.
    private static let kept = 4

    private let directory: DurableDirectory
    private let logger: Logger
    /// Microseconds since 1970.
    let clock: () -> Int64
    /// What twins tell each other of publishes under way.
    let handovers: HandoverBook
    /// Numbers of the newest agreements that this origin knows of, by channel.
    private var entered: [String: Int] = [:]
    /// Those that its publishes under way are in.
    private var seats: [String: (number: Int, epoch: String)] = [:]

    /// - Parameters:
    ///   - origin: tells this origin from its twin; the same after a restart.
    ///   - interval: how often a twin looks for a cut to join at, in microseconds.
    ///   - pool: threads for what is written and read in the background; nil for the caller's.
    init(
        path: String, origin: String = String(UInt64.random(in: .min ... .max), radix: 36), interval: Int64 = 200_000,
        pool: NIOThreadPool? = NIOThreadPool(numberOfThreads: 1), clock: @escaping () -> Int64 = WallClock.now,
        logger: Logger
    ) throws(StateError) {
        directory = try DurableDirectory(path: path)
        self.logger = logger
        self.clock = clock
        handovers = HandoverBook(
            directory: directory, writer: origin, interval: interval, pool: pool, logger: logger)
    }

    /// Tells this origin from its twin: a word in the state directory, the same after a restart.
    static func identity(in stateDirectory: String?) throws(StateError) -> String {
        let new = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let stateDirectory else { return new }
        let (directory, name) = (try DurableDirectory(path: stateDirectory), "origin-id")
        if try directory.create(Array(new.utf8), as: name) { return new }
        let found = try directory.read(name).map { String(decoding: $0, as: UTF8.self) } ?? new
        guard ChannelState.isToken(found) else {
            throw .malformed(path: "\(stateDirectory)/\(name)", reason: "it is no word")
        }
        return found
    }

    /// The agreement on a publish of `channel` that begins now: the twin's, or `proposal`.
    func agree(on channel: String, _ proposal: PublishAgreement) -> PublishAgreement {
        seats[channel] = nil
        do throws(StateError) {
            var numbers = directory.agreements(on: channel)
            // Each round, somebody else was first with another publish.
            for _ in 0..<Self.kept {
                if let newest = numbers.last, newest > entered[channel] ?? 0,
                    let theirs = try read(channel, newest), isNow(theirs, proposal)
                {
                    (entered[channel], seats[channel]) = (newest, (newest, theirs.epoch))
                    return theirs
                }
                let next = max(numbers.last ?? 0, entered[channel] ?? 0) + 1
                if try directory.create(Self.encode(proposal), as: Self.name(channel, next)) {
                    (entered[channel], seats[channel]) = (next, (next, proposal.epoch))
                    forget(channel, numbers.dropLast(Self.kept))
                    return proposal
                }
                numbers.append(next)
            }
            return proposal
        } catch {
            logger.error(
                "no agreement with the twin origin", metadata: ["channel": "\(channel)", "reason": "\(error)"])
            return proposal
        }
    }

    /// Removes old agreements and what belongs to them.
    private func forget(_ channel: String, _ numbers: some Sequence<Int>) {
        let prefixes = numbers.map { "\(Self.name(channel, $0))." }
        for name in directory.names() where prefixes.contains(where: "\(name).".hasPrefix) { directory.remove(name) }
    }

    /// The agreement that a twin's publish of `channel` is in, whose cuts it has left since `oldest`, in microseconds since
    /// 1970. nil: there is none to join.
    func twin(on channel: String, since oldest: Int64) -> (number: Int, agreement: PublishAgreement)? {
        guard let newest = directory.agreements(on: channel).last,
            let agreement = try? read(channel, newest),
            !handovers.others(channel: channel, agreement: newest, since: oldest).isEmpty
        else { return nil }
        return (newest, agreement)
    }

    /// The agreement that this origin's publish under way is in; nil where it is alone.
    func seat(on channel: String) -> Int? { seats[channel]?.number }

    /// This origin's publish looks for a cut of the twin's.
    func join(_ number: Int, _ epoch: String, on channel: String) {
        (entered[channel], seats[channel]) = (number, (number, epoch))
    }

    /// This origin's publish is over: what it left is of no use to the twin. It has used numbers below `nextSequence`
    /// of its `epoch`.
    func leave(_ channel: String, epoch: String?, nextSequence: Int64) {
        guard let seat = seats.removeValue(forKey: channel) else { return }
        handovers.leave(
            channel: channel, agreement: seat.number, nextSequence: seat.epoch == epoch ? nextSequence : 0)
    }

    /// Above every number that the twin has used for media of the publish that this origin was in last.
    func reached(on channel: String) -> Int64 {
        entered[channel].map { handovers.reached(channel: channel, agreement: $0) } ?? 0
    }

    private func isNow(_ agreement: PublishAgreement, _ proposal: PublishAgreement) -> Bool {
        abs(agreement.began - proposal.began) <= Self.pairing
    }

    private static func encode(_ agreement: PublishAgreement) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(agreement)).map(Array.init) ?? []
    }

    private func read(_ channel: String, _ number: Int) throws(StateError) -> PublishAgreement? {
        let name = Self.name(channel, number)
        guard let bytes = try directory.read(name) else { return nil }
        guard let found = try? JSONDecoder().decode(PublishAgreement.self, from: Data(bytes)),
            ChannelState.isToken(found.epoch), (0..<1 << 52).contains(found.firstSequence),
            (0..<1 << 52).contains(found.discontinuities), (0..<1 << 60).contains(found.began)
        else { throw .malformed(path: "\(directory.path)/\(name)", reason: "it is no agreement on a publish") }
        return found
    }

    private static func name(_ channel: String, _ number: Int) -> String { "\(channel).\(number)" }
}
