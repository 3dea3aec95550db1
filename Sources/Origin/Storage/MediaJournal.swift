import Media
import NIOCore

/// What is to be done in the media directory, in one step of its writer's thread: bytes first, then the record of them, so
/// that what a journal tells of is there.
struct MediaBatch: Sendable {
    struct Piece: Sendable {
        let kind: MediaKind
        let sequence: Int64
        let file: StoredFile
        let offset: Int
        let bytes: ByteBuffer
    }

    var pieces: [Piece] = []
    /// Name of the journal's file.
    let journal: String
    /// The journal's file begins with it.
    let isFirst: Bool
    var records = ByteBuffer()
}

/// The order in which a presentation's media and the record of what was listed go into files. It does no work on files.
///
/// Journals are cut into files of some segments each, so that old ones can go with the media that they tell of. Where
/// writing fails what was meant to be written is dropped, and a fresh file begins with a later segment: what was listed
/// in between is in memory only, and lost to a restart.
struct MediaJournal {
    /// Segments that begin in one file.
    static let segmentsPerFile: Int64 = 32

    /// `{channel}/{epoch}`, a folder of the media directory.
    let folder: String
    private let makeFile: (String) -> StoredFile
    /// Not yet taken, oldest first.
    private var batches: [MediaBatch] = []
    private(set) var waitingBytes = 0
    /// First sequence numbers of the journal's files, oldest first.
    private(set) var files: [Int64] = []
    private var isOpen = false
    private var isFresh = true
    private var newest: Int64 = -1
    private var segments: [MediaKind: (sequence: Int64, file: StoredFile, count: Int)] = [:]
    private var tracks: [MediaKind: ChannelState.Track] = [:]
    private var line: LineState?

    init(folder: String, makeFile: @escaping (String) -> StoredFile) {
        self.folder = folder
        self.makeFile = makeFile
    }

    static func name(_ firstSequence: Int64) -> String { "journal.\(firstSequence)" }
    static func segmentName(_ kind: MediaKind, _ sequence: Int64) -> String { "\(kind)/\(sequence).m4s" }

    /// Goes on after the last record of what an earlier process wrote.
    mutating func resume(_ recovered: RecoveredMedia) {
        files = recovered.files
        isOpen = !files.isEmpty
        isFresh = files.isEmpty
        newest = recovered.newest
        tracks = recovered.tracks
        line = recovered.line
    }

    // MARK: What was listed

    /// `line` is in force after the events; `discontinuities` tells how many there were before a segment.
    mutating func append(
        _ events: [PackagerEvent], line: LineState?, fragments: (MediaKind) -> UInt32, discontinuities: (Int64) -> Int64
    ) {
        for event in events {
            switch event {
            case .track(let section):
                let track = ChannelState.Track(section, fragments: fragments(section.kind))
                tracks[section.kind] = track
                record(.track(track))
            case .segment(let start):
                if start.sequence > newest {
                    newest = start.sequence
                    if !isOpen || start.sequence >= (files.last ?? 0) + Self.segmentsPerFile {
                        begin(start.sequence, discontinuities(start.sequence), fragments)
                    }
                }
                let name = "\(folder)/\(Self.segmentName(start.kind, start.sequence))"
                segments[start.kind] = isOpen ? (start.sequence, makeFile(name), 0) : nil
                record(.segment(start))
            case .discontinuity(let kind): record(.discontinuity(kind))
            case .part(let part): add(part)
            case .gap(let kind, let sequence, let duration, let isLikelyLast):
                record(.gap(kind, sequence: sequence, duration: duration, isLikelyLast: isLikelyLast))
            case .segmentEnd(let kind, let sequence, let duration):
                record(.segmentEnd(kind, sequence: sequence, duration: duration))
            case .line, .warning, .refused: break
            }
        }
        if let line, line != self.line {
            self.line = line
            record(.line(line))
        }
    }

    private mutating func add(_ part: Part) {
        guard isOpen, let segment = segments[part.kind], segment.sequence == part.sequence else { return }
        if part.bytes.readableBytes > 0 {
            batches[lastBatch()].pieces.append(
                MediaBatch.Piece(
                    kind: part.kind, sequence: part.sequence, file: segment.file, offset: segment.count,
                    bytes: part.bytes))
            segments[part.kind]?.count += part.bytes.readableBytes
            waitingBytes += part.bytes.readableBytes
        }
        record(
            .part(
                MediaRecord.StoredPart(
                    kind: part.kind, sequence: part.sequence, duration: part.duration,
                    isIndependent: part.isIndependent, isLikelyLast: part.isLikelyLast, isGap: part.isGap,
                    byteCount: part.bytes.readableBytes,
                    decodeEnd: Double(part.decodeTime) / part.timescale + part.duration)))
    }

    private mutating func begin(_ sequence: Int64, _ discontinuities: Int64, _ fragments: (MediaKind) -> UInt32) {
        files.append(sequence)
        batches.append(MediaBatch(journal: "\(folder)/\(Self.name(sequence))", isFirst: true))
        isOpen = true
        record(.file(firstSequence: sequence, discontinuities: discontinuities, isFresh: isFresh))
        isFresh = false
        for (kind, var track) in tracks.sorted(by: { $0.value.isVideo && !$1.value.isVideo }) {
            track.fragments = fragments(kind)
            tracks[kind] = track
            record(.track(track))
        }
        if let line { record(.line(line)) }
    }

    private mutating func record(_ record: MediaRecord) {
        guard isOpen else { return }
        record.write(into: &batches[lastBatch()].records)
    }

    private mutating func lastBatch() -> Int {
        if batches.isEmpty {
            batches.append(MediaBatch(journal: "\(folder)/\(Self.name(files.last ?? 0))", isFirst: false))
        }
        return batches.count - 1
    }

    // MARK: To files

    /// The next step, when the one before is done.
    mutating func take() -> MediaBatch? {
        guard let batch = batches.first, batch.records.readableBytes > 0 else { return nil }
        batches.removeFirst()
        waitingBytes -= batch.pieces.reduce(0) { $0 + $1.bytes.readableBytes }
        return batch
    }

    /// Nothing more is written until `retry`. Returns names of files that tell of too little from now on.
    mutating func fail() -> [String] {
        defer { files.removeAll() }
        batches.removeAll()
        waitingBytes = 0
        isOpen = false
        isFresh = true
        segments.removeAll()
        // Only `retry` lets a segment begin a file.
        newest = .max
        return files.map { "\(folder)/\(Self.name($0))" }
    }

    /// The next segment after `sequence` may begin a file.
    mutating func retry(after sequence: Int64) { newest = sequence }

    /// Names of files that tell of nothing but segments before `sequence`.
    mutating func removable(before sequence: Int64) -> [String] {
        var names: [String] = []
        while files.count > 1, files[1] <= sequence { names.append("\(folder)/\(Self.name(files.removeFirst()))") }
        return names
    }
}
