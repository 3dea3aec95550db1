/// A series' labels as the exposition writes them, which is its identity too: equal labels in any order are equal.
struct LabelSet: Hashable, Comparable, Sendable {
    /// `a="b",c="d"`, sorted by name; empty without labels.
    let rendered: String

    /// Of labels with equal names the first counts.
    init(_ labels: [(String, String)]) {
        guard !labels.isEmpty else {
            rendered = ""
            return
        }
        var cleaned: [(name: String, value: String)] = []
        for (name, value) in labels {
            var name = ExpositionName.label(name)
            // `le` belongs to a histogram's buckets, and two leading underscores to Prometheus itself.
            if name == "le" || name.hasPrefix("__") { name = "label_" + name }
            if !cleaned.contains(where: { $0.name == name }) { cleaned.append((name, value)) }
        }
        cleaned.sort { $0.name < $1.name }
        var bytes: [UInt8] = []
        for (name, value) in cleaned {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: name.utf8)
            bytes.append(contentsOf: "=\"".utf8)
            ExpositionName.escape(value, quotes: true, into: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        rendered = String(decoding: bytes, as: UTF8.self)
    }

    /// Where the values go whose labels came after the cap.
    static let overflow = LabelSet([("overflow", "true")])

    static func < (a: LabelSet, b: LabelSet) -> Bool { a.rendered < b.rendered }
}
