import Testing

@testable import Edge

/// Who may wait at an edge, and how many.
@Suite struct ParkedCountsTests {
    private func counts(node: Int = 100, channel: Int = 100, address: Int = 100) -> ParkedCounts {
        ParkedCounts(limits: .init(node: node, channel: channel, address: address))
    }

    @Test func eachLimitIsToldByItsName() {
        var node = counts(node: 1)
        var channel = counts(channel: 1)
        var address = counts(address: 1)
        for excess in [nil, ParkedCounts.Excess.node] {
            let told = node.add(channel: "a", address: "1")
            #expect(told == excess)
        }
        for (name, excess) in [("a", nil), ("a", ParkedCounts.Excess.channel), ("b", nil)] {
            let told = channel.add(channel: name, address: "1")
            #expect(told == excess)
        }
        for (name, excess) in [("1", nil), ("1", ParkedCounts.Excess.address), ("2", nil)] {
            let told = address.add(channel: "a", address: name)
            #expect(told == excess)
        }
    }

    @Test func aLowerLimitSendsNobodyAway() {
        var counts = counts(node: 2)
        for _ in 0..<2 { #expect(counts.add(channel: nil, address: nil) == nil) }
        counts.limits.node = 1
        #expect(counts.total == 2)
        #expect(counts.add(channel: nil, address: nil) == .node)
        counts.remove(channel: nil, address: nil)
        #expect(counts.add(channel: nil, address: nil) == .node)
        counts.limits.node = 2
        #expect(counts.add(channel: nil, address: nil) == nil)
    }

    @Test func whoLeavesMakesRoom() {
        var counts = counts(channel: 1)
        for _ in 0..<3 {
            let told = counts.add(channel: "a", address: "1")
            #expect(told == nil && counts.total == 1)
            counts.remove(channel: "a", address: "1")
        }
        #expect(counts.total == 0)
    }

    @Test func whoIsRefusedIsNotCounted() {
        var counts = counts(address: 1)
        for _ in 0..<3 { _ = counts.add(channel: "a", address: "1") }
        #expect(counts.total == 1)
    }
}
