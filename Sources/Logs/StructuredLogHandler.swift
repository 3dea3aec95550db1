import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// swift-log's handler of this project: one line per event, for people or for machines, safe against what is logged.
///
/// ```swift
/// LoggingSystem.bootstrap { StructuredLogHandler(label: $0, format: .json, level: .info) }
/// ```
package struct StructuredLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    /// That of all loggers, unless this one was given its own.
    package var logLevel: Logger.Level {
        get { own ?? threshold.level }
        set { own = newValue }
    }

    private var own: Logger.Level?
    private let threshold: LogThreshold
    private let label: String
    private let format: LogFormat
    private let output: LogOutput
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - threshold: The level, which others share.
    ///   - label: The logger's name: the first word of a line's text.
    ///   - now: Wall-clock time in microseconds since 1970.
    package init(
        label: String, format: LogFormat, threshold: LogThreshold, output: LogOutput = .standardError,
        now: @escaping @Sendable () -> Int64 = StructuredLogHandler.systemTime
    ) {
        self.label = label
        self.format = format
        self.output = output
        self.now = now
        self.threshold = threshold
    }

    /// The same with a level of its own.
    package init(
        label: String, format: LogFormat, level: Logger.Level = .info, output: LogOutput = .standardError,
        now: @escaping @Sendable () -> Int64 = StructuredLogHandler.systemTime
    ) {
        self.init(label: label, format: format, threshold: LogThreshold(level), output: output, now: now)
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        // The nearer wins: the event's own over the provider's over the logger's.
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        let line = LogLine(
            unixMicroseconds: now(), level: event.level, logger: label, message: event.message.description,
            metadata: all)
        output.write(line.bytes(format))
    }

    /// The system's clock, in microseconds since 1970.
    @Sendable package static func systemTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
