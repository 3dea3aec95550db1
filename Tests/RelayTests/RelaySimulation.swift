import Foundation
import Testing

/// Schedules of pushes, pauses, deaths, restarts, joins and leaves, drawn from a seed. A failure names its seed.
///
/// `NEEDLETAIL_SCHEDULES=10000` runs that many.
@Suite struct RelaySimulation {
    private static let schedules =
        ProcessInfo.processInfo.environment["NEEDLETAIL_SCHEDULES"].flatMap { Int($0) } ?? 200
    private static let blocks = 8
    /// Steps of a schedule, of up to 12 ms each.
    private static let steps = 250

    @Test(arguments: 0..<blocks) func everyViewerIsAnsweredOnceFromWhatIsWhollyHeld(block: Int) {
        var answers = 0
        var pulls = 0
        for seed in stride(from: block, to: Self.schedules, by: Self.blocks) {
            var world = RelayWorld(seed: UInt64(seed))
            for _ in 0..<Self.steps {
                world.step()
                if !world.faults.isEmpty { break }
            }
            if world.faults.isEmpty { world.drain() }
            answers += world.answers
            pulls += world.pulls
            #expect(world.faults.isEmpty, "seed \(seed): \(world.faults.prefix(3))")
            if !world.faults.isEmpty { return }
        }
        // It is a simulation of pushing, not of falling back.
        #expect(answers > 10 * pulls, "\(answers) answers, \(pulls) pulls")
    }
}
