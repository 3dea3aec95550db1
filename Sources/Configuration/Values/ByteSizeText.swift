/// Sizes in bytes as operators write them: `512MiB`, `8GiB`, `10MB`, `100B`.
enum ByteSizeText {
    private static let units: [(name: String, bytes: Int128)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("B", 1),
    ]

    static func read(_ text: String) throws(ValueFlaw) -> Int {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unitName = String(text.dropFirst(number.count))
        guard !number.isEmpty else {
            throw .malformed(reason: "this is not a size", hint: "Write a number and a unit, such as 512MiB.")
        }
        guard !unitName.isEmpty else {
            throw .malformed(reason: "the unit is missing", hint: "Did you mean \"\(text)MiB\" or \"\(text)B\"?")
        }
        guard let unit = units.first(where: { $0.name == unitName }) else {
            let near = units.first { $0.name.lowercased() == unitName.lowercased() }
            throw .malformed(
                reason: "\"\(unitName)\" is not a unit of size",
                hint: near.map { "Did you mean \"\(number)\($0.name)\"?" }
                    ?? "Use B, kB, MB, GB or TB (powers of 1000), KiB, MiB, GiB or TiB (of 1024).")
        }
        guard let quantity = Quantity(number) else {
            throw .malformed(
                reason: "\"\(number)\" is not a number that can be read", hint: "Write up to 9 digits, such as 512.")
        }
        return Int(clamping: quantity.times(unit.bytes))
    }

    static func write(_ bytes: Int) -> String {
        if bytes == 0 { return "0B" }
        for unit in units where Int128(bytes) % unit.bytes == 0 { return "\(Int128(bytes) / unit.bytes)\(unit.name)" }
        return "\(bytes)B"
    }
}
