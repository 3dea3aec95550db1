import HLS
import NIOCore

@testable import Media

/// Watches what a packager makes, as a player would who also knows what the publisher meant: every promise of the
/// packager by itself, and every rule of the playlists that come of it.
struct PackagingJudge {
    private struct Rendition {
        let kind: MediaKind
        var timeline: LiveTimeline
        var timescale: Int64
        /// Where the next part has to begin.
        var end: Int64?
        var segment: SegmentStart?
        var segmentDuration = 0.0
        var parts: [Part] = []
        var starts: [Int64: SegmentStart] = [:]
        /// When the last complete segment ended, microseconds since 1970.
        var endDate: Double?
        var shown: MediaPlaylist?
        var sinceBreak = 0.0
    }

    private struct Heard {
        let meant: CrookedPublisher.Meant
        /// Seconds from when it was meant to be heard or seen to when it is, on the packager's line.
        let error: Double
        let isSettled: Bool
    }

    private let configuration: PackagerConfiguration
    private let timelineConfiguration: TimelineConfiguration
    private let meant: [Int: CrookedPublisher.Meant]
    private let firstSequence: Int64
    private var renditions: [MediaKind: Rendition] = [:]
    private var heard: [MediaKind: [Heard]] = [:]
    private(set) var findings: [String] = []
    private(set) var silentFrames = 0
    private(set) var dependentSegments = 0
    private(set) var discontinuities = 0
    private(set) var gaps = 0
    /// Parts in which no frame came, and the picture before stands.
    private(set) var repeats = 0
    /// When pictures are shown for the first time, in seconds, in the order in which they are decoded.
    private(set) var shown: [Double] = []
    private(set) var hasNegativeOffsets = false
    private var seen: Set<Int> = []
    private var looks = 0
    /// Looks at the playlists after every so manieth event; those of one packet count as one.
    private let lookEvery: Int
    private let pictureBreaks: Bool

    init(
        _ configuration: PackagerConfiguration, firstSequence: Int64, meant: [Int: CrookedPublisher.Meant],
        lookEvery: Int = 1, pictureBreaks: Bool = false
    ) {
        self.configuration = configuration
        self.firstSequence = firstSequence
        self.meant = meant
        self.lookEvery = lookEvery
        self.pictureBreaks = pictureBreaks
        timelineConfiguration = TimelineConfiguration(
            partTarget: configuration.partTarget, targetDuration: configuration.targetDurationSeconds,
            window: .seconds(12))
    }

    var kinds: Set<MediaKind> { Set(renditions.keys) }
    func frames(_ kind: MediaKind) -> Int { heard[kind]?.count ?? 0 }

    private mutating func expect(_ isTrue: Bool, _ finding: @autoclosure () -> String) {
        if !isTrue && findings.count < 20 { findings.append(finding()) }
    }

    // MARK: Events

    /// Takes what one packet made, or the end of the publish: nothing follows that could be hinted.
    mutating func take(_ events: [PackagerEvent], isLast: Bool = false) {
        guard !events.isEmpty else { return }
        for event in events { take(event) }
        if isLast { for kind in kinds { renditions[kind]?.timeline.end() } }
        looks += 1
        if looks % lookEvery == 0 { lookAtPlaylists() }
    }

    private mutating func take(_ event: PackagerEvent) {
        switch event {
        case .track(let section):
            let scale = Int64(section.kind == .video ? 90_000 : section.format.sampleRate ?? 0)
            var rendition =
                renditions[section.kind]
                ?? Rendition(
                    kind: section.kind,
                    timeline: LiveTimeline(
                        rendition: RenditionID(rawValue: "\(section.kind)"), configuration: timelineConfiguration,
                        epoch: "e", firstSequence: firstSequence, discontinuitySequence: section.discontinuitiesBefore),
                    timescale: scale)
            // Decode times go on in seconds, whatever they are counted in.
            if rendition.timescale != scale {
                rendition.end = rendition.end.map { ($0 * scale + rendition.timescale - 1) / rendition.timescale }
                rendition.timescale = scale
            }
            rendition.timeline.initSection(number: section.number)
            renditions[section.kind] = rendition
        case .segment(let start): open(start)
        case .part(let part): add(part)
        case .segmentEnd(let kind, let sequence, let duration): close(kind, sequence, duration)
        case .warning, .line: return
        case .gap, .discontinuity: expect(false, "a gap that a packager does not make")
        case .refused(let reason): expect(false, "refused: \(reason)")
        }
    }

