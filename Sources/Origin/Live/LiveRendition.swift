import HLS
import HTTP
import Media
import NIOCore
import Node
import Wire

/// One rendition of a presentation: its timeline, the bytes behind it, and the requests that wait for more of it.
///
/// A segment is its parts by reference: nothing is stored twice.
final class LiveRendition {
    private struct Segment {
        var parts: [ByteBuffer] = []
        var isComplete = false
    }

    let id: RenditionID
    let kind: MediaKind
    private(set) var timeline: LiveTimeline
    private(set) var format: TrackFormat?
    private var initSections: [Int: ByteBuffer] = [:]
    private var segments: [Int64: Segment] = [:]
    private var parked = ParkedRequests()
    private let index: ParkingIndex
    private var rendered = RenderedPlaylists()
    /// When it last had a new part or segment.
    private(set) var advancedAt = NIODeadline.now()
    private(set) var storedBytes = 0
    /// Media bytes and seconds since the start, for BANDWIDTH.
    private(set) var bitRate = BitRateMeter()
    /// Rises with each change of what the playlist says of this rendition, across restarts too: microseconds since 1970
    /// at the change, or one more than the last.
    private(set) var revision: UInt64 = 0

    init(kind: MediaKind, timeline: LiveTimeline, index: ParkingIndex) {
        self.index = index
        self.kind = kind
        id = timeline.rendition
        self.timeline = timeline
    }

    var hasMedia: Bool { timeline.position != nil }

    // MARK: Media in

    func apply(_ event: PackagerEvent) {
        switch event {
        case .track(let section):
            initSections[section.number] = section.bytes
            storedBytes += section.bytes.readableBytes
            format = section.format
            timeline.initSection(number: section.number)
        case .segment(let start):
            segments[start.sequence] = Segment()
            timeline.startSegment(
                sequence: start.sequence, programDateTimeMicroseconds: start.programDateTimeMicroseconds,
                isDiscontinuity: start.isDiscontinuity, isIndependent: start.startsIndependent)
        case .part(let part):
            segments[part.sequence]?.parts.append(part.bytes)
            storedBytes += part.bytes.readableBytes
            bitRate.add(bytes: part.bytes.readableBytes, seconds: part.duration)
            timeline.appendPart(
                duration: part.duration, isIndependent: part.isIndependent, byteCount: part.bytes.readableBytes,
                isLikelyLast: part.isLikelyLast)
        case .segmentEnd(_, let sequence, let duration):
            segments[sequence]?.isComplete = true
            bitRate.endSegment()
            timeline.endSegment(duration: duration)
        case .gap(_, let sequence, let duration, let isLikelyLast):
            // It has a place among the parts, and no bytes.
            segments[sequence]?.parts.append(ByteBuffer())
            timeline.appendPart(
                duration: duration, isIndependent: false, byteCount: 0, isGap: true, isLikelyLast: isLikelyLast)
        case .warning, .refused, .line:
            return
        }
        advancedAt = .now()
        changed()
    }

    func end() {
        timeline.end()
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
        for sequence in timeline.takeExpired(at: unixMicroseconds) {
            guard let segment = segments.removeValue(forKey: sequence) else { continue }
            storedBytes -= segment.parts.reduce(0) { $0 + $1.readableBytes }
        }
    }

    // MARK: Media out

    func playlist(_ form: PlaylistForm, reports: @autoclosure () -> [RenditionReport]) -> ResponseBody {
        rendered.body(form, of: timeline, reports: reports())
    }

    func initSection(_ number: Int) -> ByteBuffer? { initSections[number] }

    func segment(_ sequence: Int64) -> [ByteBuffer]? {
        guard let segment = segments[sequence], segment.isComplete else { return nil }
        return segment.parts.filter { $0.readableBytes > 0 }
    }

    func part(_ sequence: Int64, _ index: Int) -> ByteBuffer? {
        guard let parts = segments[sequence]?.parts, parts.indices.contains(index), parts[index].readableBytes > 0
        else { return nil }
        return parts[index]
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
