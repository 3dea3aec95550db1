/// Which entry goes first when memory runs out: SIEVE (Zhang et al., NSDI 2024). New entries join at the head, a hand
/// walks from the tail and evicts the first entry that was not visited since it last passed.
final class SieveQueue<Key> {
    final class Node {
        let key: Key
        var isVisited = false
        fileprivate(set) var newer: Node?
        fileprivate(set) weak var older: Node?
        fileprivate init(_ key: Key) { self.key = key }
    }

    private var newest: Node?
    private var oldest: Node?
    private var hand: Node?

    /// One node after the other: a long chain let go of at once would use up the stack.
    deinit {
        while let node = oldest {
            oldest = node.newer
            node.newer = nil
        }
    }

    func insert(_ key: Key) -> Node {
        let node = Node(key)
        node.older = newest
        newest?.newer = node
        newest = node
        if oldest == nil { oldest = node }
        return node
    }

    func remove(_ node: Node) {
        if hand === node { hand = node.newer }
        node.older?.newer = node.newer
        node.newer?.older = node.older
        if newest === node { newest = node.older }
        if oldest === node { oldest = node.newer }
        node.newer = nil
        node.older = nil
    }

    /// The node to evict next, taken out.
    func evict() -> Node? {
        var candidate = hand ?? oldest
        while let node = candidate, node.isVisited {
            node.isVisited = false
            candidate = node.newer ?? oldest
        }
        guard let node = candidate else { return nil }
        hand = node.newer
        remove(node)
        return node
    }
}
