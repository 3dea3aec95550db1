import ArgumentParser
import Configuration
import Logging
import Logs
import Node
import Wire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The flags that every node shares: where its configuration stands, and what replaces single settings of it.
struct ConfigurationFlags: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Configuration file (YAML).", valueName: "file"))
    var config: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Replaces one setting, such as http.listen=127.0.0.1:9000. May be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(name: .long, help: ArgumentHelp("Same as --set http.listen=…", valueName: "address"))
    var http: String?

    @Option(name: .long, help: ArgumentHelp("Same as --set https.listen=…", valueName: "address"))
    var https: String?

    @Option(name: .long, help: ArgumentHelp("Same as --set log.level=…", valueName: "level"))
    var logLevel: String?

    static func file(_ path: String?) throws(ConfigurationError) -> ConfigurationFile? {
        guard let path else { return nil }
        return try ConfigurationFile(readingFrom: path)
    }

    func overrides(_ named: [(path: String, flag: String, value: String?)] = []) throws(ConfigurationError)
        -> [ConfigurationOverride]
    {
        var overrides: [ConfigurationOverride] = []
        for text in set { overrides.append(try ConfigurationOverride(parsing: text)) }
        let shared = [
            ("http.listen", "--http", http), ("https.listen", "--https", https), ("log.level", "--log-level", logLevel),
        ]
        for (path, flag, value) in shared + named {
            if let value { overrides.append(ConfigurationOverride(path: path, value: value, flag: flag)) }
        }
        return overrides
    }
}

extension ConfigurationFlags {
    /// Says what the node runs by. Values are not told: a stream key may be among them.
    func report(_ overrides: [ConfigurationOverride], to logger: Logger) {
        var metadata: Logger.Metadata = ["version": "\(ProductVersion.text)"]
        if let config { metadata["file"] = "\(config)" }
        if !overrides.isEmpty {
            metadata["replaced"] = "\(overrides.map { $0.path.joined(separator: ".") }.joined(separator: " "))"
        }
        logger.info(
            config == nil ? "no configuration file, standard settings (--config names one)" : "configuration read",
            metadata: metadata)
    }
}

/// Ends the process as a mistaken configuration does: every mistake on a line of its own, exit code 78 (EX_CONFIG).
func exitForConfiguration(_ error: ConfigurationError) -> Never {
    let bytes = Array("\(error.description)\n".utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(78)
}

extension LogConfiguration {
    /// A logger that writes to standard error in the configured form.
    func logger(_ label: String, threshold: LogThreshold) -> Logger {
        let format = LogFormat(rawValue: format.rawValue) ?? .text
        return Logger(label: label) { StructuredLogHandler(label: $0, format: format, threshold: threshold) }
    }

    var threshold: Logger.Level { Logger.Level(rawValue: level.rawValue) ?? .info }
}

extension HTTPLimits {
    /// The limits as the server takes them.
    var server: ServerLimits {
        var limits = ServerLimits()
        limits.requestTimeout = requestTimeout
        limits.idleTimeout = idleTimeout
        limits.stallTimeout = stallTimeout
        limits.requestBodyBytes = bodyBytes
        limits.concurrentStreams = streamsPerConnection
        limits.resetsPerSecond = resetsPerSecond
        limits.pushesPerConnection = pushesPerConnection
        limits.pushesPerSecond = pushesPerSecond
        limits.connections = connections
        limits.connectionsPerAddress = connectionsPerAddress
        limits.head.headerBytes = headerBytes
        return limits
    }
}
