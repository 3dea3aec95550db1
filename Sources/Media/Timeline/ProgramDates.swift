/// Wall-clock time of moments on a publish's line: one offset for the life of the line, so that dates follow from
/// timestamps and go on across publishes.
struct ProgramDates: Sendable, Codable {
    private(set) var offset: Int64?

    init(offset: Int64? = nil) { self.offset = offset }

    /// Ties the line to `date` at `line`, unless it is tied.
    mutating func tie(_ line: Int64, to date: Int64) {
        if offset == nil { offset = date &- line }
    }

    /// Microseconds since 1970 at `time` on the line.
    func date(at time: Int64) -> Int64 { time &+ (offset ?? 0) }
}
