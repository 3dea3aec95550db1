import Synchronization

/// Open connections in all event loops of a server, which its limits count: all of them, and those of each address.
package final class ConnectionLedger: Sendable {
    private struct Counts {
        var total = 0
        var ofAddress: [String: Int] = [:]
    }

    private let counts = Mutex(Counts())

    package init() {}

    /// Whether one more connection from `address` is within the limits. Connections that other loops open at this moment
    /// are not seen: there may be one too many for each loop.
    func admits(_ address: String?, limits: ServerLimits) -> Bool {
        counts.withLock { counts in
            guard counts.total < limits.connections else { return false }
            guard let address else { return true }
            return counts.ofAddress[address, default: 0] < limits.connectionsPerAddress
        }
    }

    func opened(_ address: String?) {
        counts.withLock { counts in
            counts.total += 1
            if let address { counts.ofAddress[address, default: 0] += 1 }
        }
    }

    func closed(_ address: String?) {
        counts.withLock { counts in
            counts.total -= 1
            guard let address, let count = counts.ofAddress[address] else { return }
            counts.ofAddress[address] = count > 1 ? count - 1 : nil
        }
    }
}
