import HLS
import HTTP
import NIOCore

/// The media of one rendition: what is listed is fetched, and compared with what its playlist says of it.
struct MediaWatch {
    struct Part {
        let key: String
        let url: WebAddress
        let listed: MediaPlaylist.Part
        let listedAt: Duration
        /// Samples begin anew here: nothing is said of how they follow.
        let startsAnew: Bool
        var isJudged = false
        /// Ticks at which its samples begin and end, and of what second.
        var span: (start: Int64, end: Int64, timescale: Double)?
    }

    struct Segment {
        let listed: MediaPlaylist.Segment
        let url: WebAddress
        var bytes: ByteBuffer?
        var isJudged = false
    }

    let rendition: Int
    let address: WebAddress
    /// Encrypted as a whole: its bytes tell nothing.
    var isOpaque = false
    var headers: [String: InitHeader] = [:]
    private var askedInit: Set<String> = []
    var parts: [MediaPosition: Part] = [:]
    var segments: [Int64: Segment] = [:]
    /// Number of parts of finished segments.
    var partCounts: [Int64: Int] = [:]
    var discontinuities: [Int64: Int64] = [:]
    var dates: [Int64: Int64] = [:]
    var maps: [Int64: String] = [:]
    /// Bytes by key, until their segment is judged.
    var bytes: [String: ByteBuffer] = [:]
    var asked: Set<String> = []
    /// Segments before it are not looked at, or not any more.
    var watchedFrom: Int64?
    var linked: Set<MediaPosition> = []
    var hasIndependentSegments = false
    /// Parts are listed: the low-latency profile applies (B.1).
    var isLowLatency = false
    /// Why its media is not judged; nil where it is.
    private(set) var unjudged: String?
    /// When the samples of finished segments are shown; and, where no parts are listed, the ticks at which they begin and end.
    var shown: [Int64: ShownTimes] = [:]
    var spans: [Int64: (start: Int64, end: Int64, timescale: Double)] = [:]
    var hints = HintWatch()
    /// By discontinuity sequence number.
    var offsets: [Int64: DateOffset] = [:]
    /// Bits per second of the segment that has most of them.
    var peakBitRate = 0.0
    private var segmentTransfers: [Duration] = []
    /// Whether any segment began without an independent frame; nil before any began.
    var startsAreIndependent: Bool?

    init(rendition: Int, address: WebAddress) {
        self.rendition = rendition
        self.address = address
    }

    /// The tracks of its newest init section.
    var tracks: [InitHeader.Track] { maps.max { $0.key < $1.key }.flatMap { headers[$0.value] }?.tracks ?? [] }

    /// What a whole segment takes from its first byte to its last: the middle of all.
    var segmentTransfer: Duration {
        let sorted = segmentTransfers.sorted()
        return sorted.isEmpty ? .zero : sorted[sorted.count / 2]
    }

    // MARK: What is listed

    mutating func listed(_ playlist: MediaPlaylist, desk: inout LintDesk) {
        hasIndependentSegments = playlist.hasIndependentSegments
        isLowLatency = isLowLatency || playlist.hasParts
        let from = watchedFrom ?? Self.firstWatched(of: playlist)
        watchedFrom = from
        if isOpaque {
            unjudged = "its segments are encrypted as a whole"
        } else if playlist.segments.contains(where: { $0.map == nil && $0.sequence >= from }) {
            unjudged = "without EXT-X-MAP it is a transport stream, packed audio or text"
        }
        let ranges = Self.ranges(of: playlist.segments)
        for (segment, range) in zip(playlist.segments, ranges) where segment.sequence >= from {
            discontinuities[segment.sequence] = segment.discontinuitySequence
            if let date = segment.programDateTime { dates[segment.sequence] = date }
            guard let map = segment.map, !isOpaque else { continue }
            let mapKey = fetchInit(map, desk: &desk)
            maps[segment.sequence] = mapKey
            let startsAnew = segment.isDiscontinuity || maps[segment.sequence - 1].map { $0 != mapKey } ?? false
            list(partsOf: segment, startsAnew: startsAnew, desk: &desk)
            if segment.duration != nil { list(segment, range: range, desk: &desk) }
        }
        if let hint = playlist.hints.first(where: { $0.type == "PART" }), hint.byteRangeStart == nil, !isOpaque,
            playlist.segments.last?.map != nil, !playlist.hasEnded
        {
            ask(hint, desk: &desk)
        }
    }

