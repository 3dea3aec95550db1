/// Dates and times of EXT-X-PROGRAM-DATE-TIME (4.4.4.6), in the form of ISO 8601 that playlists use.
enum DateTimeText {
    /// Reads `2026-11-23T23:16:50.123Z`, with any number of decimals up to 12 and `Z`, `+01:00`, `+0100` or `+01`.
    ///
    /// - Returns: microseconds since 1970; nil when it is no such date, or says no zone.
    static func unixMicroseconds(_ text: some Collection<UInt8>) -> Int64? {
        var rest = Array(text)[...]
        guard let year = take(4, from: &rest), skip("-", in: &rest), let month = take(2, from: &rest),
            skip("-", in: &rest), let day = take(2, from: &rest), skip("T", in: &rest),
            let hour = take(2, from: &rest), skip(":", in: &rest), let minute = take(2, from: &rest),
            skip(":", in: &rest), let second = take(2, from: &rest)
        else { return nil }
        var microsecond: Int64 = 0
        if skip(".", in: &rest) {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...12).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            var scale: Int64 = 1_000_000
            for digit in digits.prefix(6) {
                scale /= 10
                microsecond += Int64(digit - 0x30) * scale
            }
        }
        guard let offset = zone(rest),
            let moment = CivilTime.unixMicroseconds(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second,
                microsecond: microsecond)
        else { return nil }
        return moment - offset * 60_000_000
    }

    /// Minutes east of UTC.
    private static func zone(_ text: ArraySlice<UInt8>) -> Int64? {
        var rest = text
        if skip("Z", in: &rest) { return rest.isEmpty ? 0 : nil }
        let isWest = rest.first == UInt8(ascii: "-")
        guard isWest || rest.first == UInt8(ascii: "+") else { return nil }
        rest = rest.dropFirst()
        guard let hours = take(2, from: &rest), hours <= 23 else { return nil }
        var minutes: Int64 = 0
        if !rest.isEmpty {
            _ = skip(":", in: &rest)
            guard let given = take(2, from: &rest), given <= 59, rest.isEmpty else { return nil }
            minutes = given
        }
        return (isWest ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func take(_ count: Int, from rest: inout ArraySlice<UInt8>) -> Int64? {
        guard rest.count >= count, let number = DecimalText.integer(rest.prefix(count)) else { return nil }
        rest = rest.dropFirst(count)
        return number
    }

    private static func skip(_ scalar: Unicode.Scalar, in rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: scalar) else { return false }
        rest = rest.dropFirst()
        return true
    }
}
