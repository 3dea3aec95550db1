import NIOCore

@testable import HLS

/// 2026-01-01T00:00:00Z in microseconds since 1970.
let newYear: Int64 = 1_767_225_600_000_000

extension TimelineConfiguration {
    /// Half-second parts, a target duration of 2 s, 20 s listed.
    static let test = TimelineConfiguration(partTarget: .milliseconds(500), targetDuration: 2, window: .seconds(20))
}

/// A timeline that is fed by the segment, and read back as a client reads it.
struct Feed {
    var timeline: LiveTimeline
    private var date = newYear
    private var next: Int64

    init(
        _ configuration: TimelineConfiguration = .test, firstSequence: Int64 = 10, discontinuitySequence: Int64 = 0
    ) {
        next = firstSequence
        timeline = LiveTimeline(
            rendition: RenditionID(rawValue: "video"), configuration: configuration, epoch: "e1",
            firstSequence: firstSequence, discontinuitySequence: discontinuitySequence)
    }

    /// Opens the next segment and adds parts of half a second, the first independent.
    mutating func open(
        parts: Int = 0, discontinuity: Bool = false, independent: Bool = true, part duration: Double = 0.5
    ) {
        timeline.startSegment(
            sequence: next, programDateTimeMicroseconds: date, isDiscontinuity: discontinuity,
            isIndependent: independent)
        next += 1
        for index in 0..<parts { self.part(duration, independent: independent && index == 0) }
    }

    mutating func part(_ duration: Double = 0.5, independent: Bool = false, gap: Bool = false) {
        timeline.appendPart(duration: duration, isIndependent: independent, byteCount: 1_000, isGap: gap)
    }

    mutating func close(_ duration: Double = 2) {
        timeline.endSegment(duration: duration)
        date += Int64(duration * 1_000_000)
    }

    /// Adds complete segments of four half-second parts.
    mutating func add(_ segments: Int, discontinuity: Bool = false, independent: Bool = true) {
        for _ in 0..<segments {
            open(parts: 4, discontinuity: discontinuity, independent: independent)
            close()
        }
    }

    func text(skip: SkipRequest? = nil, reports: [RenditionReport] = []) -> String {
        var buffer = ByteBuffer()
        timeline.write(delta: skip, reports: reports, into: &buffer)
        return String(buffer: buffer)
    }

    func lines(skip: SkipRequest? = nil, reports: [RenditionReport] = []) -> [String] {
        text(skip: skip, reports: reports).split(separator: "\n").map(String.init)
    }

    func parsed(skip: SkipRequest? = nil, reports: [RenditionReport] = []) throws -> MediaPlaylist {
        try MediaPlaylist(parsing: text(skip: skip, reports: reports).utf8)
    }
}