    /// The newest finished segment that lists its parts, or the open one: older media is known from no earlier state.
    private static func firstWatched(of playlist: MediaPlaylist) -> Int64 {
        let finished = playlist.segments.last { $0.duration != nil }
        return finished?.sequence ?? playlist.segments.last?.sequence ?? playlist.mediaSequence
    }

    private mutating func fetchInit(_ map: MediaPlaylist.Resource, desk: inout LintDesk) -> String {
        let range = Self.range(map.byteRange)
        let key = Self.key(map.uri, range)
        guard askedInit.insert(key).inserted, let url = address.resolving(map.uri) else { return key }
        desk.send(.initSection(key), of: rendition, to: url, range: range)
        return key
    }

    private mutating func list(
        partsOf segment: MediaPlaylist.Segment, startsAnew: Bool, desk: inout LintDesk
    ) {
        var end: Int64 = 0
        for (index, listed) in segment.parts.enumerated() {
            // A range without a start goes on where the one before ended (4.4.4.9).
            let start = listed.byteRange.map { $0.start ?? end }
            let range = listed.byteRange.flatMap { range in
                start.flatMap { range.length > 0 && $0 < 1 << 50 ? $0...($0 + range.length - 1) : nil }
            }
            if let range { end = range.upperBound + 1 }
            let place = MediaPosition(sequence: segment.sequence, part: index)
            guard parts[place] == nil, !listed.isGap, let url = address.resolving(listed.uri) else { continue }
            let key = Self.key(listed.uri, range)
            parts[place] = Part(
                key: key, url: url, listed: listed, listedAt: desk.now, startsAnew: startsAnew && index == 0)
            if hints.listed(key, url: url, desk: &desk) { continue }
            if bytes[key] == nil, asked.insert(key).inserted {
                desk.send(.part(key), of: rendition, to: url, range: range)
            }
        }
    }

    private mutating func list(_ segment: MediaPlaylist.Segment, range: ClosedRange<Int64>?, desk: inout LintDesk) {
        partCounts[segment.sequence] = segment.parts.count
        guard segments[segment.sequence] == nil, !segment.isGap, let uri = segment.uri,
            let url = address.resolving(uri)
        else { return }
        segments[segment.sequence] = Segment(listed: segment, url: url)
        desk.send(.segment(segment.sequence), of: rendition, to: url, range: range)
        // One of its parts once more: a URI always gives the same bytes.
        let again = MediaPosition(
            sequence: segment.sequence, part: Int(segment.sequence % Int64(max(1, segment.parts.count))))
        if let part = parts[again], part.listed.byteRange == nil {
            desk.send(.again(part.key), of: rendition, to: part.url)
        }
    }

    private mutating func ask(_ hint: MediaPlaylist.PreloadHint, desk: inout LintDesk) {
        let key = Self.key(hint.uri, nil)
        guard let url = address.resolving(hint.uri), asked.insert(key).inserted else { return }
        hints.ask(key, at: desk.now)
        desk.send(.hint(key), of: rendition, to: url)
    }

    private static func key(_ uri: String, _ range: ClosedRange<Int64>?) -> String {
        range.map { "\(uri)#\($0.lowerBound)-\($0.upperBound)" } ?? uri
    }

    private static func range(_ range: MediaPlaylist.ByteRange?, from next: Int64 = 0) -> ClosedRange<Int64>? {
        guard let range, range.length > 0, range.length < 1 << 50, (range.start ?? 0) < 1 << 50, next < 1 << 50 else {
            return nil
        }
        let start = range.start ?? next
        return start...(start + range.length - 1)
    }

