import Foundation
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

    @Test func bytesThatAreSpareAreWorthIt() {
        #expect(!MemoryRelief.isWorth(spare: 63 << 20, used: 0))
        #expect(MemoryRelief.isWorth(spare: 64 << 20, used: 128 << 20))
        #expect(!MemoryRelief.isWorth(spare: 64 << 20, used: 129 << 20))
        #expect((0..<181).filter { MemoryRelief.looks(at: $0) } == [60, 120, 180])
    }

    /// As one connection leaves it that had many small things open: holes between what stays.
    @Test func whatIsSpareGoesBackToTheSystem() throws {
        let size = 8 << 10
        let blocks = (0..<(256 << 20) / size).compactMap { _ -> UnsafeMutableRawPointer? in
            let block = malloc(size)
            if let block { memset(block, 1, size) }
            return block
        }
        let full = try resident()
        for (index, block) in blocks.enumerated() where index % 16 != 0 { free(block) }
        MemoryRelief.giveBackIfWorth()
        #expect(full - (try resident()) > 128 << 20)
        for (index, block) in blocks.enumerated() where index % 16 == 0 { free(block) }
    }

    private func resident() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * Int(getpagesize())
    }
}
