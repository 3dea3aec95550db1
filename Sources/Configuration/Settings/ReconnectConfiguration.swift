/// What becomes of a channel's playlist when its publisher goes.
package struct ReconnectConfiguration: Equatable, Sendable {
    /// What a publisher means that takes its leave, as OBS does at "Stop streaming".
    package enum OnEnd: String, CaseIterable, Sendable {
        /// The stream is over: the playlist ends at once.
        case end
        /// It may come back, as one that was lost may.
        case wait
    }

    /// How long the playlist stays live for a publisher to come back; zero ends it at once.
    package var window = Duration.seconds(60)
    package var onEnd = OnEnd.end

    package init() {}

    /// Reads a section, absent keys as `standard` has them.
    init(_ section: Section, standard: ReconnectConfiguration = ReconnectConfiguration()) {
        window = section.value("window", .duration(.zero ... .seconds(600)), standard: standard.window).value
        onEnd = section.value("on_end", .choice, standard: standard.onEnd).value
    }
}
