import HLS
import NIOCore

/// One answer of a media playlist, read once and shared by all viewers that got the same bytes.
package final class ListedPlaylist: Sendable {
    /// Something that a viewer fetches: a part, or a segment that lists none.
    package struct Entry: Sendable, Equatable {
        package var position: MediaPosition
        /// Absolute path on its server.
        package var path: String
        /// Microseconds.
        package var duration: Int64
        package var isIndependent: Bool
        package var isGap: Bool
        /// Begins another time line.
        package var isDiscontinuity: Bool
        /// No part follows it in its segment.
        package var isLast: Bool
    }

    package let entries: [Entry]
    package let mediaSequence: Int64
    package let isLowLatency: Bool
    package let canBlock: Bool
    /// Microseconds; nil when the server makes no deltas.
    package let skipUntil: Int64?
    /// Microseconds.
    package let targetDuration: Int64
    package let partTarget: Int64?
    /// How far from the end a player stays, in microseconds.
    package let holdBack: Int64
    /// What every viewer that asks after this answer asks for.
    package let next: MediaPosition
    /// Absolute path of the part that is to come.
    package let hint: String?
    package let hasEnded: Bool
    package let isDelta: Bool
    /// Whole segments that have no URI at their end yet count neither.
    package let lastWholeSegment: Int64?

    /// `path` is the playlist's own, which relative URIs are resolved against.
    package init(_ playlist: MediaPlaylist, path: String) {
        var entries: [Entry] = []
        for segment in playlist.segments {
            let first = entries.count
            for (index, part) in segment.parts.enumerated() {
                entries.append(
                    Entry(
                        position: MediaPosition(sequence: segment.sequence, part: index),
                        path: Self.resolve(part.uri, against: path), duration: part.duration.microseconds,
                        isIndependent: part.isIndependent, isGap: part.isGap || segment.isGap,
                        isDiscontinuity: index == 0 && segment.isDiscontinuity,
                        isLast: segment.duration != nil && index == segment.parts.count - 1))
            }
            if entries.count == first, let uri = segment.uri, let duration = segment.duration {
                entries.append(
                    Entry(
                        position: MediaPosition(sequence: segment.sequence, part: 0),
                        path: Self.resolve(uri, against: path), duration: duration.microseconds, isIndependent: true,
                        isGap: segment.isGap, isDiscontinuity: segment.isDiscontinuity, isLast: true))
            }
        }
        self.entries = entries
        mediaSequence = playlist.mediaSequence
        isLowLatency = playlist.partTarget != nil && playlist.hasParts
        canBlock = playlist.serverControl?.canBlockReload ?? false
        skipUntil = playlist.serverControl?.canSkipUntil?.microseconds
        targetDuration = Int64(playlist.targetDuration) * 1_000_000
        partTarget = playlist.partTarget?.microseconds
        let control = playlist.serverControl
        if let partTarget = playlist.partTarget, playlist.hasParts {
            // 4.4.3.8: PART-HOLD-BACK is required with parts; three part targets stand in for a server without it.
            holdBack = control?.partHoldBack?.microseconds ?? 3 * partTarget.microseconds
        } else {
            holdBack = control?.holdBack?.microseconds ?? 3 * targetDuration
        }
        let open = playlist.segments.last.flatMap { $0.duration == nil ? $0 : nil }
        let after = (playlist.segments.last?.sequence ?? playlist.mediaSequence - 1) + 1
        next =
            open.map { MediaPosition(sequence: $0.sequence, part: $0.parts.count) }
            ?? MediaPosition(sequence: after, part: 0)
        hint = playlist.hints.first { $0.type == "PART" }.map { Self.resolve($0.uri, against: path) }
        hasEnded = playlist.hasEnded
        isDelta = playlist.skip != nil
        lastWholeSegment = playlist.segments.last { $0.duration != nil }?.sequence
    }

    /// Index of the first entry at or after a position.
    package func index(of position: MediaPosition) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The path that a URI in a playlist means (RFC 3986, 5.2), for URIs of the playlist's own server.
    package static func resolve(_ uri: String, against path: String) -> String {
        if uri.hasPrefix("/") { return uri }
        if let scheme = uri.range(of: "://") {
            let rest = uri[scheme.upperBound...]
            return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
        }
        let folder = path.prefix { $0 != "?" }
        var parts = folder.split(separator: "/", omittingEmptySubsequences: false).dropLast().map(String.init)
        var rest = uri[...]
        while rest.hasPrefix("../"), parts.count > 1 {
            parts.removeLast()
            rest = rest.dropFirst(3)
        }
        return (parts + [String(rest)]).joined(separator: "/")
    }
}

extension StringProtocol {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

extension Duration {
    /// Whole microseconds, cut.
    package var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (seconds > 0 ? .max : .min) : product &+ attoseconds / 1_000_000_000_000
    }
}
