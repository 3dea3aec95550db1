/// Durations as operators write them: `200ms`, `2s`, `1.5s`, `1m`, `1/3s`.
package enum DurationText {
    private static let units: [(name: String, attoseconds: Int128)] = [
        ("h", 3_600_000_000_000_000_000_000), ("m", 60_000_000_000_000_000_000), ("s", 1_000_000_000_000_000_000),
        ("ms", 1_000_000_000_000_000), ("us", 1_000_000_000_000),
    ]

    package static func read(_ text: String) throws(ValueFlaw) -> Duration {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "/") }
        let unitName = String(text.dropFirst(number.count))
        guard !number.isEmpty else {
            throw .malformed(reason: "this is not a duration", hint: "Write a number and a unit, such as 200ms.")
        }
        guard !unitName.isEmpty else {
            throw .malformed(
                reason: "the unit is missing", hint: "Did you mean \"\(text)s\" or \"\(text)ms\"?")
        }
        guard let unit = units.first(where: { $0.name == unitName }) else {
            throw .malformed(reason: "\"\(unitName)\" is not a unit of time", hint: "Use us, ms, s, m or h.")
        }
        guard let quantity = Quantity(number) else {
            throw .malformed(
                reason: "\"\(number)\" is not a number that can be read",
                hint: "Write up to 9 digits, such as 2, 0.5 or 1/3.")
        }
        return Duration(attoseconds: quantity.times(unit.attoseconds))
    }

    package static func write(_ duration: Duration) -> String {
        let attoseconds = duration.attoseconds
        if attoseconds == 0 { return "0s" }
        // Whole seconds and minutes before fractions, and thirds of a second as thirds.
        for unit in units where attoseconds % unit.attoseconds == 0 {
            return "\(attoseconds / unit.attoseconds)\(unit.name)"
        }
        let second: Int128 = 1_000_000_000_000_000_000
        for denominator: Int128 in 3...60 {
            let numerator = (attoseconds * denominator + second / 2) / second
            if numerator > 0, second * numerator / denominator == attoseconds { return "\(numerator)/\(denominator)s" }
        }
        return "\(attoseconds / 1_000_000_000_000)us"
    }
}

/// A number that is not negative, written `2`, `0.5` or `1/3`, kept exact until it meets its unit.
struct Quantity {
    private let numerator: Int128
    private let denominator: Int128

    /// Nil when the text is something else, or has more than 9 digits on a side or 6 after the point.
    init?(_ text: Substring) {
        func digits(_ part: Substring, atMost maximum: Int = 9) -> Int128? {
            guard (1...maximum).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            return Int128(part)
        }
        if let slash = text.firstIndex(of: "/") {
            guard let top = digits(text[..<slash]), let bottom = digits(text[text.index(after: slash)...]), bottom > 0
            else { return nil }
            (numerator, denominator) = (top, bottom)
        } else if let point = text.firstIndex(of: ".") {
            let fraction = text[text.index(after: point)...]
            guard let whole = digits(text[..<point]), let part = digits(fraction, atMost: 6) else { return nil }
            let scale = fraction.reduce(Int128(1)) { product, _ in product * 10 }
            (numerator, denominator) = (whole * scale + part, scale)
        } else {
            guard let whole = digits(text) else { return nil }
            (numerator, denominator) = (whole, 1)
        }
    }

    /// The product, rounded down. At most 10^15 hours in attoseconds, 3.6 x 10^36, which fits.
    func times(_ unit: Int128) -> Int128 {
        numerator * unit / denominator
    }
}
