/// Prometheus' text format 0.0.4, written family by family.
///
/// Serve it as `ExpositionText.contentType`.
package struct ExpositionText: Sendable {
    /// What the values of a family mean.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram, untyped
    }

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// UTF-8.
    package private(set) var bytes: [UInt8]

    /// Goes on after `bytes`, so that memory is reused from scrape to scrape.
    package init(continuing bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    /// Begins a family: its samples follow, and no family's samples stand among another's.
    ///
    /// - Parameter name: Written with every character that a name cannot have as `_`.
    package mutating func family(_ name: String, _ kind: Kind, help: String?) {
        let name = ExpositionName.metric(name)
        if let help {
            append("# HELP \(name) ")
            appendEscaped(help, quotes: false)
            append("\n")
        }
        append("# TYPE \(name) \(kind.rawValue)\n")
    }

    /// One value of the family that was begun.
    package mutating func sample(_ name: String, labels: [(String, String)] = [], _ value: Double) {
        sample(ExpositionName.metric(name), rendered: LabelSet(labels).rendered, ExpositionText.number(value))
    }

    /// One whole number of the family that was begun, exact beyond 2^53.
    package mutating func sample(_ name: String, labels: [(String, String)] = [], _ value: UInt64) {
        sample(ExpositionName.metric(name), rendered: LabelSet(labels).rendered, "\(value)")
    }

    /// One series of the histogram that was begun. `buckets` hold what lies below their bounds and above the one before,
    /// the last what lies above all; bounds and sum in the family's unit.
    package mutating func histogram(
        _ name: String, labels: [(String, String)] = [], bounds: [Double], buckets: [UInt64], sum: Double
    ) {
        histogram(
            ExpositionName.metric(name), rendered: LabelSet(labels).rendered, bounds: bounds, buckets: buckets, sum: sum
        )
    }

    /// The same of a name and labels that are clean.
    mutating func histogram(_ name: String, rendered labels: String, bounds: [Double], buckets: [UInt64], sum: Double) {
        var count: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            count &+= bucket
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            sample("\(name)_bucket", rendered: labels, more: "le=\"\(bound)\"", "\(count)")
        }
        sample("\(name)_sum", rendered: labels, Self.number(sum))
        sample("\(name)_count", rendered: labels, "\(count)")
    }

    /// `labels` is `a="b",c="d"` or empty; `more` a label after them.
    mutating func sample(_ name: String, rendered labels: String, more: String = "", _ number: String) {
        append(name)
        if !labels.isEmpty || !more.isEmpty {
            append("{")
            append(labels)
            if !labels.isEmpty && !more.isEmpty { append(",") }
            append(more)
            append("}")
        }
        append(" ")
        append(number)
        append("\n")
    }

    /// The shortest text that reads back as the same number.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func appendEscaped(_ text: String, quotes: Bool) {
        ExpositionName.escape(text, quotes: quotes, into: &bytes)
    }
}

/// The alphabet of names, and the escapes of values.
enum ExpositionName {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    static func metric(_ text: String) -> String { clean(text, allowsColon: true) }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    static func label(_ text: String) -> String { clean(text, allowsColon: false) }

    private static func clean(_ text: String, allowsColon: Bool) -> String {
        func isAllowed(_ byte: UInt8, first: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
            case UInt8(ascii: ":"): allowsColon
            default: false
            }
        }
        let bytes = Array(text.utf8)
        if let first = bytes.first, isAllowed(first, first: true),
            bytes.allSatisfy({ isAllowed($0, first: false) })
        {
            return text
        }
        var cleaned: [UInt8] = bytes.map { isAllowed($0, first: false) ? $0 : UInt8(ascii: "_") }
        if cleaned.first.map({ !isAllowed($0, first: true) }) ?? true { cleaned.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: cleaned, as: UTF8.self)
    }

    /// Backslash and line feed, and in a label's value the quote.
    static func escape(_ text: String, quotes: Bool, into bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
            case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: #"\""#.utf8)
            default: bytes.append(byte)
            }
        }
    }
}
