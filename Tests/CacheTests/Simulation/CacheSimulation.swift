import Seeded
import Testing

@testable import Cache

/// Schedules of joins, leaves, slow and dying upstreams, late pushes, cancels and restarts, drawn from a seed. A failure
/// names its seed. `NEEDLETAIL_FUZZ_FACTOR=14` makes more than 10,000 schedules of this one and the simulation of pushes.
@Suite struct CacheSimulation {
    private static let blocks = 10
    private static let steps = 250

    private static func run(_ world: inout CacheWorld, until isOver: (CacheWorld) -> Bool) {
        for step in 0..<Self.steps where !isOver(world) {
            world.step()
            if step % 8 == 0 { world.checkWaiters() }
        }
        if !isOver(world) { world.drain() }
    }

    @Test(arguments: 0..<blocks) func everyWaiterIsAnsweredOnceWithItsOwnBytes(block: Int) {
        var tally = Tally<CacheWorld.Event>()
        for seed in 0..<Search.rounds(60) {
            var world = CacheWorld(seed: UInt64(block * 1_000_000 + seed))
            Self.run(&world) { !$0.faults.isEmpty }
            tally.add(world.tally)
            #expect(world.faults.isEmpty, "block \(block), seed \(seed): \(world.faults.prefix(3))")
            if !world.faults.isEmpty { return }
        }
        #expect(tally.missing.isEmpty, "never happened in block \(block)")
    }

    @Test(arguments: StoreUnderTest.Mutation.allCases) func aBrokenRuleIsFound(mutation: StoreUnderTest.Mutation) {
        let isFound = (0..<20 as Range<UInt64>).contains { seed in
            var world = CacheWorld(seed: seed, mutation: mutation)
            let isFound = { (world: CacheWorld) in world.faults.contains { $0.invariant == mutation.breaks } }
            Self.run(&world, until: isFound)
            return isFound(world)
        }
        #expect(isFound, "\(mutation.breaks) is not seen to be broken")
    }

    /// A seed tells all: what happens depends on nothing else.
    @Test func aSeedReplays() {
        for seed in 0..<5 as Range<UInt64> {
            let ends = (0..<2).map { _ in
                var world = CacheWorld(seed: seed)
                Self.run(&world) { !$0.faults.isEmpty }
                return (world.random.next(), world.tally.counts)
            }
            #expect(ends[0] == ends[1])
        }
    }
}
