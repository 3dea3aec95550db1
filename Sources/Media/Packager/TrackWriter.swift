import struct NIOCore.ByteBuffer

/// Collects one track's samples into parts and its parts into segments. Where to cut is told from outside.
struct TrackWriter {
    let kind: MediaKind
    let timescale: Double
    private(set) var sequence: Int64?
    private var partIndex = 0
    private var pending: [Sample] = []
    /// mfhd number of the last fragment.
    private(set) var fragmentNumber: UInt32
    private var segmentSamplesEnd: Int64 = 0
    private(set) var segmentStart: Int64 = 0

    init(kind: MediaKind, timescale: Double, fragments: UInt32 = 0) {
        self.kind = kind
        fragmentNumber = fragments
        self.timescale = timescale
        pending.reserveCapacity(64)
    }

    var isPartEmpty: Bool { pending.isEmpty }
    var pendingCount: Int { pending.count }
    var partStart: Int64? { pending.first?.decodeTime }

    /// Continues the numbering of a writer whose timescale no longer serves.
    mutating func resume(after sequence: Int64) { self.sequence = sequence }

    /// Ends the segment under way and opens the one numbered `start.sequence`; numbers in between become gaps.
    mutating func open(_ start: SegmentStart, decodeTime: Int64, gap: Double, into events: inout [PackagerEvent]) {
        close(into: &events)
        if let sequence {
            var missing = sequence + 1
            while missing < start.sequence {
                events.append(
                    .segment(
                        SegmentStart(
                            kind: kind, sequence: missing, isDiscontinuity: false,
                            programDateTimeMicroseconds: start.programDateTimeMicroseconds, startsIndependent: true)))
                events.append(.segmentEnd(kind, sequence: missing, duration: gap))
                missing += 1
            }
        }
        sequence = start.sequence
        partIndex = 0
        segmentStart = decodeTime
        segmentSamplesEnd = decodeTime
        events.append(.segment(start))
    }

    /// Adds a sample. Its duration is nominal until the next one tells.
    mutating func append(_ sample: Sample) {
        if let last = pending.indices.last, sample.decodeTime > pending[last].decodeTime {
            pending[last].duration = UInt32(clamping: sample.decodeTime - pending[last].decodeTime)
        }
        pending.append(sample)
    }

    /// Closes the part under way, its last sample lasting to `nextDecodeTime` where that is known and fits `longest`.
    mutating func closePart(
        nextDecodeTime: Int64? = nil, longest: Int64 = .max, isLikelyLast: Bool = false,
        into events: inout [PackagerEvent]
    ) {
        guard let first = pending.first, let last = pending.indices.last, let sequence else { return }
        if let nextDecodeTime, nextDecodeTime > pending[last].decodeTime {
            let room = max(1, longest - (pending[last].decodeTime - first.decodeTime))
            pending[last].duration = UInt32(clamping: min(nextDecodeTime - pending[last].decodeTime, room))
        }
        let end = pending[last].decodeTime + Int64(pending[last].duration)
        fragmentNumber &+= 1
        events.append(
            .part(
                Part(
                    kind: kind, sequence: sequence, index: partIndex,
                    bytes: Fragment.write(pending, sequence: fragmentNumber),
                    duration: Double(end - first.decodeTime) / timescale,
                    // Sound can be decoded from any frame.
                    isIndependent: kind == .audio || pending.contains(where: \.isSync), isLikelyLast: isLikelyLast,
                    sampleCount: pending.count, decodeTime: first.decodeTime, timescale: timescale)))
        partIndex += 1
        segmentSamplesEnd = end
        pending.removeAll(keepingCapacity: true)
    }

    /// Closes the part and the segment under way.
    mutating func close(into events: inout [PackagerEvent]) {
        guard let sequence, partIndex > 0 || !pending.isEmpty else { return }
        closePart(into: &events)
        events.append(
            .segmentEnd(kind, sequence: sequence, duration: Double(segmentSamplesEnd - segmentStart) / timescale))
        partIndex = 0
    }
}
