/// What is logged, and how a line looks.
package struct LogConfiguration: Equatable, Sendable {
    /// The levels of swift-log, by its names.
    package enum Level: String, CaseIterable, Sendable {
        case trace, debug, info, notice, warning, error, critical
    }

    package enum Format: String, CaseIterable, Sendable {
        /// `time level message key=value …`
        case text
        /// One JSON object a line.
        case json
    }

    package var level = Level.info
    package var format = Format.text

    package init() {}

    init(_ section: Section) {
        level = section.value("level", .choice, standard: level).value
        format = section.value("format", .choice, standard: format).value
    }
}
