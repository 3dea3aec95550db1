/// Why a publisher's connection ends. Each case is a sentence for the log.
package enum CloseReason: Error, Sendable, Equatable, CustomStringConvertible {
    case finished
    case dismissed(String)
    case refused(String)
    case handshakeTimedOut
    case notPublishedInTime
    case silent
    case unsupportedVersion(UInt8)
    case messageTooLarge(bytes: Int, limit: Int)
    case tooManyChunkStreams(limit: Int)
    case unknownChunkStream
    case malformedChunk(String)
    case malformedCommand(String)
    case nestingTooDeep(limit: Int)
    case tooManyValues(limit: Int)
    case tooMuchUndecided(limit: Int)

    /// True for what a well-meant publisher never does.
    package var isViolation: Bool {
        switch self {
        case .finished, .dismissed, .refused, .silent: false
        default: true
        }
    }

    package var description: String {
        switch self {
        case .finished: "the publisher ended the stream"
        case .dismissed(let reason): reason
        case .refused(let reason): "refused: \(reason)"
        case .handshakeTimedOut: "the handshake was not finished in time"
        case .notPublishedInTime: "no publish followed the handshake in time"
        case .silent: "nothing came for longer than the idle limit"
        case .unsupportedVersion(let version): "the first byte is \(version), not RTMP version 3"
        case .messageTooLarge(let bytes, let limit): "a message of \(bytes) bytes exceeds the limit of \(limit)"
        case .tooManyChunkStreams(let limit): "more than \(limit) chunk streams are open"
        case .unknownChunkStream: "a chunk continues a chunk stream that was never begun"
        case .malformedChunk(let what): "malformed chunk: \(what)"
        case .malformedCommand(let what): "malformed command: \(what)"
        case .nestingTooDeep(let limit): "an AMF value is nested more than \(limit) levels deep"
        case .tooManyValues(let limit): "a message holds more than \(limit) AMF values"
        case .tooMuchUndecided(let limit): "more than \(limit) bytes came before the publish was granted"
        }
    }
}
