import HLS
import HTTP
import NIOCore

/// What came, compared with what the playlist says of it and with what came before it.
extension MediaWatch {
    /// Judges what can be judged now, and each thing once.
    mutating func judgeWhatIsThere(desk: inout LintDesk) {
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
        guard let fragments = BoxRules.fragments(body, header, at: part.url, desk: &desk),
            let samples = fragments.samples[track.id], let first = samples.first
        else { return }
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
    }

    /// 4.4.2.1 where EXT-X-INDEPENDENT-SEGMENTS stands; where it does not, B.1 asks for an independent frame anywhere in a
    /// segment, AAS 7.4 for one at its beginning.
    private mutating func judgeIndependence(
        ofSegment sequence: Int64, _ samples: [MediaSample], isVideo: Bool, at url: WebAddress, desk: inout LintDesk
    ) {
        guard let first = samples.first else { return }
        startsAreIndependent = (startsAreIndependent ?? true) && first.isSync
        let holds = samples.contains(where: \.isIndependent)
        if isVideo, isLowLatency {
            desk.judge(
                .segmentHoldsIndependent, at: url, holds: holds,
                else: "none of the \(samples.count) samples of segment \(sequence) is independent")
        }
        guard hasIndependentSegments || isVideo && (holds || !isLowLatency) else { return }
        desk.judge(
            .segmentStartsIndependent, at: url, holds: hasIndependentSegments ? first.isSync : first.isIndependent,
            else:
                "the first sample of segment \(sequence) is no \(hasIndependentSegments ? "sync sample" : "independent frame")"
        )
    }

    private mutating func judgeDate(
        of sequence: Int64, _ samples: [MediaSample], _ timescale: Double, at url: WebAddress, desk: inout LintDesk
    ) {
        guard let date = dates[sequence], let shown = samples.firstPresentation, let first = samples.first,
            let discontinuity = discontinuities[sequence]
        else { return }
        let seconds = Double(date) / 1e6
        let (byShown, byDecoded) = (seconds - Double(shown) / timescale, seconds - Double(first.decodeTime) / timescale)
        guard var offset = offsets[discontinuity] else {
            offsets[discontinuity] = DateOffset(shown: byShown, decoded: byDecoded, startsSync: first.isSync)
            return
        }
        let drift = offset.drift(shown: byShown, decoded: byDecoded, startsSync: first.isSync)
        offsets[discontinuity] = offset
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
        guard let fragments = BoxRules.fragments(body, header, at: segment.url, desk: &desk),
            let samples = fragments.samples[track.id], let first = samples.first, let duration = segment.listed.duration
        else { return }
        let lasts = Double(samples.ticks) / Double(track.timescale)
        // Of parts that never came the segment has the time and no samples (4.4.4.9). A hole between samples is in their times.
        let missing = Self.gapsAround(segment.listed.parts).inSeconds
        desk.judge(
            .segmentDuration, at: segment.url, expected: "EXTINF:\((lasts + missing).rounded(to: 5))",
            holds: abs(lasts + missing - duration.inSeconds) <= Self.roundingSeconds,
            else: "EXTINF:\(duration.inSeconds) for \(samples.count) samples of \(lasts.rounded(to: 5)) s"
                + (missing > 0 ? " and gaps of \(missing.rounded(to: 5)) s" : ""))
        if lasts > 0.5 { peakBitRate = max(peakBitRate, Double(body.readableBytes) * 8 / lasts) }
        judgeIndependence(ofSegment: sequence, samples, isVideo: track.isVideo, at: segment.url, desk: &desk)
        judgeShown(samples, of: sequence, track.timescale, desk: &desk)
        if segment.listed.parts.first?.isGap ?? true {
            judgeDate(of: sequence, samples, Double(track.timescale), at: segment.url, desk: &desk)
        }
        if segment.listed.parts.isEmpty {
            spans[sequence] = (first.decodeTime, first.decodeTime + samples.ticks, Double(track.timescale))
            link(segment: sequence, desk: &desk)
            link(segment: sequence + 1, desk: &desk)
        } else if own.count == places.count {
            desk.judge(
                .segmentIsItsParts, at: segment.url,
                seen: Self.difference(body, fragments, own, header: header))
        }
    }

    /// How long the gap parts before the first and behind the last part that came last.
    private static func gapsAround(_ parts: [MediaPlaylist.Part]) -> Duration {
        guard let first = parts.firstIndex(where: { !$0.isGap }), let last = parts.lastIndex(where: { !$0.isGap })
        else {
            return .zero
        }
        return (parts[..<first] + parts[(last + 1)...]).reduce(.zero) { $0 + $1.duration }
    }

    private mutating func judgeShown(
        _ samples: [MediaSample], of sequence: Int64, _ timescale: UInt32, desk: inout LintDesk
    ) {
        guard let url = segments[sequence]?.url else { return }
        let own = ShownTimes(samples, timescale: timescale)
        shown[sequence] = own
        var fault = own.fault
        if let before = shown[sequence - 1], continues(sequence) { fault = fault ?? own.fault(after: before) }
        if let next = shown[sequence + 1], continues(sequence + 1) { fault = fault ?? next.fault(after: own) }
        desk.judge(.shownInOrder, at: url, seen: fault.map { "\($0), in ticks of 1/\(timescale) s" })
    }

    /// Whether a segment goes on where the one before it ended.
    private func continues(_ sequence: Int64) -> Bool {
        segments[sequence]?.listed.isDiscontinuity == false && maps[sequence] == maps[sequence - 1]
    }

    /// As `link(_:desk:)`, where segments list no parts.
    private mutating func link(segment sequence: Int64, desk: inout LintDesk) {
        guard let segment = segments[sequence], let span = spans[sequence], let last = spans[sequence - 1],
            continues(sequence), last.timescale == span.timescale,
            linked.insert(MediaPosition(sequence: sequence, part: -1)).inserted
        else { return }
        let gap = Double(span.start - last.end) / span.timescale
        desk.judge(
            .mediaContinues, at: segment.url, expected: "\(last.end) ticks", holds: abs(gap) <= Self.roundingSeconds,
            else: "segment \(sequence) begins at \(span.start) ticks of 1/\(Int(span.timescale)) s, "
                + "\(gap.rounded(to: 4)) s after the one before it ended")
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
        watchedFrom = max(watchedFrom ?? keep, keep)
        for place in parts.keys where place.sequence < keep {
            if let part = parts.removeValue(forKey: place) { bytes[part.key] = nil }
        }
        segments = segments.filter { $0.key >= keep }
        partCounts = partCounts.filter { $0.key >= keep - 1 }
        discontinuities = discontinuities.filter { $0.key >= keep }
        dates = dates.filter { $0.key >= keep }
        maps = maps.filter { $0.key >= keep - 1 }
        linked = linked.filter { $0.sequence >= keep }
        shown = shown.filter { $0.key >= keep }
        spans = spans.filter { $0.key >= keep }
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
