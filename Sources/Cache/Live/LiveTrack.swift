/// The live window of one track: a row of groups, each a row of objects, freed from the old end.
///
/// It is a clock, not a workload: what goes is decided by the window and a bound in bytes, never by who asks. A group
/// that is whole is its objects by reference.
package struct LiveTrack<Object> {
    private struct Group {
        var objects: [(object: Object, bytes: Int)?] = []
        /// How many objects it has, once that is known.
        var count: Int?
        var bytes = 0
    }

    private var groups: [Group] = []
    /// Number of the first group that is kept.
    package private(set) var first: Int64 = 0
    package private(set) var bytes = 0
    /// Groups before this one have been freed and do not come back.
    private var floor: Int64 = 0
    private let budgetBytes: Int

    /// A number further ahead than this is another row altogether; an index beyond is a mistake.
    private static var longestGap: Int64 { 256 }
    private static var longestGroup: Int { 4_096 }

    package init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    package subscript(group group: Int64, index index: Int) -> Object? {
        guard let place = place(of: group), groups[place].objects.indices.contains(index) else { return nil }
        return groups[place].objects[index]?.object
    }

    /// Number of the last group that is kept, nil when there is none.
    package var last: Int64? { groups.isEmpty ? nil : first + Int64(groups.count) - 1 }

    /// Puts an object in its place. Returns false when the window has passed that place, or the number makes no sense.
    @discardableResult
    package mutating func put(_ object: Object, group: Int64, index: Int, bytes size: Int) -> Bool {
        guard group >= 0, group < .max / 2, (0..<Self.longestGroup).contains(index) else { return false }
        guard !hasPassed(group) else { return false }
        if groups.isEmpty { first = group }
        if let last, group > last + Self.longestGap {
            removeAll()
            first = group
        }
        guard group > first - Self.longestGap else { return false }
        while group < first {
            groups.insert(Group(), at: 0)
            first -= 1
        }
        while first + Int64(groups.count) <= group { groups.append(Group()) }
        guard let place = place(of: group) else { return false }
        while groups[place].objects.count <= index { groups[place].objects.append(nil) }
        let change = size - (groups[place].objects[index]?.bytes ?? 0)
        groups[place].objects[index] = (object, size)
        groups[place].bytes += change
        bytes += change
        // The newest group stays, whatever it weighs: it is what everybody waits for.
        while bytes > budgetBytes, groups.count > 1, group > first { dropFirst() }
        return true
    }

    /// Whether the window has moved on past a group, so that nothing of it is taken any more.
    package func hasPassed(_ group: Int64) -> Bool { group < floor }

    /// Takes an object out.
    package mutating func remove(group: Int64, index: Int) {
        guard let place = place(of: group), groups[place].objects.indices.contains(index),
            let gone = groups[place].objects[index]
        else { return }
        groups[place].objects[index] = nil
        groups[place].bytes -= gone.bytes
        bytes -= gone.bytes
    }

    /// A group has this many objects and no more.
    package mutating func close(group: Int64, count: Int) {
        guard let place = place(of: group), count <= Self.longestGroup else { return }
        groups[place].count = count
    }

    /// All objects of a closed group, or nil when it is open or one is missing.
    package func whole(_ group: Int64) -> [Object]? {
        guard let place = place(of: group), let count = groups[place].count, count > 0,
            groups[place].objects.count >= count
        else { return nil }
        let objects = groups[place].objects.prefix(count).compactMap { $0?.object }
        return objects.count == count ? objects : nil
    }

    /// The window has moved: frees every group before this one.
    package mutating func drop(before group: Int64) {
        while first < group, !groups.isEmpty { dropFirst() }
    }

    package mutating func removeAll() {
        groups.removeAll()
        bytes = 0
    }

    private mutating func dropFirst() {
        bytes -= groups.removeFirst().bytes
        first += 1
        floor = max(floor, first)
    }

    private func place(of group: Int64) -> Int? {
        guard group >= first, group - first < Int64(groups.count) else { return nil }
        return Int(group - first)
    }
}
