/// Everything that is wrong with a configuration, found in one pass.
///
/// Printed one problem a line, in the order of the file:
/// `edge-config/origin.yaml:31:14: unknown key "listn". Did you mean "listen"?`
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Never empty. Problems of the file come in its order, those of flags after them.
    package let problems: [ConfigurationProblem]

    package init(problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// One mistake: where it is, what it is, and what to do about it.
package struct ConfigurationProblem: Equatable, Sendable, CustomStringConvertible {
    package let place: ConfigurationPlace
    package let cause: ConfigurationCause
    /// A sentence that says what to do; nil when the cause says it all.
    package let hint: String?

    package init(_ place: ConfigurationPlace, _ cause: ConfigurationCause, hint: String? = nil) {
        self.place = place
        self.cause = cause
        self.hint = hint
    }

    package var description: String {
        let sentence = "\(place): \(cause)."
        guard let hint else { return sentence }
        return "\(sentence) \(hint)"
    }
}

/// Where a value was written.
package enum ConfigurationPlace: Equatable, Sendable, CustomStringConvertible {
    /// Line and column count from 1, columns in Unicode scalars.
    case file(path: String, line: Int, column: Int)
    /// A command-line flag, as the user wrote it: `--set http.listen`.
    case flag(String)
    /// The configuration as a whole, when no file was given.
    case whole

    package var description: String {
        switch self {
        case .file(let path, let line, let column): "\(path):\(line):\(column)"
        case .flag(let flag): flag
        case .whole: "configuration"
        }
    }

    /// Orders places: the file from top to bottom, then flags, which are all equal.
    func isBefore(_ other: ConfigurationPlace) -> Bool {
        switch (self, other) {
        case (.file(_, let line, let column), .file(_, let otherLine, let otherColumn)):
            (line, column) < (otherLine, otherColumn)
        case (.file, .flag), (.whole, .flag), (.whole, .file): true
        case (_, .whole), (.flag, _): false
        }
    }
}

/// What is wrong, one case a cause. Paths are dotted: `packaging.part`, `channels.demo.key`, `upstreams.0.url`.
package enum ConfigurationCause: Equatable, Sendable, CustomStringConvertible {
    /// The file could not be read.
    case unreadable(reason: String)
    /// The text is not YAML, or not one document of it.
    case syntax(reason: String)
    /// The file is larger, deeper or more entangled than a configuration can be.
    case excessive(reason: String)
    case unknownKey(String)
    case duplicateKey(String, first: ConfigurationPlace)
    case missingKey(String, expected: String)
    case wrongType(path: String, expected: String, found: String)
    /// `value` is nil where it is a secret.
    case badValue(path: String, value: String?, reason: String)
    case outOfRange(path: String, value: String, allowed: String)
    /// A name of something that does not exist, such as a file.
    case danglingReference(path: String, value: String, reason: String)
    /// Values that are sound alone and contradict each other.
    case conflict(String)

    package var description: String {
        switch self {
        case .unreadable(let reason): "the file cannot be read: \(reason)"
        case .syntax(let reason): "this is not valid YAML: \(reason)"
        case .excessive(let reason): reason
        case .unknownKey(let key): "unknown key \"\(key)\""
        case .duplicateKey(let key, let first): "key \"\(key)\" is here a second time, first at \(first)"
        case .missingKey(let path, let expected): "\"\(path)\" is missing: \(expected) is required"
        case .wrongType(let path, let expected, let found): "\"\(path)\" must be \(expected), not \(found)"
        case .badValue(let path, let value?, let reason): "\"\(path)\" is \"\(value)\": \(reason)"
        case .badValue(let path, nil, let reason): "\"\(path)\": \(reason)"
        case .outOfRange(let path, let value, let allowed):
            "\"\(path)\" is \(value), which is out of range: allowed is \(allowed)"
        case .danglingReference(let path, let value, let reason): "\"\(path)\" names \"\(value)\", which \(reason)"
        case .conflict(let sentence): sentence
        }
    }
}
