/// A mapping of the configuration while it is read. Ask for each key it may have; what is left over is unknown.
package final class Section {
    package let decoding: Decoding
    /// Dotted path, empty at the root.
    package let path: String
    /// The same with `*` for names and indices.
    let pattern: String
    /// Where missing keys are reported.
    package let place: ConfigurationPlace
    /// The keys that the operator wrote.
    let entries: [ConfigurationNode.Entry]
    /// False when something else stands where the section should.
    package let isSound: Bool
    private var known: [String] = []

    convenience init(root: ConfigurationNode, decoding: Decoding) {
        self.init(root, path: "", pattern: "", place: root.place, decoding: decoding)
    }

    fileprivate init(
        _ node: ConfigurationNode?, path: String, pattern: String, place: ConfigurationPlace, decoding: Decoding
    ) {
        self.decoding = decoding
        self.path = path
        self.pattern = pattern
        self.place = place
        switch node?.content {
        case nil, .nothing:
            (entries, isSound) = ([], true)
        case .map(let entries):
            (self.entries, isSound) = (entries, true)
        case .scalar, .list:
            (entries, isSound) = ([], false)
            decoding.report(
                node?.place ?? place,
                .wrongType(
                    path: path.isEmpty ? "the file" : path, expected: "a section of keys",
                    found: node?.kindInWords ?? "empty"),
                hint: "Write \"key: value\" lines below it, indented.")
        }
        var seen: [String: ConfigurationPlace] = [:]
        for entry in entries {
            if let first = seen[entry.key] {
                decoding.report(
                    entry.place, .duplicateKey(childPath(entry.key), first: first), hint: "Remove one of them.")
            } else {
                seen[entry.key] = entry.place
            }
        }
    }

    package func childPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func childPattern(_ key: String) -> String { pattern.isEmpty ? key : "\(pattern).\(key)" }

    /// The entry of a key that the schema knows.
    private func entry(_ key: String) -> ConfigurationNode.Entry? {
        if !known.contains(key) { known.append(key) }
        return entries.last { $0.key == key }
    }

    // MARK: Values

    /// A value that may be absent.
    package func optional<Value>(_ key: String, _ kind: ValueKind<Value>) -> Setting<Value?> {
        note(key, kind, standard: nil)
        return read(key, kind)
    }

    /// A value with a standard.
    package func value<Value>(_ key: String, _ kind: ValueKind<Value>, standard: Value) -> Setting<Value> {
        note(key, kind, standard: kind.write(standard))
        let setting = read(key, kind)
        return Setting(
            value: setting.value ?? standard, path: setting.path, place: setting.place, isSound: setting.isSound)
    }

    /// A value that must be there.
    package func required<Value>(_ key: String, _ kind: ValueKind<Value>, standIn: Value) -> Setting<Value> {
        note(key, kind, standard: nil)
        let setting = read(key, kind)
        var isSound = setting.isSound && self.isSound
        if setting.place == nil, isSound {
            decoding.report(place, .missingKey(childPath(key), expected: kind.expectation), hint: "Add \"\(key): …\".")
            isSound = false
        }
        return Setting(value: setting.value ?? standIn, path: setting.path, place: setting.place, isSound: isSound)
    }

    /// One value or a list of them; nil when absent, empty for `off`, where that word means none.
    package func values<Value>(
        _ key: String, _ kind: ValueKind<Value>, standard: String? = nil, off: Bool = false
    ) -> Setting<[Value]?> {
        let expectation = "\(kind.expectation), or a list of them\(off ? ", or off" : "")"
        decoding.note(
            KeyDescription(
                path: childPattern(key), expectation: expectation, allowed: kind.allowed, standard: standard))
        guard let entry = entry(key) else {
            return Setting(value: nil, path: childPath(key), place: nil, isSound: true)
        }
        var values: [Value] = []
        var isSound = true
        for (index, node) in items(of: entry.value).enumerated() {
            if off, case .scalar(let scalar) = node.content, scalar.text == "off" {
                guard case .scalar = entry.value.content, index == 0 else { continue }
                return Setting(value: [], path: childPath(key), place: entry.value.place, isSound: true)
            }
            if let value = read(node, kind, path: childPath(key)) { values.append(value) } else { isSound = false }
        }
        return Setting(value: values, path: childPath(key), place: entry.value.place, isSound: isSound)
    }

    /// A flag's text is a list when commas part it; a single value is a list of one.
    private func items(of node: ConfigurationNode) -> [ConfigurationNode] {
        switch node.content {
        case .list(let items): return items
        case .scalar(let scalar) where scalar.style == .flag:
            return scalar.text.split(separator: ",").map { part in
                ConfigurationNode(content: .scalar(.init(text: String(part), style: .flag)), place: node.place)
            }
        case .scalar, .nothing, .map: return [node]
        }
    }

    private func note<Value>(_ key: String, _ kind: ValueKind<Value>, standard: String?) {
        decoding.note(
            KeyDescription(
                path: childPattern(key), expectation: kind.expectation, allowed: kind.allowed, standard: standard))
    }

    private func read<Value>(_ key: String, _ kind: ValueKind<Value>) -> Setting<Value?> {
        guard let entry = entry(key) else {
            return Setting(value: nil, path: childPath(key), place: nil, isSound: true)
        }
        let value = read(entry.value, kind, path: childPath(key))
        return Setting(value: value, path: childPath(key), place: entry.value.place, isSound: value != nil)
    }

    private func read<Value>(_ node: ConfigurationNode, _ kind: ValueKind<Value>, path: String) -> Value? {
        guard case .scalar(let scalar) = node.content, kind.acceptsQuotes || scalar.style != .quoted else {
            let isQuoted = if case .scalar = node.content { true } else { false }
            decoding.report(
                node.place, .wrongType(path: path, expected: kind.expectation, found: node.kindInWords),
                hint: isQuoted ? "Remove the quotes." : kind.allowed.map { "Allowed: \($0)." })
            return nil
        }
        do {
            return try kind.read(scalar.text)
        } catch {
            report(error, of: kind.isSecret ? nil : scalar.text.shownInMessage, path: path, place: node.place)
            return nil
        }
    }

    /// `text` is nil for a secret.
    private func report(_ flaw: ValueFlaw, of text: String?, path: String, place: ConfigurationPlace) {
        switch flaw {
        case .malformed(let reason, let hint):
            decoding.report(place, .badValue(path: path, value: text, reason: reason), hint: hint)
        case .outOfRange(let value, let allowed):
            decoding.report(place, .outOfRange(path: path, value: value, allowed: allowed))
        case .dangling(let reason, let hint):
            decoding.report(place, .danglingReference(path: path, value: text ?? "", reason: reason), hint: hint)
        }
    }

    // MARK: Sections

    /// A section of fixed keys. `isPresent` tells whether the operator wrote it.
    package func section<Value>(_ key: String, _ read: (Section) -> Value) -> (value: Value, isPresent: Bool) {
        let entry = entry(key)
        let child = Section(
            entry?.value, path: childPath(key), pattern: childPattern(key), place: entry?.place ?? place,
            decoding: decoding)
        let value = read(child)
        child.reportUnknownKeys()
        return (value, entry != nil)
    }

    /// A section that need not be there: `read` is not called when it is absent.
    package func optionalSection<Value>(_ key: String, _ read: (Section) -> Value) -> Value? {
        guard entry(key) != nil || decoding.isDescribing else { return nil }
        return section(key, read).value
    }

    /// A section whose keys are names of the operator's, each with a section below, in the file's order. Nil when it
    /// was reported as something else.
    package func sections<Value>(
        _ key: String, named kind: ValueKind<String>, _ read: (Section) -> Value
    ) -> [(name: String, value: Value)]? {
        let entry = entry(key)
        let parent = Section(
            entry?.value, path: childPath(key), pattern: childPattern(key), place: entry?.place ?? place,
            decoding: decoding)
        if decoding.isDescribing {
            _ = read(Section(nil, path: "", pattern: "\(parent.pattern).*", place: place, decoding: decoding))
        }
        guard parent.isSound else { return nil }
        var found: [(String, Value)] = []
        for entry in parent.entries {
            do {
                _ = try kind.read(entry.key)
            } catch {
                let reason = "it is not \(kind.expectation): use \(kind.allowed ?? "another name")"
                decoding.report(
                    entry.place, .badValue(path: parent.path, value: entry.key.shownInMessage, reason: reason))
            }
            let child = Section(
                entry.value, path: parent.childPath(entry.key), pattern: "\(parent.pattern).*", place: entry.place,
                decoding: decoding)
            found.append((entry.key, read(child)))
            child.reportUnknownKeys()
        }
        return found
    }

    /// A list of sections, empty when absent. Nil when it was reported as something else.
    package func list<Value>(_ key: String, _ read: (Section) -> Value) -> [Value]? {
        let pattern = "\(childPattern(key)).*"
        let entry = entry(key)
        if decoding.isDescribing {
            _ = read(Section(nil, path: "", pattern: pattern, place: place, decoding: decoding))
        }
        guard let entry else { return [] }
        guard case .list(let items) = entry.value.content else {
            decoding.report(
                entry.value.place,
                .wrongType(
                    path: childPath(key), expected: "a list of sections", found: entry.value.kindInWords),
                hint: "Begin each item with \"- \".")
            return nil
        }
        return items.enumerated().map { index, node in
            let child = Section(
                node, path: "\(childPath(key)).\(index)", pattern: pattern, place: node.place, decoding: decoding)
            let value = read(child)
            child.reportUnknownKeys()
            return value
        }
    }

    // MARK: Unknown keys

    /// Reports what was never asked for, with the key that was probably meant.
    func reportUnknownKeys() {
        var told: Set<String> = []
        for entry in entries where !known.contains(entry.key) && told.insert(entry.key).inserted {
            decoding.report(
                entry.place, .unknownKey(childPath(entry.key).shownInMessage), hint: suggestion(for: entry.key))
        }
    }

    private func suggestion(for key: String) -> String {
        if let near = NearestName.match(key, among: known) { return "Did you mean \"\(childPath(near))\"?" }
        let elsewhere = Set(
            decoding.schema.lazy.map(\.path).filter { $0 == key || $0.hasSuffix(".\(key)") }
        ).sorted()
        if !elsewhere.isEmpty, elsewhere.count <= 3 {
            return "It belongs at \(elsewhere.map { "\"\($0)\"" }.joined(separator: " or "))."
        }
        return "Known here: \(known.sorted().joined(separator: ", "))."
    }
}

extension String {
    /// Short and without control characters, so that a value cannot break the line that reports it.
    fileprivate var shownInMessage: String {
        let clean = String(
            unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : Character($0) })
        return unicodeScalars.count > 80 ? clean + "…" : clean
    }
}
