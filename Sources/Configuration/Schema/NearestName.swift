/// Finds the name that a misspelt one was meant to be.
package enum NearestName {
    /// The candidate with the fewest edits from `name`, nil when all are too far to be a slip of the fingers.
    package static func match(_ name: String, among candidates: [String]) -> String? {
        let wanted = folded(name)
        let limit = max(1, min(3, wanted.count / 3))
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let other = folded(candidate)
            // Lengths further apart than the limit cannot be within it; this also bounds the work.
            guard abs(other.count - wanted.count) <= limit, wanted.count <= 128 else { continue }
            let distance = distance(wanted, other)
            if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.name
    }

    /// Case, hyphens and underscores are no difference.
    private static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            default: byte
            }
        }
    }

    /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before: [Int] = []
        var previous = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in b.indices {
                var cost = min(row[j] + 1, previous[j + 1] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            before = previous
            previous = row
        }
        return previous[b.count]
    }
}
