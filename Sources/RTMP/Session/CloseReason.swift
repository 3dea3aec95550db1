/// Why a publisher's connection ends. Each case is a sentence for the log.
package enum CloseReason: Error, Sendable, Equatable, CustomStringConvertible {
    /// The origin ends it.
    case dismissed(String)
    case refused(String)
    case handshakeTimedOut
    case notPublishedInTime
    case silent(for: Duration)
    case unsupportedVersion(UInt8)
    case messageTooLarge(bytes: Int, limit: Int)
    case tooManyChunkStreams(limit: Int)
    case unknownChunkStream
    case chunkSizeOutOfRange(UInt32)
    case chunkSizeTooLarge(bytes: UInt32, limit: Int)
    case malformedControl(type: UInt8)
    case malformedCommand(String)
    case malformedValue(String)
    case nestingTooDeep(limit: Int)
    case tooManyValues(limit: Int)
    case tooMuchUndecided(limit: Int)

    /// True for what a well-meant publisher never does.
    package var isViolation: Bool {
        switch self {
        case .dismissed, .refused, .silent: false
        default: true
        }
    }

    /// The publisher has been told why, and may be there to hear it.
    package var mayBeHeard: Bool {
        switch self {
        case .handshakeTimedOut, .notPublishedInTime, .silent, .unsupportedVersion: false
        default: true
        }
    }

    /// The publisher learns of it here: what the origin decides has been said already.
    var isTold: Bool {
        switch self {
        case .dismissed, .refused: false
        default: true
        }
    }

    package var description: String {
        switch self {
        case .dismissed(let reason): reason
        case .refused(let reason): "refused: \(reason)"
        case .handshakeTimedOut: "the handshake was not finished in time"
        case .notPublishedInTime: "no publish was granted in time"
        case .silent(let duration): "nothing came for \(duration)"
        case .unsupportedVersion(let version): "the first byte is \(version), not RTMP version 3"
        case .messageTooLarge(let bytes, let limit): "a message of \(bytes) bytes exceeds the limit of \(limit)"
        case .tooManyChunkStreams(let limit): "more than \(limit) chunk streams are open"
        case .unknownChunkStream: "a chunk continues a chunk stream that was never begun"
        case .chunkSizeOutOfRange(let size):
            "a chunk size of \(size) was announced, and RTMP allows 1 to 2147483647"
        case .chunkSizeTooLarge(let size, let limit):
            "a chunk size of \(size) bytes was announced, and the limit is \(limit)"
        case .malformedControl(let type): "a control message of type \(type) is too short"
        case .malformedCommand(let what): "malformed command: \(what)"
        case .malformedValue(let what): "malformed AMF value: \(what)"
        case .nestingTooDeep(let limit): "an AMF value is nested more than \(limit) levels deep"
        case .tooManyValues(let limit): "a message holds more than \(limit) AMF values"
        case .tooMuchUndecided(let limit): "more than \(limit) bytes came before the publish was granted"
        }
    }
}
