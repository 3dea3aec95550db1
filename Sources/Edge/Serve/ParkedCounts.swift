/// How many requests wait at an edge: in all, for each channel and from each address; and how many may.
struct ParkedCounts {
    struct Limits: Equatable, Sendable {
        var node = 50_000
        var channel = 20_000
        var address = 5_000
    }

    /// The limit that one more would exceed.
    enum Excess: Equatable, Sendable { case node, channel, address }

    /// A lower one sends nobody away who waits already.
    var limits: Limits
    private(set) var total = 0
    private var channels: [String: Int] = [:]
    private var addresses: [String: Int] = [:]

    init(limits: Limits) { self.limits = limits }

    /// Counts one more, or says why it may not wait. Count it out by `remove` with the same words.
    mutating func add(channel: String?, address: String?) -> Excess? {
        if total >= limits.node { return .node }
        if let channel, channels[channel, default: 0] >= limits.channel { return .channel }
        if let address, addresses[address, default: 0] >= limits.address { return .address }
        total += 1
        if let channel { channels[channel, default: 0] += 1 }
        if let address { addresses[address, default: 0] += 1 }
        return nil
    }

    mutating func remove(channel: String?, address: String?) {
        total -= 1
        if let channel { Self.lower(channel, in: &channels) }
        if let address { Self.lower(address, in: &addresses) }
    }

    private static func lower(_ name: String, in counts: inout [String: Int]) {
        guard let count = counts[name] else { return }
        counts[name] = count > 1 ? count - 1 : nil
    }
}
