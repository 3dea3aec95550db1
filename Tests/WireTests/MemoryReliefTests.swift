import Testing

@testable import Wire

@Suite struct MemoryReliefTests {
    /// What is told of each count of open connections.
    private func told(_ counts: [Int]) -> [Bool] {
        var relief = MemoryRelief()
        return counts.map { relief.isDue(open: $0) }
    }

    @Test func isDueOnceWhenHalfHaveLeft() {
        #expect(told([100, 1_000, 800, 501, 500]) == [false, false, false, false, true])
        #expect(told([1_000, 500, 500, 450, 300, 240]) == [false, true, false, false, false, true])
    }

    @Test func fewAreNotWorthIt() {
        #expect(told([200, 0, 255, 0, 256, 0]) == [false, false, false, false, false, true])
    }
}
