import HLS
import HTTP
import Relay

/// How often a rendition that is pulled brings something new. It tells when an upstream that holds a request for the next
/// part has gone silent: long before a fetch that may take its time is known to be stuck.
///
/// The cadence is what was seen, not what a playlist promises: it holds for any upstream, whatever its playlists are
/// coded in.
struct PullCadence {
    private struct Rendition {
        var lastNews: ContinuousClock.Instant
        /// Times between answers of the last blocked reloads.
        var gaps: [Duration] = []
    }

    private var renditions: [HTTPBytes: Rendition] = [:]

    /// How late the next part may be before another upstream is asked as well.
    static let grace = Duration.milliseconds(150)
    private static let gapsKept = 8
    /// Fewer say nothing.
    private static let gapsNeeded = 3
    /// What takes longer is no cadence: nobody asked in between.
    private static let longestGap = Duration.seconds(2)
    /// One state in several forms, or a state that was there already: no parts are as short as this.
    private static let shortestGap = Duration.milliseconds(80)
    private static let renditionLimit = 2_048

    /// An upstream has begun to answer `request`. A refusal tells nothing.
    mutating func heard(_ request: RequestHead, status: UInt16, at now: ContinuousClock.Instant) {
        // A part comes together with the playlist that lists it: only reloads tell the time between two parts.
        guard status == 200, let place = Self.place(of: request), place.isReload else { return }
        guard var rendition = renditions[place.rendition] else {
            if renditions.count >= Self.renditionLimit {
                renditions = renditions.filter { $0.value.lastNews.duration(to: now) < Self.longestGap }
            }
            if renditions.count < Self.renditionLimit { renditions[place.rendition] = Rendition(lastNews: now) }
            return
        }
        let gap = rendition.lastNews.duration(to: now)
        guard gap >= Self.shortestGap else { return }
        rendition.lastNews = now
        if gap >= Self.longestGap {
            // The stream may be another one by now.
            rendition.gaps = []
        } else {
            rendition.gaps.append(gap)
            if rendition.gaps.count > Self.gapsKept { rendition.gaps.removeFirst() }
        }
        renditions[place.rendition] = rendition
    }

    /// When an upstream that has been asked for the next part since `start` has been silent for too long; nil when that
    /// cannot be told, or is not what was asked for.
    func due(_ request: RequestHead, since start: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let place = Self.place(of: request), let rendition = renditions[place.rendition],
            rendition.gaps.count >= Self.gapsNeeded, let longest = rendition.gaps.max()
        else { return nil }
        return max(start, rendition.lastNews) + longest + Self.grace
    }

    /// The rendition whose next part the request may be held for: a reload that names a part, or a part.
    private static func place(of request: RequestHead) -> (rendition: HTTPBytes, isReload: Bool)? {
        let path = request.path
        guard let (_, target) = LiveTarget.read(path: path) else { return nil }
        switch target {
        case .playlist:
            guard let query = request.query, let directives = try? DeliveryDirectives.parse(query: query),
                directives.part != nil
            else { return nil }
        case .media(_, _, .part): break
        case .media, .multivariant: return nil
        }
        // `/live/{channel}/{rendition}` of `/live/{channel}/{rendition}/…`.
        let steps = path.indices.filter { path[$0] == UInt8(ascii: "/") }
        guard steps.count >= 4 else { return nil }
        return (path[..<steps[3]], target.isPlaylist)
    }
}

extension LiveTarget {
    fileprivate var isPlaylist: Bool { if case .playlist = self { true } else { false } }
}
