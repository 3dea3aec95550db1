import struct NIOCore.ByteBuffer

/// Text of playlists, written with integer arithmetic into one buffer.
struct PlaylistText {
    private(set) var bytes: [UInt8] = []

    mutating func line(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0x0a)
    }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func append(contentsOf other: [UInt8]) { bytes.append(contentsOf: other) }

    /// Seconds with five decimals, rounded to the nearest: 10 µs is finer than any sample's duration.
    static func decimal(_ seconds: Double) -> String {
        let clamped = min(max(seconds, 0), 1e9)
        let units = Int64((clamped * 100_000).rounded())
        return decimal(units)
    }

    /// A duration that stands for a limit, rounded up at the fifth decimal.
    static func decimal(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let fraction = (attoseconds + 9_999_999_999_999) / 10_000_000_000_000
        return decimal(seconds * 100_000 + fraction)
    }

    private static func decimal(_ units: Int64) -> String {
        let fraction = String(units % 100_000)
        return "\(units / 100_000)." + String(repeating: "0", count: 5 - fraction.utf8.count) + fraction
    }

    /// ISO 8601 in UTC with milliseconds, as EXT-X-PROGRAM-DATE-TIME wants it (4.4.4.6).
    static func dateTime(_ unixMicroseconds: Int64) -> String {
        let milliseconds = unixMicroseconds.floored(by: 1_000)
        let seconds = milliseconds.floored(by: 1_000)
        let days = seconds.floored(by: 86_400)
        let (year, month, day) = civil(daysSince1970: days)
        let second = seconds - days * 86_400
        let parts = [second / 3_600, second / 60 % 60, second % 60].map { padded($0, 2) }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(parts.joined(separator: ":"))"
            + ".\(padded(milliseconds - seconds * 1_000, 3))Z"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Days to a date in the proleptic Gregorian calendar, counting years from March so that leap days come last.
    private static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.floored(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity.
    fileprivate func floored(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
