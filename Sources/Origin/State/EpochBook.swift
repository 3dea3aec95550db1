import Foundation
import Logging

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
    /// Numbers of the agreements that this origin is in, by channel.
    private var entered: [String: Int] = [:]

    init(path: String, logger: Logger) throws(StateError) {
        directory = try DurableDirectory(path: path)
        self.logger = logger
    }

    /// The agreement on a publish of `channel` that begins now: the twin's, or `proposal`.
    func agree(on channel: String, _ proposal: PublishAgreement) -> PublishAgreement {
        do throws(StateError) {
            let numbers = numbers(of: channel)
            if let newest = numbers.last, newest > entered[channel] ?? 0,
                let theirs = try read(channel, newest), isNow(theirs, proposal)
            {
                entered[channel] = newest
                return theirs
            }
            let next = max(numbers.last ?? 0, entered[channel] ?? 0) + 1
            entered[channel] = next
            if try directory.create(Self.encode(proposal), as: Self.name(channel, next)) {
                for old in numbers.dropLast(Self.kept) {
                    directory.remove(Self.name(channel, old))
                    directory.remove(Self.zeroName(channel, old))
                }
                return proposal
            }
            // The twin was a moment earlier.
            if let theirs = try read(channel, next), isNow(theirs, proposal) { return theirs }
            return proposal
        } catch {
            logger.error(
                "no agreement with the twin origin", metadata: ["channel": "\(channel)", "reason": "\(error)"])
            return proposal
        }
    }

    /// When a timestamp of zero was in the publish under way, in microseconds since 1970: the twin's word where it has
    /// given one, or else `zero`, which becomes the word.
    ///
    /// Dates follow from the first frame, so it tells whether both began with the same one.
    func settle(on channel: String, zero: Int64) -> Int64 {
        guard let number = entered[channel] else { return zero }
        let name = Self.zeroName(channel, number)
        do throws(StateError) {
            if try directory.create(Array("\(zero)".utf8), as: name) { return zero }
            guard let bytes = try directory.read(name) else { return zero }
            guard let found = Int64(String(decoding: bytes, as: UTF8.self)), found.magnitude < 1 << 60 else {
                throw .malformed(path: "\(directory.path)/\(name)", reason: "it is no moment")
            }
            return found
        } catch {
            logger.error(
                "no agreement with the twin origin", metadata: ["channel": "\(channel)", "reason": "\(error)"])
            return zero
        }
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

    private func numbers(of channel: String) -> [Int] {
        directory.names().compactMap { name in
            let steps = name.split(separator: ".")
            guard steps.count == 2, steps[0] == channel, let number = Int(steps[1]), number < 1 << 40 else {
                return nil
            }
            return number
        }.sorted()
    }

    private static func name(_ channel: String, _ number: Int) -> String { "\(channel).\(number)" }
    private static func zeroName(_ channel: String, _ number: Int) -> String { "\(channel).\(number).zero" }
}
