import Testing

@testable import Wire

/// Limits that count the connections of all event loops.
@Suite struct ConnectionLedgerTests {
    @Test func bothLimitsHoldAndWhoLeavesMakesRoom() {
        let ledger = ConnectionLedger()
        var limits = ServerLimits()
        limits.connections = 3
        limits.connectionsPerAddress = 2
        for _ in 0..<2 { ledger.opened("a") }
        #expect(!ledger.admits("a", limits: limits))
        #expect(ledger.admits("b", limits: limits))
        ledger.opened(nil)
        #expect(!ledger.admits("b", limits: limits) && !ledger.admits(nil, limits: limits))
        ledger.closed("a")
        #expect(ledger.admits("a", limits: limits) && ledger.admits(nil, limits: limits))
        ledger.closed("a")
        ledger.closed(nil)
        #expect(ledger.admits("a", limits: limits))
    }
}
