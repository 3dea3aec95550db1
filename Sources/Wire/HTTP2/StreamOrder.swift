/// Which streams a client may still open, and what HEADERS or DATA on any other mean (RFC 9113, 5.1 and 5.1.1). Bounded in memory:
/// what was long ago counts as ended.
struct StreamOrder {
    enum Verdict: Equatable {
        /// A stream that comes next.
        case new
        /// Passed over when a later one was opened: it can no longer be used.
        case skipped
        /// Over and done with.
        case ended
        /// Reset by this side, whose word the client had not heard when it sent on.
        case crossing
    }

    private var last: Int32 = -1
    private var gaps: [Range<Int32>] = []
    private var resets: [Int32] = []

    private static let rememberedGaps = 64
    /// More than a client can have on their way at once: what it still sends there was sent in good faith.
    private static let rememberedResets = 1_024

    mutating func opened(_ stream: Int32) {
        guard stream > last else { return }
        if stream > last + 2 {
            gaps.append(last + 1..<stream)
            if gaps.count > Self.rememberedGaps { gaps.removeFirst() }
        }
        last = stream
    }

    mutating func wasReset(_ stream: Int32) {
        resets.append(stream)
        if resets.count > Self.rememberedResets { resets.removeFirst() }
    }

    /// What HEADERS or DATA mean on a stream that is not open.
    func judge(_ stream: Int32) -> Verdict {
        if stream > last { return .new }
        if resets.contains(stream) { return .crossing }
        return gaps.contains { $0.contains(stream) } ? .skipped : .ended
    }
}
