import HLS
import NIOCore

/// One answer with a media playlist: what it says, and its lines.
struct PlaylistLook {
    let playlist: MediaPlaylist
    let url: WebAddress
    /// As they stand, but for how far other renditions are, which moves while this one does not.
    private let lines: [String]
    /// EXT-X-DATERANGE by ID: ranges come and go while segments do not.
    private let dateRanges: [String: String]

    init(_ playlist: MediaPlaylist, _ text: ByteBufferView, url: WebAddress) {
        self.playlist = playlist
        self.url = url
        var lines: [String] = []
        var ranges: [String: String] = [:]
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#EXT-X-RENDITION-REPORT:") {
                let kept = line.split(separator: ",").filter {
                    !$0.hasPrefix("LAST-MSN=") && !$0.hasPrefix("LAST-PART=")
                }
                lines.append(kept.joined(separator: ","))
            } else if line.hasPrefix("#EXT-X-DATERANGE:") {
                let id = line.split(separator: "\"").dropFirst().first.map(String.init) ?? ""
                ranges[id] = ranges[id] ?? String(line)
            } else {
                lines.append(String(line))
            }
        }
        self.lines = lines
        dateRanges = ranges
    }

    /// Both were made at the same moment, as far as can be told.
    func isOfSameMoment(as other: PlaylistLook) -> Bool {
        guard let last = playlist.segments.last, let end = other.playlist.segments.last else { return false }
        return other.playlist.mediaSequence == playlist.mediaSequence && end.uri == last.uri
            && end.parts.last?.uri == last.parts.last?.uri
    }

    /// How the answer to the same request at the same moment differs; nil where it does not.
    func difference(from other: PlaylistLook) -> String? {
        // More may have become known meanwhile, without a segment or a part.
        if playlist.hasEnded != other.playlist.hasEnded || playlist.hints.count != other.playlist.hints.count {
            return nil
        }
        for (index, (one, another)) in zip(lines, other.lines).enumerated() where one != another {
            return "line \(index + 1) is \"\(Self.short(one))\" once and \"\(Self.short(another))\" again"
        }
        if lines.count != other.lines.count { return "\(lines.count) lines once, \(other.lines.count) again" }
        for (id, line) in dateRanges {
            guard let again = other.dateRanges[id], again != line else { continue }
            return "date range \(id) is \"\(Self.short(line))\" once and \"\(Self.short(again))\" again"
        }
        return nil
    }

    private static func short(_ line: String) -> String { line.count > 120 ? line.prefix(120) + "…" : line }
}
