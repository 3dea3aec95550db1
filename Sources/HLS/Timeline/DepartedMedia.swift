/// Segments that no playlist lists any more, and how long each can still be fetched.
///
/// 6.2.2 asks for a segment's own duration and that of the longest playlist that listed it. Its parts live as long,
/// which is more than the three target durations after their tags went that the same section asks for.
struct DepartedMedia: Sendable {
    private struct Entry {
        let segment: LiveSegment
        let availability: Int64
        var until: Int64?
    }

    /// Oldest first; sequence numbers rise.
    private var entries = SlidingArray<Entry>()
    private var lastSeen: Int64?
    /// Microseconds that have passed on the owner's clock. A clock that is set back stands still here meanwhile.
    private var elapsed: Int64 = 0

    /// Takes in a segment that has just been delisted.
    mutating func add(_ segment: LiveSegment, longestPlaylist: Duration) {
        var segment = segment
        segment.text = SegmentText()
        let availability = (segment.mediaDuration + longestPlaylist).hundredThousandths * 10
        entries.append(Entry(segment: segment, availability: availability))
    }

    /// The segments whose time is over, each given once. The time of a segment begins at the first call after it was
    /// delisted.
    mutating func takeExpired(at unixMicroseconds: Int64) -> [LiveSegment] {
        if let lastSeen {
            let passed = unixMicroseconds.subtractingReportingOverflow(lastSeen)
            if !passed.overflow, passed.partialValue > 0 { elapsed = elapsed.addingCapped(passed.partialValue) }
        }
        lastSeen = unixMicroseconds
        for index in entries.indices.reversed() {
            guard entries[index].until == nil else { break }
            entries[index].until = elapsed.addingCapped(entries[index].availability)
        }
        var expired: [LiveSegment] = []
        while let first = entries.first, (first.until ?? .max) <= elapsed {
            expired.append(first.segment)
            entries.popFirst()
        }
        return expired
    }

    var oldest: Int64? { entries.first?.segment.sequence }

    /// Takes out the oldest, whose time may not be over.
    mutating func takeOldest() -> LiveSegment? { entries.popFirst()?.segment }

    subscript(_ sequence: Int64) -> LiveSegment? {
        var low = entries.startIndex
        var high = entries.endIndex
        while low < high {
            let middle = low + (high - low) / 2
            let found = entries[middle].segment
            if found.sequence == sequence { return found }
            if found.sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

extension Int64 {
    /// The sum, or the largest number where it would be larger.
    fileprivate func addingCapped(_ other: Int64) -> Int64 {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? .max : sum.partialValue
    }
}
