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
    private(set) var headers: [String: InitHeader] = [:]
    private var askedInit: Set<String> = []
    var parts: [MediaPosition: Part] = [:]
    var segments: [Int64: Segment] = [:]
    /// Number of parts of finished segments.
    private var partCounts: [Int64: Int] = [:]
    private var discontinuities: [Int64: Int64] = [:]
    private var dates: [Int64: Int64] = [:]
    private var maps: [Int64: String] = [:]
    /// Bytes by key, until their segment is judged.
    private var bytes: [String: ByteBuffer] = [:]
    private var asked: Set<String> = []
    private var watchedFrom: Int64?
    private var linked: Set<MediaPosition> = []
    private var hasIndependentSegments = false
    var hints = HintWatch()
    /// Seconds since 1970 at media time zero, by discontinuity sequence number: the first seen, and the newest.
    private(set) var offsets: [Int64: (first: Double, newest: Double)] = [:]
    /// Bits per second of the segment that has most of them.
    private(set) var peakBitRate = 0.0
    private var segmentTransfers: [Duration] = []
    /// Whether any segment began without an independent frame; nil before any began.
    private(set) var startsAreIndependent: Bool?

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
        let from = watchedFrom ?? Self.firstWatched(of: playlist)
        watchedFrom = from
        for segment in playlist.segments where segment.sequence >= from {
            discontinuities[segment.sequence] = segment.discontinuitySequence
            if let date = segment.programDateTime { dates[segment.sequence] = date }
            guard let map = segment.map, !isOpaque else { continue }
            let mapKey = fetchInit(map, desk: &desk)
            maps[segment.sequence] = mapKey
            let startsAnew = segment.isDiscontinuity || maps[segment.sequence - 1].map { $0 != mapKey } ?? false
            list(partsOf: segment, startsAnew: startsAnew, desk: &desk)
            if segment.duration != nil { list(segment, desk: &desk) }
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

    private mutating func list(_ segment: MediaPlaylist.Segment, desk: inout LintDesk) {
        partCounts[segment.sequence] = segment.parts.count
        guard segments[segment.sequence] == nil, !segment.isGap, let uri = segment.uri,
            let url = address.resolving(uri)
        else { return }
        segments[segment.sequence] = Segment(listed: segment, url: url)
        desk.send(.segment(segment.sequence), of: rendition, to: url, range: Self.range(segment.byteRange))
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

    private static func range(_ range: MediaPlaylist.ByteRange?) -> ClosedRange<Int64>? {
        guard let range, range.length > 0, range.length < 1 << 50, (range.start ?? 0) < 1 << 50 else { return nil }
        let start = range.start ?? 0
        return start...(start + range.length - 1)
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
        let isWhole = answer.failure == nil && (answer.status == 200 || answer.status == 206)
        return isWhole ? answer.body : nil
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
        do throws(UnreadableMedia) {
            headers[key] = try InitHeader(reading: body)
            desk.judge(.mediaReadable, at: url, seen: nil)
        } catch {
            desk.judge(.mediaReadable, at: url, seen: error.description)
        }
    }

    // MARK: Judgement

    private mutating func judgeWhatIsThere(desk: inout LintDesk) {
        for place in parts.keys.sorted() where parts[place]?.isJudged == false { judge(part: place, desk: &desk) }
        for sequence in segments.keys.sorted() where segments[sequence]?.isJudged == false {
            judge(segment: sequence, desk: &desk)
        }
    }

    private mutating func judge(part place: MediaPosition, desk: inout LintDesk) {
        guard let part = parts[place], let body = bytes[part.key], let mapKey = maps[place.sequence],
            let header = headers[mapKey], let track = header.main
        else { return }
        parts[place]?.isJudged = true
        let fragments: Fragments
        do throws(UnreadableMedia) {
            fragments = try Fragments(reading: body, header: header)
            desk.judge(.mediaReadable, at: part.url, seen: nil)
        } catch {
            return desk.judge(.mediaReadable, at: part.url, seen: "\(body.readableBytes) bytes: \(error)")
        }
        guard let samples = fragments.samples[track.id], let first = samples.first else { return }
        let timescale = Double(track.timescale)
        parts[place]?.span = (first.decodeTime, first.decodeTime + samples.ticks, timescale)
        let lasts = Double(samples.ticks) / timescale
        desk.judge(
            .partDuration, at: part.url, expected: "DURATION=\(lasts.rounded(to: 5))",
            holds: abs(lasts - part.listed.duration.inSeconds) <= Self.roundingSeconds,
            else: "DURATION=\(part.listed.duration.inSeconds) for \(samples.count) samples of "
                + "\(lasts.rounded(to: 5)) s")
        if let broken = fragments.breaks.first { desk.judge(.mediaContinues, at: part.url, seen: broken) }
        judgeIndependence(of: part, at: place, samples, desk: &desk)
        if place.part == 0 { judgeDate(of: place.sequence, samples, timescale, at: part.url, desk: &desk) }
        link(place, desk: &desk)
        let next = MediaPosition(sequence: place.sequence, part: place.part + 1)
        link(parts[next] == nil ? MediaPosition(sequence: place.sequence + 1, part: 0) : next, desk: &desk)
    }

    private mutating func judgeIndependence(
        of part: Part, at place: MediaPosition, _ samples: [MediaSample], desk: inout LintDesk
    ) {
        let holdsSync = samples.contains(where: \.isSync)
        if part.listed.isIndependent {
            desk.judge(
                .independentHolds, at: part.url, holds: holdsSync,
                else: "none of its \(samples.count) samples is a sync sample")
        }
        if holdsSync {
            desk.judge(
                .independentTold, at: part.url, holds: part.listed.isIndependent,
                else: "it holds a sync sample and says nothing")
        }
        guard place.part == 0, let first = samples.first else { return }
        startsAreIndependent = (startsAreIndependent ?? true) && first.isSync
        if hasIndependentSegments {
            desk.judge(
                .segmentStartsIndependent, at: part.url, holds: first.isSync,
                else: "the first sample of segment \(place.sequence) is no sync sample")
        }
    }

    private mutating func judgeDate(
        of sequence: Int64, _ samples: [MediaSample], _ timescale: Double, at url: WebAddress, desk: inout LintDesk
    ) {
        guard let date = dates[sequence], let shown = samples.firstPresentation,
            let discontinuity = discontinuities[sequence]
        else { return }
        let offset = Double(date) / 1e6 - Double(shown) / timescale
        guard let known = offsets[discontinuity] else {
            offsets[discontinuity] = (offset, offset)
            return
        }
        offsets[discontinuity]?.newest = offset
        let drift = offset - known.first
        desk.judge(
            .datesFollowMedia, at: url, expected: "within \(Self.driftSeconds) s",
            holds: abs(drift) <= Self.driftSeconds,
            else: "the date of segment \(sequence) has moved by \(drift.rounded(to: 3)) s against its timestamps")
    }

    /// Compares a part's first decode time with the end of the one before it.
    private mutating func link(_ place: MediaPosition, desk: inout LintDesk) {
        guard let part = parts[place], let span = part.span, !part.startsAnew, !linked.contains(place) else { return }
        let before: MediaPosition
        if place.part > 0 {
            before = MediaPosition(sequence: place.sequence, part: place.part - 1)
        } else {
            guard let count = partCounts[place.sequence - 1], count > 0 else { return }
            before = MediaPosition(sequence: place.sequence - 1, part: count - 1)
        }
        guard let last = parts[before]?.span, last.timescale == span.timescale else { return }
        linked.insert(place)
        let gap = Double(span.start - last.end) / span.timescale
        desk.judge(
            .mediaContinues, at: part.url, expected: "\(last.end) ticks",
            holds: abs(gap) <= Self.roundingSeconds,
            else: "part \(place.text) begins at \(span.start) ticks of 1/\(Int(span.timescale)) s, "
                + "\(gap.rounded(to: 4)) s after part \(before.text) ended")
    }

    private mutating func judge(segment sequence: Int64, desk: inout LintDesk) {
        guard let segment = segments[sequence], let body = segment.bytes, let mapKey = maps[sequence],
            let header = headers[mapKey], let track = header.main
        else { return }
        let places = segment.listed.parts.indices.map { MediaPosition(sequence: sequence, part: $0) }
        let own = places.compactMap { parts[$0].flatMap { bytes[$0.key] } }
        // Its parts may still be on their way; hints are fetched longest.
        guard own.count == places.count || segment.listed.parts.contains(where: \.isGap) || isGivenUp(places) else {
            return
        }
        segments[sequence]?.isJudged = true
        segments[sequence]?.bytes = nil
        defer { forget(before: sequence) }
        let fragments: Fragments
        do throws(UnreadableMedia) {
            fragments = try Fragments(reading: body, header: header)
            desk.judge(.mediaReadable, at: segment.url, seen: nil)
        } catch {
            return desk.judge(.mediaReadable, at: segment.url, seen: "\(body.readableBytes) bytes: \(error)")
        }
        guard let samples = fragments.samples[track.id], let first = samples.first,
            let duration = segment.listed.duration
        else { return }
        let lasts = Double(samples.ticks) / Double(track.timescale)
        desk.judge(
            .segmentDuration, at: segment.url, expected: "EXTINF:\(lasts.rounded(to: 5))",
            holds: abs(lasts - duration.inSeconds) <= Self.roundingSeconds,
            else: "EXTINF:\(duration.inSeconds) for \(samples.count) samples of \(lasts.rounded(to: 5)) s")
        if lasts > 0.5 { peakBitRate = max(peakBitRate, Double(body.readableBytes) * 8 / lasts) }
        if segment.listed.parts.isEmpty {
            startsAreIndependent = (startsAreIndependent ?? true) && first.isSync
            judgeDate(of: sequence, samples, Double(track.timescale), at: segment.url, desk: &desk)
        } else if own.count == places.count {
            desk.judge(
                .segmentIsItsParts, at: segment.url,
                seen: Self.difference(body, fragments, own, header: header))
        }
    }

    private func isGivenUp(_ places: [MediaPosition]) -> Bool {
        places.allSatisfy { place in parts[place].map { bytes[$0.key] != nil || !asked.contains($0.key) } ?? true }
    }

    /// How a segment differs from its parts; nil where it does not.
    private static func difference(
        _ body: ByteBuffer, _ fragments: Fragments, _ own: [ByteBuffer], header: InitHeader
    ) -> String? {
        var joined = ByteBuffer()
        for piece in own { joined.writeImmutableBuffer(piece) }
        if joined == body { return nil }
        // The boxes may be others, as long as the samples are the same.
        guard let parts = try? Fragments(reading: joined, header: header) else { return "its parts cannot be read" }
        for (track, samples) in fragments.samples where parts.samples[track] != samples {
            return "\(samples.count) samples of track \(track), its parts hold \(parts.samples[track]?.count ?? 0)"
                + (parts.samples[track]?.count == samples.count ? " that differ" : "")
        }
        var (whole, pieces) = (ByteBuffer(), ByteBuffer())
        for payload in fragments.payload { whole.writeImmutableBuffer(payload) }
        for payload in parts.payload { pieces.writeImmutableBuffer(payload) }
        return whole == pieces ? nil : "its samples' bytes are not those of its parts"
    }

    /// Lets go of what no later judgement needs.
    private mutating func forget(before sequence: Int64) {
        let keep = sequence - 2
        for place in parts.keys where place.sequence < keep {
            if let part = parts.removeValue(forKey: place) { bytes[part.key] = nil }
        }
        segments = segments.filter { $0.key >= keep }
        partCounts = partCounts.filter { $0.key >= keep - 1 }
        discontinuities = discontinuities.filter { $0.key >= keep }
        dates = dates.filter { $0.key >= keep }
        maps = maps.filter { $0.key >= keep - 1 }
        linked = linked.filter { $0.sequence >= keep }
    }

    /// What rounding in playlists and timescales may make of a duration.
    private static let roundingSeconds = 0.003
    /// How far dates may wander from timestamps.
    private static let driftSeconds = 0.05
}

extension Double {
    func rounded(to digits: Int) -> Double {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        return (self * scale).rounded() / scale
    }
}
