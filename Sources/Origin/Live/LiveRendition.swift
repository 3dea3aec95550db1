import HLS
import HTTP
import Media
import NIOCore
import Node
import Wire

/// One rendition of a presentation: its timeline, the bytes behind it, and the requests that wait for more of it.
final class LiveRendition {
    let id: RenditionID
    let kind: MediaKind
    private(set) var timeline: LiveTimeline
    private(set) var format: TrackFormat?
    private var initSections: [Int: ByteBuffer] = [:]
    private let store: SegmentStore
    private var parked = ParkedRequests()
    private let index: ParkingIndex
    private var rendered = RenderedPlaylists()
    /// When it last had a new part or segment.
    private(set) var advancedAt = NIODeadline.now()
    private var initBytes = 0
    /// Media bytes and seconds since the start, for BANDWIDTH.
    private(set) var bitRate = BitRateMeter()
    /// Rises with each change of what the playlist says of this rendition, across restarts too: microseconds since 1970
    /// at the change, or one more than the last.
    private(set) var revision: UInt64 = 0

    init(kind: MediaKind, timeline: LiveTimeline, store: SegmentStore, index: ParkingIndex) {
        self.index = index
        self.store = store
        self.kind = kind
        id = timeline.rendition
        self.timeline = timeline
    }

    /// Bytes of its media in memory and in files.
    var memoryBytes: Int { initBytes + store.memoryBytes }
    var diskBytes: Int { store.diskBytes }
    var hasMedia: Bool { timeline.position != nil }

    // MARK: Media in

    func apply(_ event: PackagerEvent) {
        switch event {
        case .track(let section):
            initSections[section.number] = section.bytes
            initBytes += section.bytes.readableBytes
            format = section.format
            timeline.initSection(number: section.number)
        case .segment(let start):
            store.open(start.sequence)
            timeline.startSegment(
                sequence: start.sequence, programDateTimeMicroseconds: start.programDateTimeMicroseconds,
                isDiscontinuity: start.isDiscontinuity, isIndependent: start.decodesAlone)
        case .discontinuity: timeline.announceDiscontinuity()
        case .part(let part):
            store.append(part.bytes, to: part.sequence)
            bitRate.add(bytes: part.bytes.readableBytes, seconds: part.duration)
            timeline.appendPart(
                duration: part.duration, isIndependent: part.isIndependent, byteCount: part.bytes.readableBytes,
                isGap: part.isGap, isLikelyLast: part.isLikelyLast)
        case .segmentEnd(_, let sequence, let duration):
            store.complete(sequence)
            bitRate.endSegment()
            timeline.endSegment(duration: duration)
        case .gap(_, let sequence, let duration, let isLikelyLast):
            // It has a place among the parts, and no bytes.
            store.append(ByteBuffer(), to: sequence)
            timeline.appendPart(
                duration: duration, isIndependent: false, byteCount: 0, isGap: true, isLikelyLast: isLikelyLast)
        case .warning, .refused, .line:
            return
        }
        advancedAt = .now()
        changed()
    }

    /// Takes up what an earlier process listed.
    func restore(_ record: MediaRecord, file: (Int64) -> StoredFile) {
        switch record {
        case .file, .line: return
        case .track(let track): apply(.track(track.section))
        case .segment(let start): apply(.segment(start))
        case .discontinuity(let kind): apply(.discontinuity(kind))
        case .part(let part):
            store.restorePart(part.byteCount, of: part.sequence, in: file(part.sequence))
            bitRate.add(bytes: part.byteCount, seconds: part.duration)
            timeline.appendPart(
                duration: part.duration, isIndependent: part.isIndependent, byteCount: part.byteCount,
                isGap: part.isGap, isLikelyLast: part.isLikelyLast)
            changed()
        case .gap(let kind, let sequence, let duration, let isLikelyLast):
            apply(.gap(kind, sequence: sequence, duration: duration, isLikelyLast: isLikelyLast))
        case .segmentEnd(let kind, let sequence, let duration):
            apply(.segmentEnd(kind, sequence: sequence, duration: duration))
        }
    }

    func end() {
        timeline.end()
        // The end finishes a segment that was open: it is listed as a whole one, and fetched as one.
        if let last = timeline.segments.last, last.isComplete { store.complete(last.sequence) }
        changed()
    }

    private func changed() {
        revision = max(revision + 1, UInt64(clamping: WallClock.now()))
        rendered.invalidate()
    }

    /// Other renditions' positions stand in this playlist's text.
    func reportsChanged() { rendered.invalidate() }

    /// Frees media that no playlist has listed for as long as the rules ask.
    func expire(at unixMicroseconds: Int64) {
        for sequence in timeline.takeExpired(at: unixMicroseconds) { store.remove(sequence) }
    }

    /// Lets go of the memory of what few ask for and files have.
    func moveCold() { store.move(before: timeline.coldBefore) }

    func wrote(_ count: Int, of sequence: Int64, to file: StoredFile) { store.wrote(count, of: sequence, to: file) }

    /// The oldest segment that can be fetched.
    var oldestSequence: Int64? { timeline.oldestSequence }

    /// Lets go of the oldest segment, for want of room. Returns false when the rules ask to keep what is left.
    func dropOldest() -> Bool {
        guard let sequence = timeline.dropOldest() else { return false }
        store.remove(sequence)
        rendered.invalidate()
        return true
    }

    // MARK: Media out

    func playlist(_ form: PlaylistForm, reports: @autoclosure () -> [RenditionReport]) -> ResponseBody {
        rendered.body(form, of: timeline, reports: reports())
    }

    func initSection(_ number: Int) -> ByteBuffer? { initSections[number] }

    func segment(_ sequence: Int64) -> SegmentStore.Media? { store.segment(sequence) }

    func part(_ sequence: Int64, _ index: Int) -> SegmentStore.Media? { store.part(sequence, index) }

    /// The bytes of a part that is in memory, as all are whose tags are listed.
    func recentPart(_ position: MediaPosition) -> ByteBuffer? {
        guard case .memory(let pieces) = store.part(position.sequence, position.part) else { return nil }
        return pieces.first
    }

    // MARK: Holds

    func park(
        _ exchange: Exchange, _ want: ParkedRequests.Want, until target: HoldTarget, of channel: ChannelHolds,
        deadline: NIODeadline
    ) {
        index.park(exchange, in: parked.group(want, until: target), of: channel, deadline: deadline)
    }

    /// Takes out those whose target is reached.
    func releaseReached() -> [HoldGroup] { parked.release { timeline.isSatisfied($0) } }

    func expiredHolds(at now: NIODeadline) -> [HoldGroup] { parked.expired(at: now) }
}

/// Bits per second of a rendition: the highest of its segments and the mean of all (RFC 8216bis, 4.4.6.2).
struct BitRateMeter {
    private var totalBytes = 0
    private var totalSeconds = 0.0
    private var segmentBytes = 0
    private var segmentSeconds = 0.0
    private var highest = 0.0

    mutating func add(bytes: Int, seconds: Double) {
        totalBytes += bytes
        totalSeconds += seconds
        segmentBytes += bytes
        segmentSeconds += seconds
    }

    mutating func endSegment() {
        if segmentSeconds > 0.5 { highest = max(highest, Double(segmentBytes) * 8 / segmentSeconds) }
        segmentBytes = 0
        segmentSeconds = 0
    }

    var peak: Int { Int(max(highest, mean)) }
    var average: Int { Int(mean) }
    private var mean: Double { totalSeconds > 0 ? Double(totalBytes) * 8 / totalSeconds : 0 }
}
