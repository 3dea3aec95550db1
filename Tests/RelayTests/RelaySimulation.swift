import Seeded
import Testing

/// Schedules of joins, leaves, slow and dying upstreams, late pushes, cancels and restarts, drawn from a seed. A failure
/// names its seed. `NEEDLETAIL_FUZZ_FACTOR=14` makes more than 10,000 schedules of this one and the cache's simulation.
@Suite struct RelaySimulation {
    private static let blocks = 5
    /// Steps of a schedule, of up to 50 ms each.
    private static let steps = 200

    private static func run(_ world: inout RelayWorld, until isOver: (RelayWorld) -> Bool) {
        for _ in 0..<Self.steps where !isOver(world) { world.step() }
        if !isOver(world) { world.calm() }
        if !isOver(world) { world.drain() }
    }

    @Test(arguments: 0..<blocks) func everyViewerIsAnsweredOnceFromWhatIsWhollyHeld(block: Int) {
        var tally = Tally<RelayWorld.Event>()
        for seed in 0..<Search.rounds(30) {
            var world = RelayWorld(seed: UInt64(block * 1_000_000 + seed))
            Self.run(&world) { !$0.faults.isEmpty }
            tally.add(world.tally)
            #expect(world.faults.isEmpty, "block \(block), seed \(seed): \(world.faults.prefix(3))")
            if !world.faults.isEmpty { return }
        }
        #expect(tally.missing.isEmpty, "never happened in block \(block)")
        // It is a simulation of pushing, not of falling back.
        let (answered, pulled) = (tally.counts[.answered] ?? 0, tally.counts[.pulled] ?? 0)
        #expect(answered > 3 * pulled, "\(answered) answers, \(pulled) pulls")
    }

    @Test(arguments: EdgeUnderTest.Mutation.allCases) func aBrokenRuleIsFound(mutation: EdgeUnderTest.Mutation) {
        let isFound = (0..<20 as Range<UInt64>).contains { seed in
            var world = RelayWorld(seed: seed, mutation: mutation)
            let isFound = { (world: RelayWorld) in world.faults.contains { $0.invariant == mutation.breaks } }
            Self.run(&world, until: isFound)
            return isFound(world)
        }
        #expect(isFound, "\(mutation.breaks) is not seen to be broken")
    }

    /// A seed tells all: what happens depends on nothing else.
    @Test func aSeedReplays() {
        for seed in 0..<3 as Range<UInt64> {
            let ends = (0..<2).map { _ in
                var world = RelayWorld(seed: seed)
                Self.run(&world) { !$0.faults.isEmpty }
                return (world.random.next(), world.tally.counts)
            }
            #expect(ends[0] == ends[1])
        }
    }
}
