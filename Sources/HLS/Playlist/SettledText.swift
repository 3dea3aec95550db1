import struct NIOCore.ByteBuffer

/// The lines of segments that list no parts any more. They never change again, so they are written once, into runs of
/// text that every later state of the playlist shares: what a part costs does not depend on the window's length.
struct SettledText: Sendable {
    /// Where the lines of a segment stand.
    struct Place: Sendable, Equatable {
        let run: Int
        /// Behind its DISCONTINUITY and MAP, which depend on what is listed before it.
        let offset: Int
    }

    private struct Run {
        let number: Int
        var text: ByteBuffer
    }

    /// Bytes after which a run is closed: few enough to be compressed anew, enough to be few.
    static let runBytes = 32 * 1024

    /// Oldest first; their numbers follow one another.
    private var runs: [Run] = []
    private var nextNumber = 0
    /// The init section of the last segment written here.
    private(set) var lastInit: Int?

    /// Writes the lines of a complete segment, which lists no parts, behind those of the one before it.
    mutating func append(_ segment: LiveSegment, constants: PlaylistConstants) -> Place {
        if runs.last.map({ $0.text.readableBytes >= Self.runBytes }) ?? true {
            runs.append(Run(number: nextNumber, text: ByteBuffer()))
            nextNumber += 1
        }
        let index = runs.count - 1
        if segment.isDiscontinuity { runs[index].text.writeStaticString("#EXT-X-DISCONTINUITY\n") }
        if segment.initNumber != lastInit { constants.writeMap(segment.initNumber, to: &runs[index].text) }
        lastInit = segment.initNumber
        let place = Place(run: runs[index].number, offset: runs[index].text.readableBytes)
        runs[index].text.writeBytes(segment.text.date)
        runs[index].text.writeBytes(segment.text.closing)
        return place
    }

    /// Lets go of what stands before the first listed segment; of everything where none has settled.
    mutating func drop(before place: Place?) {
        guard let place else { return runs.removeAll() }
        let passed = runs.prefix { $0.number < place.run }.count
        if passed > 0 { runs.removeFirst(passed) }
    }

    /// All text from a place on.
    func pieces(from place: Place) -> [SettledPiece] {
        var pieces: [SettledPiece] = []
        pieces.reserveCapacity(runs.count)
        for run in runs where run.number >= place.run {
            let lower = run.number == place.run ? place.offset : 0
            let upper = run.text.readableBytes
            guard let text = run.text.getSlice(at: run.text.readerIndex + lower, length: upper - lower), upper > lower
            else { continue }
            pieces.append(SettledPiece(key: .init(run: run.number, lower: lower, upper: upper), text: text))
        }
        return pieces
    }
}

/// A stretch of a playlist that stays as it is from state to state.
package struct SettledPiece: Sendable, Equatable {
    /// Pieces of one timeline with the same key have the same text.
    package struct Key: Hashable, Sendable {
        let run: Int
        let lower: Int
        let upper: Int
    }
    package let key: Key
    package let text: ByteBuffer
}

/// One state of a playlist in the pieces of which it is made.
package struct PlaylistPieces: Sendable {
    /// Up to the first segment's first line that can settle.
    package let head: ByteBuffer
    /// Segments without parts, whose text this state shares with others.
    package let settled: [SettledPiece]
    /// The last segments, and what stands behind them.
    package let live: ByteBuffer

    /// Bytes of the whole text.
    package var count: Int {
        settled.reduce(head.readableBytes + live.readableBytes) { $0 + $1.text.readableBytes }
    }
}
