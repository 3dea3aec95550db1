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

    /// Seconds since 1970 of a date in any of the three forms (RFC 9110, 5.6.7), or nil for anything else: IMF-fixdate,
    /// `Sunday, 06-Nov-94 08:49:37 GMT` of RFC 850 and `Sun Nov  6 08:49:37 1994` of asctime. Names are read in letters of
    /// either case; the name of the day is not compared with the date.
    ///
    /// `now` in seconds since 1970 tells the century of RFC 850's two digits: a date more than 50 years ahead of it lies in
    /// the past. Without it that form is not read: a date that is not understood counts as stale, which is safe.
    package static func parse(_ bytes: HTTPBytes, now: Int64? = nil) -> Int64? {
        let text = Array(bytes)
        if text.count == 29, text[3] == UInt8(ascii: ","), text[4] == 0x20, text[7] == 0x20, text[11] == 0x20,
            text[16] == 0x20, isName(text[..<3], in: days), isGMT(text[25...])
        {
            return moment(day: text[5..<7], month: text[8..<11], year: text[12..<16].decimalValue, time: text[17..<25])
        }
        if text.count == 24, text[3] == 0x20, text[7] == 0x20, text[10] == 0x20, text[19] == 0x20,
            isName(text[..<3], in: days)
        {
            let day = text[8] == 0x20 ? text[9..<10] : text[8..<10]
            return moment(day: day, month: text[4..<7], year: text[20..<24].decimalValue, time: text[11..<19])
        }
        guard let now, let comma = text.firstIndex(of: UInt8(ascii: ",")), text.count == comma + 24,
            isName(text[..<comma], in: longDays), text[comma + 1] == 0x20, text[comma + 4] == UInt8(ascii: "-"),
            text[comma + 8] == UInt8(ascii: "-"), text[comma + 11] == 0x20, isGMT(text[(comma + 20)...]),
            let digits = text[comma + 9..<comma + 11].decimalValue
        else { return nil }
        let century = civil(fromDay: max(now, 0) / 86_400).year / 100 * 100
        let ahead = civil(fromDay: max(now, 0) / 86_400).year + 50
        var year = century + digits
        if year > ahead { year -= 100 } else if year + 100 <= ahead { year += 100 }
        return moment(
            day: text[comma + 2..<comma + 4], month: text[comma + 5..<comma + 8], year: year,
            time: text[comma + 12..<comma + 20])
    }

    private static let longDays = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]

    private static func isName(_ bytes: HTTPBytes, in names: [String]) -> Bool { index(of: bytes, in: names) != nil }

    private static func index(of bytes: HTTPBytes, in names: [String]) -> Int? {
        let lower = bytes.map(CharacterClass.lowercased)
        return names.firstIndex { $0.utf8.map(CharacterClass.lowercased) == lower }
    }

    private static func isGMT(_ bytes: HTTPBytes) -> Bool { bytes.isEqualIgnoringCase(to: " gmt") }

    private static func moment(day: HTTPBytes, month: HTTPBytes, year: Int?, time: HTTPBytes) -> Int64? {
        let start = time.startIndex
        guard time.count == 8, time[start + 2] == 0x3a, time[start + 5] == 0x3a,
            let month = index(of: month, in: months), let day = day.decimalValue, let year, year >= 1970,
            let hour = time[start..<start + 2].decimalValue, let minute = time[start + 3..<start + 5].decimalValue,
            let second = time[start + 6..<start + 8].decimalValue,
            (1...31).contains(day), hour < 24, minute < 60, second <= 60
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

    /// The date of a day counted from 1970-01-01.
    package static func civil(fromDay day: Int64) -> (year: Int, month: Int, day: Int) {
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
