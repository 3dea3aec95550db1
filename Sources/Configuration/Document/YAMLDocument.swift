import Yams

/// YAML text as a tree with places.
enum YAMLDocument {
    /// Largest file in bytes.
    static let maximumBytes = 8 << 20
    /// Values in one tree. Aliases are counted each time they are used, so that nested ones cannot explode.
    static let maximumNodes = 200_000
    static let maximumDepth = 32

    /// Reads `text`, which is called `path` in messages. An empty text is an empty section.
    static func parse(_ text: String, path: String) throws(ConfigurationError) -> ConfigurationNode {
        let start = ConfigurationPlace.file(path: path, line: 1, column: 1)
        guard text.utf8.count <= maximumBytes else {
            throw failure(start, .excessive(reason: "the file has more than \(maximumBytes >> 20) MiB"))
        }
        // libyaml looks for a byte order mark only where it guesses the encoding; Yams tells it.
        let scalars = text.unicodeScalars
        let body = scalars.first == "\u{FEFF}" ? String(scalars.dropFirst()) : text
        var source = RenamedDuplicates(text: body)
        while true {
            do {
                guard let root = try Yams.compose(yaml: source.text, .default, .default, .utf8) else {
                    return ConfigurationNode(content: .nothing, place: start)
                }
                var builder = TreeBuilder(path: path, source: source)
                return try builder.node(root, depth: 0)
            } catch let error as YamlError {
                // Yams gives up at a mapping's first duplicate. Renaming it lets the rest of the file be checked too.
                if case .duplicatedKeysInMapping(_, let context) = error, source.rename(keyAt: TextMark(context.mark)) {
                    continue
                }
                throw failure(error, path: path, source: source)
            } catch let error as ConfigurationError {
                throw error
            } catch {
                throw failure(start, .syntax(reason: "\(error)"))
            }
        }
    }

    private static func failure(_ place: ConfigurationPlace, _ cause: ConfigurationCause) -> ConfigurationError {
        ConfigurationError(problems: [ConfigurationProblem(place, cause)])
    }

    private static func failure(_ error: YamlError, path: String, source: RenamedDuplicates) -> ConfigurationError {
        let hint = "Check indentation (spaces only), colons and quotes."
        func at(_ mark: TextMark, _ reason: String) -> ConfigurationError {
            let place = source.place(of: mark, path: path)
            return ConfigurationError(problems: [ConfigurationProblem(place, .syntax(reason: reason), hint: hint)])
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            let reason = context.map { "\($0.text), \(problem)" } ?? problem
            return at(TextMark(mark), reason)
        case .composer(_, let problem, let mark, _):
            return at(TextMark(mark), problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return at(TextMark(context.mark), "keys are here twice: \(duplicates.joined(separator: ", "))")
        case .reader(let problem, let offset, _, _):
            return at(TextMark(ofCharacter: offset ?? 0, in: source.text), problem)
        default:
            return at(TextMark(line: 1, column: 1), "\(error)")
        }
    }
}

/// Turns Yams' nodes into ours, within bounds.
private struct TreeBuilder {
    let path: String
    let source: RenamedDuplicates
    private var count = 0

    init(path: String, source: RenamedDuplicates) {
        self.path = path
        self.source = source
    }

    mutating func node(_ node: Node, depth: Int) throws(ConfigurationError) -> ConfigurationNode {
        let place = source.place(of: TextMark(node.mark), path: path)
        count += 1
        guard count <= YAMLDocument.maximumNodes else {
            throw excess(place, "the file holds more than \(YAMLDocument.maximumNodes) values, aliases included")
        }
        guard depth <= YAMLDocument.maximumDepth else {
            throw excess(place, "values are nested more than \(YAMLDocument.maximumDepth) deep")
        }
        switch node {
        case .scalar(let scalar):
            return ConfigurationNode(content: content(scalar), place: place)
        case .sequence(let sequence):
            var items: [ConfigurationNode] = []
            for item in sequence { items.append(try self.node(item, depth: depth + 1)) }
            return ConfigurationNode(content: .list(items), place: place)
        case .mapping(let mapping):
            var entries: [ConfigurationNode.Entry] = []
            for (key, value) in mapping { entries.append(try entry(key, value, depth: depth)) }
            return ConfigurationNode(content: .map(entries), place: place)
        case .alias:
            return ConfigurationNode(content: .nothing, place: place)
        }
    }

    private mutating func entry(
        _ key: Node, _ value: Node, depth: Int
    ) throws(ConfigurationError) -> ConfigurationNode.Entry {
        let mark = TextMark(key.mark)
        let place = source.place(of: mark, path: path)
        guard case .scalar(let name) = key else {
            let cause = ConfigurationCause.syntax(reason: "a key must be a plain word")
            throw ConfigurationError(problems: [ConfigurationProblem(place, cause)])
        }
        return ConfigurationNode.Entry(
            key: source.original(name.string, at: mark), place: place, value: try node(value, depth: depth + 1))
    }

    private func content(_ scalar: Node.Scalar) -> ConfigurationNode.Content {
        switch scalar.style {
        case .any, .plain:
            let isNothing = ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return isNothing ? .nothing : .scalar(.init(text: scalar.string, style: .plain))
        case .singleQuoted, .doubleQuoted, .literal, .folded:
            return .scalar(.init(text: scalar.string, style: .quoted))
        }
    }

    private func excess(_ place: ConfigurationPlace, _ reason: String) -> ConfigurationError {
        ConfigurationError(problems: [ConfigurationProblem(place, .excessive(reason: reason))])
    }
}

extension TextMark {
    /// Where Yams says a node or mistake is; the first line when it does not say.
    fileprivate init(_ mark: Mark?) {
        self.init(line: mark?.line ?? 1, column: mark?.column ?? 1)
    }
}
