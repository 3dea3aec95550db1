/// A publisher's timestamp as it was sent: 32-bit milliseconds, and what Enhanced RTMP adds to them.
package struct Stamp: Sendable, Equatable, Codable {
    package var milliseconds: UInt32
    /// 0 to 999, beyond the milliseconds.
    package var microseconds: UInt32

    package init(milliseconds: UInt32, nanosecondOffset: UInt32 = 0) {
        self.milliseconds = milliseconds
        microseconds = min(nanosecondOffset, 999_999) / 1_000
    }

    /// In microseconds.
    var total: Int64 { Int64(milliseconds) * 1_000 + Int64(microseconds) }

    /// Microseconds from here to a later stamp.
    ///
    /// ffmpeg's FLV wraps at 2^31 ms, others at 2^32, and some senders cut their stamps to 24 bits: a step that such a
    /// wrap makes small was meant so. Anything else is a jump, which others judge.
    func step(to later: Stamp) -> Int64 {
        let plain = later.total - total
        guard abs(plain) > PublishLine.forwardLimit else { return plain }
        for bits: Int64 in [32, 31, 24] {
            let wrap = (Int64(1) << bits) * 1_000
            let step = plain < 0 ? plain + wrap : plain - wrap
            if abs(step) <= PublishLine.forwardLimit { return step }
        }
        return plain
    }
}
