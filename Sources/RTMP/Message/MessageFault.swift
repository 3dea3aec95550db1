/// Why a message of media, or a part of it, gives no tags.
package enum TagFault: Error, Sendable, Hashable, CustomStringConvertible {
    case truncated
    case packetType(UInt8)
    case arrangement(UInt8)
    case tooManyTracks(limit: Int)
    case tooManyExtensions(limit: Int)
    case nanoseconds

    package var description: String {
        switch self {
        case .truncated: "it ends too early"
        case .packetType(let type): "its packet type \(type) is unknown"
        case .arrangement(let kind): "its arrangement of tracks \(kind) is unknown"
        case .tooManyTracks(let limit): "it holds more than \(limit) tracks"
        case .tooManyExtensions(let limit): "it begins with more than \(limit) extensions"
        case .nanoseconds: "its nanosecond offset is a millisecond or more, and is left out"
        }
    }
}

/// What is wrong with a publisher's message that is left out, whole or in part. The publish goes on.
package enum MessageFault: Sendable, Equatable, CustomStringConvertible {
    case video(TagFault)
    case audio(TagFault)
    case aggregate
    /// What was read before the fault holds.
    case malformedData(reason: String)
    case largeData(bytes: Int, limit: Int)
    /// Data that nothing here knows, by its name.
    case unknownData(String)
    case malformedControl(type: UInt8)
    case unknownType(UInt8)

    /// It would have carried media.
    package var isOfMedia: Bool {
        switch self {
        case .video, .audio, .aggregate: true
        default: false
        }
    }

    /// The cause as a word, for metrics.
    package var cause: String {
        switch self {
        case .video, .audio, .aggregate: "malformed_tag"
        case .malformedData, .largeData: "malformed_data"
        case .malformedControl: "malformed_control"
        case .unknownData, .unknownType: "unknown_message"
        }
    }

    package var description: String {
        switch self {
        case .video(let fault): "A video message cannot be read: \(fault)."
        case .audio(let fault): "An audio message cannot be read: \(fault)."
        case .aggregate: "An aggregate message cannot be read to its end."
        case .malformedData(let reason): "A data message cannot be read: \(reason)."
        case .largeData(let bytes, let limit): "A data message of \(bytes) bytes is passed over: the limit is \(limit)."
        case .unknownData(let name): "Data named \"\(name)\" is not used here."
        case .malformedControl(let type): "A control message of type \(type) is too short."
        case .unknownType(let type): "A message of type \(type) is unknown and passed over."
        }
    }
}
