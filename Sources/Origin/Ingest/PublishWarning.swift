import Logging
import Media
import RTMP

/// Something that the operator should know of a publisher: what of its messages is left out, and what is odd in the rest.
enum PublishWarning: Error, CustomStringConvertible {
    case message(MessageFault)
    case unsupportedCodec(MediaKind, name: String)
    case otherTrack(MediaKind, id: UInt8)
    case packager(PackagerWarning)

    /// The cause as a word, for metrics.
    var cause: String {
        switch self {
        case .message(let fault): fault.cause
        case .unsupportedCodec: "unsupported_codec"
        case .otherTrack: "other_track"
        case .packager(let warning): warning.cause
        }
    }

    var description: String {
        switch self {
        case .message(let fault): "\(fault)"
        case .unsupportedCodec(.video, let name):
            "Video in \(name) is not packaged, its frames are dropped. Send H.264, HEVC or AV1."
        case .unsupportedCodec(.audio, let name):
            "Sound in \(name) is not packaged, its frames are dropped. Send AAC or Opus."
        case .otherTrack(let kind, let id):
            "Of several \(kind) tracks only track 0 is packaged: the frames of track \(id) are dropped."
        case .packager(let warning): "\(warning)"
        }
    }

    /// Warnings with the same key are one cause: data differs in ways without number.
    fileprivate var key: String {
        switch self {
        case .message(.malformedData), .message(.largeData): cause
        default: description
        }
    }

    /// Nothing that viewers would miss is left out.
    fileprivate var level: Logger.Level {
        switch self {
        case .message(.unknownData), .message(.unknownType): .info
        default: .warning
        }
    }
}

/// The warnings of one publish: each cause once, in the log and in the metrics.
struct PublishWarnings {
    private let logger: Logger
    private let registry: PublisherRegistry
    private var told: Set<String> = []
    /// The first of them, for the publisher.
    private var first: [String] = []

    private static let most = 32

    init(logger: Logger, registry: PublisherRegistry) {
        self.logger = logger
        self.registry = registry
    }

    /// What has been told of what is left out, in sentences for the publisher.
    var summary: String { first.joined(separator: " ") }

    mutating func report(_ warning: PublishWarning) {
        guard told.count < Self.most, told.insert(warning.key).inserted else { return }
        if first.count < 2, warning.level == .warning { first.append("\(warning)") }
        registry.warned(of: warning.cause)
        logger.log(level: warning.level, "publisher's media", metadata: ["reason": "\(warning)"])
        if told.count == Self.most {
            logger.warning(
                "publisher's media", metadata: ["reason": "It has more faults than are told; no more are told."])
        }
    }
}
