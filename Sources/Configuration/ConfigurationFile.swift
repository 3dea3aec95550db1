#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A configuration's text and the name by which messages call it.
package struct ConfigurationFile: Equatable, Sendable {
    package let path: String
    package let text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// Reads a file of at most 8 MiB.
    ///
    /// - Throws: `ConfigurationError` when the file is missing, unreadable, too large or not UTF-8.
    package init(readingFrom path: String) throws(ConfigurationError) {
        func failure(_ cause: ConfigurationCause, hint: String?) -> ConfigurationError {
            let place = ConfigurationPlace.file(path: path, line: 1, column: 1)
            return ConfigurationError(problems: [ConfigurationProblem(place, cause, hint: hint)])
        }
        guard let file = fopen(path, "rb") else {
            throw failure(
                .unreadable(reason: String(cString: strerror(errno))),
                hint: "Samples are in edge-config/: copy one and give its path.")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= YAMLDocument.maximumBytes else {
                throw failure(
                    .excessive(reason: "the file has more than \(YAMLDocument.maximumBytes >> 20) MiB"), hint: nil)
            }
        }
        guard ferror(file) == 0 else {
            throw failure(
                .unreadable(reason: "it is a directory or its disk fails"), hint: "Give the path of a YAML file.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw failure(.unreadable(reason: "it is not UTF-8"), hint: "Save it as UTF-8.")
        }
        self.init(path: path, text: text)
    }
}

/// Looks whether a file that a configuration names can be read. Tests put their own in its place.
package struct FileProbe: Sendable {
    package enum Finding: Equatable, Sendable {
        case readable, missing
        case unreadable(reason: String)
    }

    let finding: @Sendable (String) -> Finding

    package init(finding: @escaping @Sendable (String) -> Finding) {
        self.finding = finding
    }

    /// The file system.
    package static let disk = FileProbe { path in
        guard let file = fopen(path, "rb") else {
            return errno == ENOENT ? .missing : .unreadable(reason: String(cString: strerror(errno)))
        }
        defer { fclose(file) }
        // A directory opens and does not read.
        _ = fgetc(file)
        return ferror(file) == 0 ? .readable : .unreadable(reason: String(cString: strerror(errno)))
    }

    /// Takes every path: for checking a file away from the machine that it is for.
    package static let trusting = FileProbe { _ in .readable }
}