    private mutating func open(_ start: SegmentStart) {
        guard var rendition = renditions[start.kind] else { return expect(false, "a segment before its track") }
        if let last = rendition.segment {
            expect(start.sequence == last.sequence + 1, "\(start.kind): \(start.sequence) after \(last.sequence)")
            if !start.isDiscontinuity, let end = rendition.endDate {
                let off = Double(start.programDateTimeMicroseconds) - end
                expect(abs(off) <= 1_010, "\(start.kind) \(start.sequence): dated \(off / 1_000) ms off")
            }
        }
        rendition.segment = start
        rendition.starts[start.sequence] = start
        rendition.parts = []
        rendition.segmentDuration = 0
        if start.isDiscontinuity {
            discontinuities += 1
            rendition.sinceBreak = 0
        }
        rendition.timeline.startSegment(
            sequence: start.sequence, programDateTimeMicroseconds: start.programDateTimeMicroseconds,
            isDiscontinuity: start.isDiscontinuity, isIndependent: start.startsIndependent)
        let other = renditions[start.kind == .video ? .audio : .video]
        let firstOfOther = other?.starts.keys.min() ?? .max
        if let twin = other?.starts[start.sequence] {
            let apart = abs(twin.programDateTimeMicroseconds - start.programDateTimeMicroseconds)
            expect(apart <= 23_300, "segment \(start.sequence): renditions begin \(Double(apart) / 1_000) ms apart")
            let isFirst = start.sequence == firstOfOther || rendition.starts.count == 1
            expect(
                isFirst || twin.isDiscontinuity == start.isDiscontinuity,
                "segment \(start.sequence): a discontinuity in one rendition")
        }
        renditions[start.kind] = rendition
    }

    private mutating func add(_ part: Part) {
        guard var rendition = renditions[part.kind], let segment = rendition.segment else {
            return expect(false, "a part before its segment")
        }
        let name = "\(part.kind) \(part.sequence).\(part.index)"
        let target = configuration.partTarget.microseconds / 1e6
        expect(part.sequence == segment.sequence && part.index == rendition.parts.count, "\(name): out of order")
        expect(part.duration <= target + 1e-9, "\(name): lasts \(part.duration) of \(target)")
        if let last = rendition.parts.last, !last.isIndependent, !last.isGap, !part.isGap {
            expect(last.duration >= target * 0.85, "\(part.kind) \(last.sequence).\(last.index): only \(last.duration)")
        }
        if let end = rendition.end {
            // A hole in decode times is for discontinuities.
            let mayLeap = part.index == 0 && segment.isDiscontinuity
            expect(
                part.decodeTime == end || mayLeap && part.decodeTime > end,
                "\(name): decoded at \(part.decodeTime), after \(end)")
        }
        let length = (part.duration * Double(rendition.timescale)).rounded()
        if let last = rendition.parts.last, last.isGap != part.isGap {
            // A segment is media or a gap, but for the part that was hinted when the gap began.
            expect(part.isGap && part.duration < 0.2, "\(name): media and a gap of \(part.duration) s in one segment")
        }
        if part.isGap {
            gaps += 1
            expect(part.bytes.readableBytes == 0 && !part.isIndependent, "\(name): a gap with media")
        } else {
            read(part, in: &rendition, name: name, length: Int64(length))
        }
        if part.index == 0, !part.isGap {
            expect(part.isIndependent || !segment.startsIndependent, "\(name): independence")
            if !segment.startsIndependent { dependentSegments += 1 }
        }
        rendition.end = part.decodeTime + Int64(length)
        rendition.segmentDuration += part.duration
        rendition.sinceBreak += part.duration
        rendition.parts.append(part)
        rendition.timeline.appendPart(
            duration: part.duration, isIndependent: part.isIndependent, byteCount: part.bytes.readableBytes,
            isGap: part.isGap, isLikelyLast: part.isLikelyLast)
        renditions[part.kind] = rendition
    }

    private mutating func read(_ part: Part, in rendition: inout Rendition, name: String, length: Int64) {
        guard let fragment = FragmentReader(part.bytes) else { return expect(false, "\(name): unreadable") }
        expect(fragment.decodeTime == part.decodeTime, "\(name): tfdt \(fragment.decodeTime), not \(part.decodeTime)")
        expect(fragment.samples.count == part.sampleCount, "\(name): samples")
        let sum = fragment.samples.reduce(0) { $0 + $1.duration }
        expect(sum == length, "\(name): its samples last \(sum), it lasts \(length)")
        if part.kind == .video, let first = fragment.samples.first, part.index == 0 {
            expect(first.isSync == (rendition.segment?.startsIndependent == true), "\(name): begins without an IDR")
        }
        if part.kind == .video {
            expect(fragment.samples.contains(where: \.isSync) == part.isIndependent, "\(name): INDEPENDENT")
        }
        var isNew = part.kind == .audio
        defer { if !isNew { repeats += 1 } }
        for sample in fragment.samples {
            expect(sample.duration > 0, "\(name): a sample without duration")
            guard let id = CrookedPublisher.id(of: sample.bytes, kind: part.kind), let meant = meant[id] else {
                silentFrames += 1
                expect(part.kind == .audio, "\(name): an unknown frame")
                continue
            }
            let shown = Double(sample.decodeTime + sample.compositionOffset) / Double(rendition.timescale)
            // Shown again: it stands.
            guard seen.insert(id).inserted else { continue }
            isNew = true
            if part.kind == .video { self.shown.append(shown) }
            if sample.compositionOffset < 0 { hasNegativeOffsets = true }
            heard[part.kind, default: []].append(
                Heard(meant: meant, error: shown - meant.time, isSettled: rendition.sinceBreak > 0.35))
        }
    }

