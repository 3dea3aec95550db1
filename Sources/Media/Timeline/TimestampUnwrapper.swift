/// Turns 32-bit millisecond timestamps into a line that never wraps.
///
/// ffmpeg's FLV wraps at 2^31 ms, others at 2^32: whichever step is smaller is the one that was meant.
struct TimestampUnwrapper: Sendable {
    private var last: (raw: Int64, unwrapped: Int64)?

    /// Milliseconds on a line without wraps.
    mutating func unwrap(_ timestamp: UInt32) -> Int64 {
        let raw = Int64(timestamp)
        guard let last else {
            self.last = (raw, raw)
            return raw
        }
        let plain = raw - last.raw
        let steps = [plain, plain + 1 << 31, plain - 1 << 31, plain + 1 << 32, plain - 1 << 32]
        // A wrap lands near zero; anything that does not is a jump, which others judge.
        let wrapped = steps.min { abs($0) < abs($1) } ?? plain
        let step = abs(plain) <= 1 << 30 ? plain : wrapped
        let unwrapped = last.unwrapped + step
        self.last = (raw, unwrapped)
        return unwrapped
    }
}
