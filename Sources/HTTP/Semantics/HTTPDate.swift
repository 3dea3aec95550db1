/// Dates in HTTP (RFC 9110, 5.6.7): written as IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The 29 bytes of a moment in seconds since 1970. Moments before 1970 and after 9999 become those borders.
    package static func format(unixSeconds: Int64) -> [UInt8] {
        let seconds = min(max(unixSeconds, 0), 253_402_300_799)
        let day = seconds / 86_400
        let time = Int(seconds % 86_400)
        let date = civil(fromDay: day)
        var text: [UInt8] = []
        text.reserveCapacity(29)
        text += days[Int(day % 7)].utf8
        text += ", ".utf8
        append(date.day, digits: 2, to: &text)
        text.append(0x20)
        text += months[date.month - 1].utf8
        text.append(0x20)
        append(date.year, digits: 4, to: &text)
        text.append(0x20)
        append(time / 3600, digits: 2, to: &text)
        text.append(0x3a)
        append(time / 60 % 60, digits: 2, to: &text)
        text.append(0x3a)
        append(time % 60, digits: 2, to: &text)
        text += " GMT".utf8
        return text
    }

    /// Seconds since 1970 of an IMF-fixdate, or nil for anything else. The name of the day is not compared with the date.
    /// The two obsolete forms are not read: a date that is not understood counts as stale, which is safe.
    package static func parse(_ bytes: HTTPBytes) -> Int64? {
        let text = Array(bytes)
        guard text.count == 29, text[3] == UInt8(ascii: ","), text[4] == 0x20, text[7] == 0x20, text[11] == 0x20,
            text[16] == 0x20, text[19] == 0x3a, text[22] == 0x3a, text[25...].elementsEqual(" GMT".utf8),
            let month = months.firstIndex(where: { text[8..<11].elementsEqual($0.utf8) }),
            let day = text[5..<7].decimalValue, let year = text[12..<16].decimalValue,
            let hour = text[17..<19].decimalValue, let minute = text[20..<22].decimalValue,
            let second = text[23..<25].decimalValue,
            year >= 1970, (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let date = dayNumber(year: year, month: month + 1, day: day)
        // The 31st of June is no date: it would come back as another one.
        guard civil(fromDay: date) == (year, month + 1, day) else { return nil }
        return date * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }

    private static func append(_ value: Int, digits: Int, to text: inout [UInt8]) {
        var divisor = digits == 4 ? 1000 : 10
        while divisor > 0 {
            text.append(0x30 + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    // The Gregorian calendar in eras of 400 years that begin on 1 March 0000, so that leap days come last.

    private static func civil(fromDay day: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(day) + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func dayNumber(year: Int, month: Int, day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return Int64(era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468)
    }
}

/// The value of the Date field, made once a second.
package struct HTTPDateCache: Sendable {
    private var second: Int64?
    private var text: HTTPBytes = []

    package init() {}

    /// The IMF-fixdate of a wall-clock time in microseconds since 1970; shared memory within one second.
    package mutating func value(unixMicroseconds: Int64) -> HTTPBytes {
        let now = unixMicroseconds / 1_000_000
        if second != now {
            second = now
            text = HTTPDate.format(unixSeconds: now)[...]
        }
        return text
    }
}
