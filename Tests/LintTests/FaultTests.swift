import LintFaults
import Testing

@testable import Lint

/// Deliberate faults of a server: each is found under its own rule, and under no other.
@Suite struct FaultTests {
    private static func expect(_ fault: Fault, _ report: LintReport) {
        #expect(report.trouble == nil, "\(report.trouble ?? "")")
        let broken = Set(report.results.filter { $0.verdict > .pass }.map(\.rule.name))
        #expect(broken.subtracting(fault.implied) == Set([fault.rule].compactMap { $0 }), "\(report.text)")
        #expect(report.exitCode == (broken.isEmpty ? 0 : report.worst == .warn ? 1 : 2))
    }

    @Test("in simulated time: each fault is found under its own rule and under no other", arguments: Fault.all)
    func simulated(_ fault: Fault) throws { Self.expect(fault, try SimulatedWatch.report(of: fault)) }

    @Test("a stream without a fault is seen to keep nearly every rule")
    func seen() throws {
        var missing = Set(LintRule.all.map(\.name))
        for fault in Fault.all where fault.rule == nil {
            let report = try SimulatedWatch.report(of: fault)
            missing.subtract(report.results.filter { $0.verdict == .pass }.map(\.rule.name))
        }
        // Nothing in front of that server caches.
        #expect(missing == ["ageWithinLifetime"])
    }

    @Test("every rule that the wire shows has a fault that breaks it, here or in the table of answers")
    func covered() {
        let faults = Set(Fault.all.compactMap(\.rule))
        let wire = Set(LintRule.all.compactMap { if case .wire = $0 { $0.name } else { nil } })
        #expect(wire.subtracting(faults).subtracting(SessionTests.rulesOfTheTable) == [])
        #expect(Fault.served.count == 29)
    }
}
