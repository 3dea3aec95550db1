/// HTML and SVG as text, with what comes from outside made harmless.
enum Markup {
    static func escape(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }

    /// `12`, `12.3` or `0.123`: three digits that matter.
    static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "–" }
        let size = abs(value)
        if size >= 100 || value == value.rounded() { return "\(Int(value.rounded()))" }
        let scale: Double = size >= 10 ? 10 : size >= 1 ? 100 : 1_000
        var text = "\((value * scale).rounded() / scale)"
        if text.hasSuffix(".0") { text.removeLast(2) }
        return text
    }

    static func number(_ value: Double?) -> String { value.map { number($0) } ?? "–" }

    /// A coordinate.
    static func place(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    static func row(_ cells: [String], tag: String = "td") -> String {
        "<tr>" + cells.map { "<\(tag)>\($0)</\(tag)>" }.joined() + "</tr>\n"
    }
}
