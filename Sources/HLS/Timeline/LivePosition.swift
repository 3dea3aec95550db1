/// Where a timeline stands, as its playlist, the reports of others and blocked requests see it.
extension LiveTimeline {
    /// The last listed part, or nil before the first. A gap without parts counts as one part.
    package var position: MediaPosition? {
        guard let last = segments.last(where: \.isListed) else { return nil }
        return MediaPosition(sequence: last.sequence, part: max(0, last.parts.count - 1))
    }

    /// The part that comes next (4.4.5.3), or nil when none will. Once a segment closes, or is expected to, it is part 0
    /// of the next.
    package var hinted: MediaPosition? {
        guard !hasEnded, let last = segments.last else { return nil }
        return last.isComplete || last.parts.last?.isLikelyLast == true
            ? MediaPosition(sequence: last.sequence + 1, part: 0)
            : MediaPosition(sequence: last.sequence, part: last.parts.count)
    }

    /// The segments that list their parts, and those after them.
    package var segmentsWithParts: Slice<SlidingArray<LiveSegment>> {
        segments.dropFirst(Int(clamping: max(0, partsListedFrom - mediaSequence)))
    }

    /// The listed segment with that sequence number.
    package func segment(_ sequence: Int64) -> LiveSegment? {
        guard let first = segments.first?.sequence, sequence >= first else { return nil }
        let offset = sequence - first
        return offset < Int64(segments.count) ? segments[Int(offset)] : nil
    }
}