    /// The bytes that each segment takes of its resource; nil for all of them. A range without a start goes on where that of the
    /// segment before ended (4.4.4.2).
    private static func ranges(of segments: [MediaPlaylist.Segment]) -> [ClosedRange<Int64>?] {
        var end: (uri: String?, next: Int64) = (nil, 0)
        return segments.map { segment in
            let range = range(segment.byteRange, from: end.uri == segment.uri ? end.next : 0)
            end = (segment.uri, range.map { $0.upperBound + 1 } ?? 0)
            return range
        }
    }

    // MARK: What came

    /// The body of an answer to a request for media, or nil where it was refused.
    private func body(of answer: LintAnswer, _ request: LintDesk.Pending, desk: inout LintDesk) -> ByteBuffer? {
        if (300..<400).contains(answer.status) {
            desk.judge(
                .mediaNotRedirected, at: request.url,
                seen: "\(answer.status) to \(answer.fields.text("location") ?? "nowhere")")
        } else if answer.status > 0 {
            desk.judge(.mediaNotRedirected, at: request.url, seen: nil)
        }
        guard answer.failure == nil, answer.status == 200 || answer.status == 206 else { return nil }
        // Who knows no ranges sends all of it.
        guard let range = request.range, answer.status == 200,
            answer.body.readableBytes > range.upperBound - range.lowerBound + 1,
            let part = answer.body.getSlice(
                at: answer.body.readerIndex + Int(range.lowerBound),
                length: Int(range.upperBound - range.lowerBound + 1))
        else { return answer.body }
        return part
    }

    /// Tells whether listed media was there. A redirection is another rule's.
    private static func judgeAvailable(
        _ body: ByteBuffer?, _ answer: LintAnswer, at url: WebAddress, desk: inout LintDesk
    ) {
        guard !(300..<400).contains(answer.status) else { return }
        desk.judge(.listedMediaAvailable, at: url, holds: body != nil, else: word(for: answer))
    }

    private static func word(for answer: LintAnswer) -> String { answer.failure ?? "answered \(answer.status)" }

    mutating func received(_ answer: LintAnswer, for request: LintDesk.Pending, desk: inout LintDesk) {
        let body = body(of: answer, request, desk: &desk)
        switch request.ask {
        case .initSection(let key):
            Self.judgeAvailable(body, answer, at: request.url, desk: &desk)
            if let body { readInit(body, key, at: request.url, desk: &desk) }
        case .part(let key):
            Self.judgeAvailable(body, answer, at: request.url, desk: &desk)
            bytes[key] = body
        case .hint(let key):
            hints.received(key, answer, at: request.url, sentAt: request.sentAt, desk: &desk)
            if let body { bytes[key] = body } else { refetch(key, desk: &desk) }
        case .segment(let sequence):
            Self.judgeAvailable(body, answer, at: request.url, desk: &desk)
            segments[sequence]?.bytes = body
            if body != nil, let first = answer.firstByteAt { segmentTransfers.append(answer.endAt - first) }
            if body == nil { segments[sequence]?.isJudged = true }
        case .again(let key):
            guard let body, let first = bytes[key] else { break }
            desk.judge(
                .mediaUnchanged, at: request.url, holds: first == body,
                else: "\(first.readableBytes) bytes at first, then \(body.readableBytes) that are not the same")
        case .stays(let what) where !(300..<400).contains(answer.status):
            desk.judge(
                .mediaStays, at: request.url, expected: "200", holds: body != nil,
                else: "\(what): \(Self.word(for: answer))")
        default: break
        }
        judgeWhatIsThere(desk: &desk)
    }

    /// A hinted part that was refused and is listed all the same is fetched as any other.
    private mutating func refetch(_ key: String, desk: inout LintDesk) {
        guard let part = parts.values.first(where: { $0.key == key }) else {
            asked.remove(key)
            return
        }
        desk.send(.part(key), of: rendition, to: part.url)
    }

    private mutating func readInit(_ body: ByteBuffer, _ key: String, at url: WebAddress, desk: inout LintDesk) {
        headers[key] = BoxRules.initSection(body, at: url, desk: &desk)
    }
}
