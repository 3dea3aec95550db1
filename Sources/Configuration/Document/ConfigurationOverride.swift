/// One value given on the command line, which wins over the file's and passes through the same schema.
package struct ConfigurationOverride: Equatable, Sendable {
    /// Keys from the root: `["http", "listen"]`. An item of a list is named by its index: `["upstreams", "0", "url"]`.
    package let path: [String]
    /// The value as typed. Where the schema wants a list, it is split at commas.
    package let value: String
    /// What messages call the place.
    package let place: ConfigurationPlace

    /// A value for a dotted path, given by a flag of its own.
    ///
    /// - Parameter flag: What the user typed, such as `--listen-http`; `--set PATH` when nil.
    package init(path: String, value: String, flag: String? = nil) {
        self.path = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        self.value = value
        place = .flag(flag ?? "--set \(path)")
    }

    /// A value of the form `http.listen=127.0.0.1:9000`, as `--set` takes it.
    ///
    /// - Throws: `ConfigurationError` when there is no `=` or the path is not dotted names.
    package init(parsing text: String) throws(ConfigurationError) {
        guard let equals = text.firstIndex(of: "="), text[..<equals].split(separator: ".").count > 0,
            !text[..<equals].split(separator: ".", omittingEmptySubsequences: false).contains("")
        else {
            throw ConfigurationError(problems: [
                ConfigurationProblem(
                    .flag("--set"), .badValue(path: "--set", value: text, reason: "this is not path=value"),
                    hint: "Write for example \"--set http.listen=127.0.0.1:9000\".")
            ])
        }
        self.init(path: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
    }
}

extension ConfigurationNode {
    /// Puts the override's value into the tree, making the sections on its way.
    ///
    /// Returns a problem when something on the way is a plain value, below which nothing can be set.
    mutating func apply(_ override: ConfigurationOverride) -> ConfigurationProblem? {
        let value = ConfigurationNode(
            content: .scalar(Scalar(text: override.value, style: .flag)), place: override.place)
        return set(override.path[...], to: value, below: "")
    }

    private mutating func set(
        _ path: ArraySlice<String>, to value: ConfigurationNode, below parent: String
    ) -> ConfigurationProblem? {
        guard let name = path.first else {
            self = value
            return nil
        }
        let rest = path.dropFirst()
        let full = parent.isEmpty ? name : "\(parent).\(name)"
        let empty = ConfigurationNode(content: .nothing, place: value.place)
        switch content {
        case .nothing:
            // A number opens a list, a name a section.
            var child = empty
            let problem = child.set(rest, to: value, below: full)
            content = name == "0" ? .list([child]) : .map([Entry(key: name, place: value.place, value: child)])
            return problem
        case .map(var entries):
            // The last of two equal keys: the schema reports the pair.
            if let index = entries.lastIndex(where: { $0.key == name }) {
                let problem = entries[index].value.set(rest, to: value, below: full)
                content = .map(entries)
                return problem
            }
            var child = empty
            let problem = child.set(rest, to: value, below: full)
            content = .map(entries + [Entry(key: name, place: value.place, value: child)])
            return problem
        case .list(var items):
            guard let index = Int(name), index >= 0, index <= items.count else {
                return ConfigurationProblem(
                    value.place, .unknownKey(full),
                    hint: "\"\(parent)\" is a list of \(items.count): name an item by its index, from 0.")
            }
            if index == items.count { items.append(empty) }
            let problem = items[index].set(rest, to: value, below: full)
            content = .list(items)
            return problem
        case .scalar:
            return ConfigurationProblem(
                value.place, .unknownKey(full),
                hint: "\"\(parent)\" is a plain value at \(place): nothing can be set below it.")
        }
    }
}