    private mutating func close(_ kind: MediaKind, _ sequence: Int64, _ duration: Double) {
        guard var rendition = renditions[kind], let segment = rendition.segment else { return }
        expect(segment.sequence == sequence && !rendition.parts.isEmpty, "\(kind) \(sequence): ends without parts")
        expect(
            abs(duration - rendition.segmentDuration) < 1e-6,
            "\(kind) \(sequence): lasts \(duration), its parts \(rendition.segmentDuration)")
        expect(
            Int(duration.rounded()) <= configuration.targetDurationSeconds, "\(kind) \(sequence): lasts \(duration)")
        rendition.endDate = Double(segment.programDateTimeMicroseconds) + duration * 1e6
        rendition.timeline.endSegment(duration: duration)
        renditions[kind] = rendition
    }

    // MARK: Playlists

    mutating func lookAtPlaylists() {
        var shown: [(uri: String, playlist: MediaPlaylist)] = []
        for kind in [MediaKind.video, .audio] {
            guard let rendition = renditions[kind], rendition.timeline.position != nil else { continue }
            let reports = renditions.values.compactMap { other in
                other.kind == kind
                    ? nil
                    : other.timeline.position.map {
                        RenditionReport(uri: "../\(other.kind)/playlist.m3u8", position: $0)
                    }
            }
            var text = ByteBuffer()
            rendition.timeline.write(delta: nil, reports: reports, into: &text)
            guard let playlist = try? MediaPlaylist(parsing: text.readableBytesView) else {
                expect(false, "\(kind): unreadable playlist")
                continue
            }
            judge(PlaylistRules.check(playlist), "\(kind)")
            if let before = rendition.shown { judge(PlaylistRules.check(from: before, to: playlist), "\(kind)") }
            renditions[kind]?.shown = playlist
            shown.append(("\(kind)/playlist.m3u8", playlist))
        }
        if shown.count > 1 { judge(PlaylistRules.check(presentation: shown), "both") }
    }

    private mutating func judge(_ results: [RuleResult], _ place: String) {
        for result in results where !result.isKept {
            // Where the picture is away or its line breaks, a keyframe may end a segment that none could foretell.
            if result.rule == .hintedPartPublished, place == "video", pictureBreaks { continue }
            expect(
                false, "\(place): \(result.rule) (\(result.rule.section)): \(result.findings.joined(separator: " "))")
        }
    }

    // MARK: Sound and picture

    /// Judges what can only be judged at the end: sound and picture stay within 20 ms of each other.
    mutating func finish() {
        lookAtPlaylists()
        let pictures = (heard[.video] ?? []).filter { $0.meant.era != nil && $0.isSettled }
            .sorted { ($0.meant.era ?? 0, $0.meant.time) < ($1.meant.era ?? 0, $1.meant.time) }
        var index = 0
        let sounds = (heard[.audio] ?? []).filter { $0.meant.era != nil && $0.isSettled }
            .sorted { ($0.meant.era ?? 0, $0.meant.time) < ($1.meant.era ?? 0, $1.meant.time) }
        // A lost frame of sound may take three more to be told from jitter.
        var run = 0
        for sound in sounds {
            while index < pictures.count,
                (pictures[index].meant.era ?? 0, pictures[index].meant.time) < (sound.meant.era ?? 0, sound.meant.time)
            {
                index += 1
            }
            guard index < pictures.count else { break }
            let picture = pictures[index]
            guard picture.meant.era == sound.meant.era, picture.meant.time - sound.meant.time < 0.2 else { continue }
            let apart = picture.error - sound.error
            run = abs(apart) <= 0.020_5 ? 0 : run + 1
            if run == 0 || run > 3, abs(apart) > abs(worst) { worst = apart }
            expect(
                run <= 3 && abs(apart) < 0.045,
                "at \(sound.meant.time): the picture is \((apart * 1_000).rounded()) ms behind the sound")
        }
    }

    /// Seconds by which picture and sound are apart at the worst.
    private(set) var worst = 0.0
}
