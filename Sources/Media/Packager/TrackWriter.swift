import struct NIOCore.ByteBuffer

/// Collects one track's samples into parts and its parts into segments. Where to cut is told from outside.
///
/// Decode times leave no hole and never overlap: a part begins where the one before it ended, so that what a segment
/// lasts, what its parts last and how far decode times go are the same.
struct TrackWriter: Codable {
    let kind: MediaKind
    let timescale: Int
    /// The segment under way; nil before the first, and where others have taken the line over.
    private(set) var sequence: Int64?
    private(set) var segmentStart: Int64 = 0
    /// Where the last closed part ended, and the next one begins.
    private(set) var position: Int64
    private(set) var partIndex = 0
    /// Where what lies before the segment under way ended.
    private var floor: Int64 = 0
    private var pending: [Sample] = []
    /// Number of the last fragment. It rises by one from part to part, as players expect (ISO 14496-12, 8.8.5), and begins at a
    /// place that twins agree on: each publish's first segment.
    private var fragment: Int64 = 0

    init(kind: MediaKind, timescale: Int, position: Int64) {
        self.kind = kind
        self.timescale = timescale
        self.position = position
        pending.reserveCapacity(64)
    }

    var isPartEmpty: Bool { pending.isEmpty }
    var isOpen: Bool { sequence != nil }
    var isSegmentEmpty: Bool { isOpen && partIndex == 0 && pending.isEmpty }
    /// Decode time of the last sample that waits for its part to close.
    var lastPending: Int64? { pending.last?.decodeTime }

    /// Opens a segment at `decodeTime`, which is not before `position`. The one before must be closed.
    mutating func open(_ start: SegmentStart, at decodeTime: Int64, into events: inout [PackagerEvent]) {
        if sequence == nil { fragment = max(fragment, start.sequence &* 256) }
        sequence = start.sequence
        partIndex = 0
        floor = position
        position = max(position, decodeTime)
        segmentStart = position
        events.append(.segment(start))
    }

    /// Adds a sample, which ends the one before. The first of a part is decoded where the last part ended, however later
    /// it is shown. What comes too late to be decoded in time is shown then, or as much later as it is decoded.
    mutating func append(_ sample: Sample) {
        var sample = sample
        let earliest = lastPending.map { $0 + 1 } ?? position
        let offset = Int64(sample.compositionOffset)
        var presentation = sample.decodeTime + offset
        if sample.decodeTime < earliest {
            presentation = offset < 0 ? earliest + offset : max(earliest, presentation)
        }
        if pending.isEmpty || sample.decodeTime < earliest { sample.decodeTime = earliest }
        sample.compositionOffset = Int32(clamping: presentation - sample.decodeTime)
        if let last = pending.indices.last {
            pending[last].duration = UInt32(clamping: sample.decodeTime - pending[last].decodeTime)
        }
        pending.append(sample)
    }

    /// How much earlier the segment under way could begin.
    var room: Int64 { isOpen ? segmentStart - floor : 0 }

    /// Moves the decode times of a segment's first part, under way, back by `ticks`: what is shown stays where it is.
    /// Returns false where a part is closed.
    mutating func decodeEarlier(by ticks: Int64) -> Bool {
        guard isOpen, partIndex == 0 else { return false }
        segmentStart -= ticks
        position -= ticks
        for index in pending.indices {
            pending[index].decodeTime -= ticks
            pending[index].compositionOffset += Int32(clamping: ticks)
        }
        return true
    }

    /// Closes the part under way at `end`, or a tick after its last sample.
    mutating func closePart(at end: Int64, isLikelyLast: Bool = false, into events: inout [PackagerEvent]) {
        guard let last = pending.indices.last, sequence != nil else { return }
        let end = max(end, pending[last].decodeTime + 1)
        pending[last].duration = UInt32(clamping: end - pending[last].decodeTime)
        // Sound can be decoded from any frame.
        let isIndependent = kind == .audio || pending.contains(where: \.isSync)
        fragment &+= 1
        emit(
            Fragment.write(pending, sequence: UInt32(truncatingIfNeeded: fragment)), until: end,
            sampleCount: pending.count,
            isIndependent: isIndependent, isLikelyLast: isLikelyLast, into: &events)
        pending.removeAll(keepingCapacity: true)
    }

    /// Adds a part without media.
    mutating func gap(until end: Int64, isLikelyLast: Bool, into events: inout [PackagerEvent]) {
        guard pending.isEmpty, end > position else { return }
        emit(ByteBuffer(), until: end, sampleCount: 0, isIndependent: false, isLikelyLast: isLikelyLast, into: &events)
    }

    private mutating func emit(
        _ bytes: ByteBuffer, until end: Int64, sampleCount: Int, isIndependent: Bool, isLikelyLast: Bool,
        into events: inout [PackagerEvent]
    ) {
        guard let sequence else { return }
        events.append(
            .part(
                Part(
                    kind: kind, sequence: sequence, index: partIndex, bytes: bytes,
                    duration: Double(end - position) / Double(timescale), isIndependent: isIndependent,
                    isLikelyLast: isLikelyLast, sampleCount: sampleCount, decodeTime: position,
                    timescale: Double(timescale))))
        partIndex += 1
        position = end
    }

    /// Completes the segment under way, its last part closing at `end`.
    mutating func close(at end: Int64, into events: inout [PackagerEvent]) {
        guard let sequence, partIndex > 0 || !pending.isEmpty else { return }
        closePart(at: end, into: &events)
        events.append(
            .segmentEnd(
                kind, sequence: sequence, duration: Double(position - segmentStart) / Double(timescale)))
        partIndex = 0
    }

    /// Lets go of the bytes of the part under way, which another packager will not write.
    mutating func dropBytes() {
        for index in pending.indices { pending[index].bytes = ByteBuffer() }
    }

    /// Forgets the segment under way: others have gone on with the playlist.
    mutating func abandon() {
        if let last = pending.last { position = max(position, last.decodeTime + 1) }
        pending.removeAll(keepingCapacity: true)
        sequence = nil
        partIndex = 0
    }
}
