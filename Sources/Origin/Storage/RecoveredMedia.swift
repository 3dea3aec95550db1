import Media
import NIOCore

/// What journals tell of a presentation that an earlier process listed, as far as its media is still there.
struct RecoveredMedia {
    /// What is to be listed again, in order. Of a rendition nothing comes before its first segment but its init section.
    let records: [MediaRecord]
    let firstSequence: Int64
    /// Discontinuities before it.
    let discontinuities: Int64
    /// The last segment that was begun.
    let newest: Int64
    let tracks: [MediaKind: ChannelState.Track]
    let line: LineState?
    /// First sequence numbers of the journal's files.
    let files: [Int64]
    /// How much of the last file is whole records, in bytes.
    let lastFileCount: Int

    /// - Parameters:
    ///   - journals: the journal's files by their first sequence number, oldest first.
    ///   - size: bytes in a segment's file; nil when there is none.
    /// - Returns: nil when there is nothing to go on with.
    init?(_ journals: [(firstSequence: Int64, bytes: ByteBuffer)], size: (MediaKind, Int64) -> Int?) {
        var all: [MediaRecord] = []
        var (files, count) = ([Int64](), 0)
        for (index, journal) in journals.enumerated() {
            var bytes = journal.bytes
            var records: [MediaRecord] = []
            while let record = MediaRecord.read(from: &bytes) { records.append(record) }
            guard case .file(journal.firstSequence, _, let isFresh) = records.first else { return nil }
            // Torn in the middle: what comes later does not follow from it.
            if bytes.readableBytes > 0 && index + 1 < journals.count { return nil }
            if isFresh { (all, files) = ([], []) }
            all += records
            files.append(journal.firstSequence)
            count = journal.bytes.readableBytes - bytes.readableBytes
        }
        guard case .file(let begun, let before, _) = all.first else { return nil }

        var counts: [MediaKind: [Int64: Int]] = [:]
        var breaks: Set<Int64> = []
        var (newest, line) = (Int64(-1), LineState?.none)
        var tracks: [MediaKind: ChannelState.Track] = [:]
        for record in all {
            switch record {
            case .segment(let start) where start.sequence >= begun:
                counts[start.kind, default: [:]][start.sequence] = 0
                newest = max(newest, start.sequence)
                if start.isDiscontinuity { breaks.insert(start.sequence) }
            case .part(let part): counts[part.kind]?[part.sequence]? += part.byteCount
            case .track(let track): tracks[track.isVideo ? .video : .audio] = track
            case .line(let state): line = state
            default: break
            }
        }
        // Files of segments that nobody may fetch any more have gone.
        var first = begun
        for (kind, segments) in counts {
            for (sequence, count) in segments where count > 0 && size(kind, sequence) ?? -1 < count {
                first = max(first, sequence + 1)
            }
        }
        guard newest >= first, line != nil, !tracks.isEmpty else { return nil }

        var kept: [MediaRecord] = []
        var begins: Set<MediaKind> = []
        for record in all {
            switch record {
            case .file: continue
            case .track, .line: kept.append(record)
            case .segment(let start):
                guard start.sequence >= first else { continue }
                begins.insert(start.kind)
                kept.append(record)
            case .discontinuity, .part, .gap, .segmentEnd:
                if let kind = record.kind, begins.contains(kind) { kept.append(record) }
            }
        }
        records = kept
        firstSequence = first
        discontinuities = before + Int64(breaks.count { $0 < first })
        (self.newest, self.tracks, self.line, self.files) = (newest, tracks, line, files)
        lastFileCount = count
    }
}
