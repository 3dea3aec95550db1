import Cryptography
import Foundation
import Media
import NIOCore

/// What an origin leaves at a cut for a twin whose publisher came later: from that segment on, the twin's playlists and
/// media are the same bytes under the same names.
struct Handover: Codable, Sendable {
    private static let version = 1
    private var version = Self.version
    /// The origin that wrote it.
    var writer: String
    /// When the packet that begins the segment came, by the writer's clock, in microseconds since 1970.
    var writtenAt: Int64
    var epoch: String
    /// What cannot change within an epoch.
    var packaging: String
    var listed: ListedCut
    var cut: CutMark

    init(writer: String, epoch: String, packaging: String, listed: ListedCut, cut: CutMark) {
        self.writer = writer
        writtenAt = cut.arrivedAt
        self.epoch = epoch
        self.packaging = packaging
        self.listed = listed
        self.cut = cut
    }

    var encoded: [UInt8]? { (try? JSONEncoder().encode(self)).map(Array.init) }

    /// - Throws: `StateError` where the bytes are not what a program of this version wrote.
    init(_ bytes: [UInt8], path: String) throws(StateError) {
        guard let found = try? JSONDecoder().decode(Handover.self, from: Data(bytes)), found.version == Self.version,
            ChannelState.isToken(found.epoch), found.isPossible
        else { throw .malformed(path: path, reason: "it is no handover of a cut that is known here") }
        self = found
    }

    private var isPossible: Bool {
        (0..<1 << 52).contains(listed.sequence) && (0..<1 << 52).contains(listed.discontinuities)
            && (0..<1 << 52).contains(cut.checkpoint.sequence) && listed.dateShift.magnitude < 1 << 60
            && writtenAt.magnitude < 1 << 60 && (1...2).contains(listed.tracks.count)
            && listed.tracks.allSatisfy { (0..<1 << 40).contains($0.initNumber) }
    }
}

/// How a presentation listed a segment of its publisher.
struct ListedCut: Codable, Equatable, Sendable {
    struct Track: Codable, Equatable, Sendable {
        var isVideo: Bool
        /// Number of the init section that the segment's media needs.
        var initNumber: Int
        /// Every segment so far began with a frame from which decoding can start.
        var isIndependent: Bool
    }

    var sequence: Int64
    /// Discontinuities before it.
    var discontinuities: Int64
    var isDiscontinuity: Bool
    /// Added to the packager's dates, in microseconds.
    var dateShift: Int64
    var tracks: [Track]

    func track(_ kind: MediaKind) -> Track? { tracks.first { $0.isVideo == (kind == .video) } }
}

/// Where a publisher's packets begin a segment.
struct CutMark: Codable, Sendable {
    var checkpoint: PackagerCheckpoint
    /// The packet that begins it.
    var anchor: PacketMark
    /// The last frame of sound before.
    var sound: PacketMark?
    /// Microseconds since 1970.
    var arrivedAt: Int64
}

/// By what a frame is known again on another connection of the same encoder.
struct PacketMark: Codable, Equatable, Sendable {
    var isVideo: Bool
    var stamp: Stamp
    var byteCount: Int
    /// SHA-256 of its bytes.
    var digest: Data

    init(_ kind: MediaKind, _ stamp: Stamp, _ bytes: ByteBuffer) {
        isVideo = kind == .video
        self.stamp = stamp
        byteCount = bytes.readableBytes
        digest = Self.digest(of: bytes)
    }

    static func digest(of bytes: ByteBuffer) -> Data {
        Data(bytes.withUnsafeReadableBytes { SHA256.digest(of: $0) })
    }
}
