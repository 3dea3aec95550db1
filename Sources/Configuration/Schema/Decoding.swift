/// One pass over a configuration: collects every problem and, on the way, every key that is asked for.
///
/// The functions that read a configuration are its schema. Run over a tree they give values and problems; run with
/// `isDescribing` they visit sections and lists that are absent too, and `keys` is the whole schema.
package final class Decoding {
    package let isDescribing: Bool
    /// Looks whether named files exist.
    package let files: FileProbe
    /// Every key of the schema, for "it belongs under …". Empty while describing.
    let schema: [KeyDescription]
    private(set) var problems: [ConfigurationProblem] = []
    private(set) var keys: [KeyDescription] = []

    private init(isDescribing: Bool, files: FileProbe, schema: [KeyDescription]) {
        self.isDescribing = isDescribing
        self.files = files
        self.schema = schema
    }

    package func report(_ place: ConfigurationPlace, _ cause: ConfigurationCause, hint: String? = nil) {
        problems.append(ConfigurationProblem(place, cause, hint: hint))
    }

    func note(_ key: KeyDescription) {
        if isDescribing, !keys.contains(where: { $0.path == key.path }) { keys.append(key) }
    }

    /// Every key that `read` asks for, in its order.
    package static func describe<Value>(_ read: (Section) -> Value) -> [KeyDescription] {
        let decoding = Decoding(isDescribing: true, files: .trusting, schema: [])
        _ = read(Section(root: ConfigurationNode(content: .nothing, place: .whole), decoding: decoding))
        return decoding.keys
    }

    /// Reads a file, if any, with overrides laid over it.
    ///
    /// - Throws: `ConfigurationError` with every problem of file and overrides.
    package static func decode<Value>(
        _ file: ConfigurationFile?, overrides: [ConfigurationOverride], files: FileProbe,
        _ read: (Section) -> Value
    ) throws(ConfigurationError) -> Value {
        var root = ConfigurationNode(content: .nothing, place: .whole)
        if let file { root = try YAMLDocument.parse(file.text, path: file.path) }
        let decoding = Decoding(isDescribing: false, files: files, schema: describe(read))
        for override in overrides {
            if let problem = root.apply(override) { decoding.problems.append(problem) }
        }
        let section = Section(root: root, decoding: decoding)
        let value = read(section)
        section.reportUnknownKeys()
        guard decoding.problems.isEmpty else {
            // Swift's sort is stable: problems of one place and flags stay in the order of their discovery.
            throw ConfigurationError(problems: decoding.problems.sorted { $0.place.isBefore($1.place) })
        }
        return value
    }
}

/// A value as it was read, with what checks across values need to know of it.
package struct Setting<Value> {
    /// The value, or what stands in for it when it is absent or wrong.
    package var value: Value
    /// Dotted path of the key.
    package let path: String
    /// Where it was written; nil when it is absent.
    package let place: ConfigurationPlace?
    /// False when a problem was reported for it: no further check should complain about what stands in for it.
    package let isSound: Bool
}
