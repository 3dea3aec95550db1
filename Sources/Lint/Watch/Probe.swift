/// A request that no player makes in the ordinary course, to see how it is answered.
enum Probe: Equatable {
    /// A query that breaks 6.2.5.
    case malformed(String)
    /// A query of what is too far ahead.
    case farAhead(String)
    /// A sequence number that the playlist has passed.
    case old(Int64)
    /// A part past the last one of a finished segment.
    case pastEnd(sequence: Int64, part: Int)
    /// `_HLS_msn` alone.
    case wholeSegment(Int64)
    /// A name that no media has.
    case unknown
    /// A part that will be, and is not hinted yet.
    case tooEarly
    /// Directives to a playlist that has ended.
    case ended(Int64)

    /// What is asked for in the query; nil where the path asks.
    var query: String? {
        switch self {
        case .malformed(let query), .farAhead(let query): query
        case .old(let sequence), .wholeSegment(let sequence), .ended(let sequence): "_HLS_msn=\(sequence)"
        case .pastEnd(let sequence, let part): "_HLS_msn=\(sequence)&_HLS_part=\(part)"
        case .unknown, .tooEarly: nil
        }
    }

    static let malformedQueries = [
        "_HLS_part=0", "_HLS_msn=abc", "_HLS_msn=-1", "_HLS_msn=1&_HLS_msn=1", "_HLS_msn=1&_HLS_part=x",
    ]
}
