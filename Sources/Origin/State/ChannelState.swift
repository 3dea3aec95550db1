import Foundation
import Media
import NIOCore

/// What of a channel outlives its origin: numbers that must not come again, and where its presentation stood.
struct ChannelState: Codable, Equatable, Sendable {
    /// A rendition's init section, so that its name keeps its bytes.
    struct Track: Codable, Equatable, Sendable {
        var isVideo: Bool
        var initNumber: Int
        var initSection: Data
        var fragments: UInt32
        var codecs: String
        var width: Int?
        var height: Int?
        var frameRate: Double?
        var sampleRate: Int?
        var channels: Int?
        var videoRange: VideoRange?
        var hasCaptions: Bool?
    }

    /// A presentation that waits for its publisher.
    struct Live: Codable, Equatable, Sendable {
        var epoch: String
        /// What cannot change within one: part target, target duration, window.
        var packaging: String
        /// Microseconds.
        var dateOffset: Int64
        var timestampShift: Int64
        var tracks: [Track]
    }

    private static let version = 1
    private var version = Self.version
    var channel: String
    /// Above every sequence number that was listed before the next state was written.
    var nextSequence: Int64
    /// Not below the discontinuities that there were by then.
    var discontinuities: Int64
    /// Microseconds since 1970.
    var writtenAt: Int64
    /// nil once the playlist has ended.
    var live: Live?

    init(channel: String, nextSequence: Int64, discontinuities: Int64, writtenAt: Int64, live: Live?) {
        self.channel = channel
        self.nextSequence = nextSequence
        self.discontinuities = discontinuities
        self.writtenAt = writtenAt
        self.live = live
    }

    /// Reads what `encoded` wrote for that channel.
    init(_ bytes: [UInt8], channel: String, path: String) throws(StateError) {
        let found: ChannelState
        do {
            found = try JSONDecoder().decode(ChannelState.self, from: Data(bytes))
        } catch {
            throw .malformed(path: path, reason: "it is no JSON of a channel's state")
        }
        guard found.version == Self.version else {
            throw .malformed(path: path, reason: "its version is \(found.version), and \(Self.version) is known here")
        }
        guard found.channel == channel, found.nextSequence >= 0, found.nextSequence < 1 << 52,
            found.discontinuities >= 0, found.discontinuities < 1 << 52
        else { throw .malformed(path: path, reason: "its channel or numbers are not possible") }
        if let live = found.live, !live.isPossible {
            throw .malformed(path: path, reason: "its presentation is not possible")
        }
        self = found
    }

    /// Whether a text can be an epoch: a step of a URI as it is.
    static func isToken(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    var encoded: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return (try? encoder.encode(self)).map(Array.init) ?? []
    }
}

extension ChannelState.Live {
    fileprivate var isPossible: Bool {
        ChannelState.isToken(epoch) && (1...2).contains(tracks.count)
            && Set(tracks.map(\.isVideo)).count == tracks.count
            && tracks.allSatisfy(\.isPossible)
            && max(dateOffset.magnitude, timestampShift.magnitude) < 1 << 60
    }
}

extension ChannelState.Track {
    var isPossible: Bool { (0..<1 << 40).contains(initNumber) && !initSection.isEmpty }

    init(_ section: InitSection, fragments: UInt32) {
        isVideo = section.kind == .video
        initNumber = section.number
        initSection = Data(section.bytes.readableBytesView)
        self.fragments = fragments
        codecs = section.format.codecs
        width = section.format.width
        height = section.format.height
        frameRate = section.format.frameRate
        sampleRate = section.format.sampleRate
        channels = section.format.channels
        videoRange = section.format.videoRange
        hasCaptions = section.format.hasCaptions
    }

    var section: InitSection {
        InitSection(
            kind: isVideo ? .video : .audio, number: initNumber, bytes: ByteBuffer(bytes: initSection),
            format: TrackFormat(
                codecs: codecs, width: width, height: height, frameRate: frameRate, sampleRate: sampleRate,
                channels: channels, videoRange: videoRange, hasCaptions: hasCaptions))
    }
}
