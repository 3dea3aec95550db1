/// Why a codec configuration cannot be used. Each says what to change at the encoder.
package enum MediaError: Error, Equatable, Sendable, CustomStringConvertible {
    case truncatedConfiguration(codec: String)
    case invalidConfiguration(codec: String, reason: String)
    case unsupportedAudio(reason: String)

    package var description: String {
        switch self {
        case .truncatedConfiguration(let codec): "The \(codec) configuration record ends too early."
        case .invalidConfiguration(let codec, let reason): "The \(codec) configuration cannot be used: \(reason)."
        case .unsupportedAudio(let reason): "The audio cannot be packaged: \(reason)."
        }
    }
}
