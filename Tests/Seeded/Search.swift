import Foundation

/// How long seeded tests search: a suite replays a fixed number of seeds, `./dev fuzz` goes on from there.
package enum Search {
    private static let factor = Int(ProcessInfo.processInfo.environment["NEEDLETAIL_FUZZ_FACTOR"] ?? "") ?? 1

    /// `rounds` in a suite, and as many times more as was asked for.
    package static func rounds(_ rounds: Int) -> Int { rounds * min(max(1, factor), 9_999) }
}
