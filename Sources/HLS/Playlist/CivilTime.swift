/// A moment in UTC as a calendar and a clock show it, in the proleptic Gregorian calendar.
struct CivilTime: Equatable {
    var year: Int64
    /// 1 to 12.
    var month: Int64
    /// 1 to 31.
    var day: Int64
    var hour: Int64
    var minute: Int64
    var second: Int64
    var microsecond: Int64

    private static let microsecondsPerDay: Int64 = 86_400_000_000

    /// Years 0 to 9999, which is what four digits can write.
    private static let writable: ClosedRange<Int64> = -62_167_219_200_000_000...253_402_300_799_999_999

    /// What is outside the writable years becomes their first or last moment.
    init(unixMicroseconds moment: Int64) {
        let unixMicroseconds = min(max(moment, Self.writable.lowerBound), Self.writable.upperBound)
        // Years are counted from March, so that leap days come last.
        let days = unixMicroseconds.floored(by: Self.microsecondsPerDay)
        let time = unixMicroseconds - days * Self.microsecondsPerDay
        let shifted = days + 719_468
        let era = shifted.floored(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        hour = time / 3_600_000_000
        minute = time / 60_000_000 % 60
        second = time / 1_000_000 % 60
        microsecond = time % 1_000_000
    }

    /// Microseconds since 1970 of a date in the years 0 to 9999 whose fields are in their ranges, else nil. A leap
    /// second counts as the second after it.
    static func unixMicroseconds(
        year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64, microsecond: Int64
    ) -> Int64? {
        guard (0...9_999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second), (0...999_999).contains(microsecond)
        else { return nil }
        let yearFromMarch = month <= 2 ? year - 1 : year
        let era = yearFromMarch.floored(by: 400)
        let yearOfEra = yearFromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
        let moment = seconds * 1_000_000 + microsecond
        // The 31st of a month of thirty days is the 1st of another one, and no date.
        return CivilTime(unixMicroseconds: days * microsecondsPerDay).day == day ? moment : nil
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity.
    fileprivate func floored(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
