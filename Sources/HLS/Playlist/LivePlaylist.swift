import struct NIOCore.ByteBuffer

/// Where another rendition stands, told in this one's playlist (4.4.5.4).
package struct RenditionReport: Sendable, Equatable {
    /// URI of its media playlist, relative to this one's.
    package let uri: String
    package let position: MediaPosition

    package init(uri: String, position: MediaPosition) {
        self.uri = uri
        self.position = position
    }
}

/// A live media playlist is the lines that its segments have kept ready, one after another; only the first and last few
/// are made anew.
extension LiveTimeline {
    /// Appends the media playlist as it stands (4.4), or a delta update where `skip` asks for one and there is something
    /// to skip (6.2.5.1).
    ///
    /// There is something to show as soon as `position` is not nil.
    package func write(delta skip: SkipRequest?, reports: [RenditionReport], into buffer: inout ByteBuffer) {
        let pieces = pieces(delta: skip, reports: reports)
        buffer.writeImmutableBuffer(pieces.head)
        for piece in pieces.settled { buffer.writeImmutableBuffer(piece.text) }
        buffer.writeImmutableBuffer(pieces.live)
    }

    /// The same text in pieces. What it costs depends on the segments that list parts, not on the window's length.
    package func pieces(delta skip: SkipRequest?, reports: [RenditionReport]) -> PlaylistPieces {
        let skipped = skip == nil ? 0 : skippableCount
        var head = ByteBuffer()
        writeHead(skipped: skipped, to: &head)
        // Nothing comes before the first segment written, so a delta repeats the map (and the date) there.
        var lastInit: Int?
        var settledPieces: [SettledPiece] = []
        if skipped < settledCount, let place = segments[skipped].text.place {
            if segments[skipped].isDiscontinuity { head.writeStaticString("#EXT-X-DISCONTINUITY\n") }
            constants.writeMap(segments[skipped].initNumber, to: &head)
            settledPieces = settled.pieces(from: place)
            lastInit = settled.lastInit
        }
        var live = ByteBuffer()
        for index in segments.indices.dropFirst(max(skipped, settledCount)) where segments[index].isListed {
            let segment = segments[index]
            if segment.isDiscontinuity { live.writeStaticString("#EXT-X-DISCONTINUITY\n") }
            if segment.initNumber != lastInit { constants.writeMap(segment.initNumber, to: &live) }
            lastInit = segment.initNumber
            live.writeBytes(segment.text.date)
            if segment.sequence >= partsListedFrom { live.writeBytes(segment.text.parts) }
            live.writeBytes(segment.text.closing)
        }
        if announcesDiscontinuity { live.writeStaticString("#EXT-X-DISCONTINUITY\n") }
        writeTail(reports: reports, lastInit: lastInit, to: &live)
        return PlaylistPieces(head: head, settled: settledPieces, live: live)
    }

    /// The segment after the last that is listed begins with a discontinuity, and nothing of it is listed yet.
    package var announcesDiscontinuity: Bool {
        guard !hasEnded, let last = segments.last else { return false }
        return last.isComplete ? isDiscontinuityAhead : !last.isListed && last.isDiscontinuity
    }

    private func writeHead(skipped: Int, to buffer: inout ByteBuffer) {
        // Section 8: SKIP needs 9, MAP in a playlist of media segments needs 6. There are no date ranges to skip, which
        // would need 10.
        buffer.writeStaticString(skipped > 0 ? "#EXTM3U\n#EXT-X-VERSION:9\n" : "#EXTM3U\n#EXT-X-VERSION:6\n")
        buffer.writeBytes(constants.head)
        var text = PlaylistText()
        text.append("#EXT-X-MEDIA-SEQUENCE:")
        text.append(mediaSequence)
        // There from the beginning: 6.2.1 allows to raise it, not to add it.
        text.append("\n#EXT-X-DISCONTINUITY-SEQUENCE:")
        text.append(discontinuitySequence)
        text.append("\n")
        if isIndependentThroughout { text.append("#EXT-X-INDEPENDENT-SEGMENTS\n") }
        if skipped > 0 {
            text.append("#EXT-X-SKIP:SKIPPED-SEGMENTS=")
            text.append(Int64(skipped))
            text.append("\n")
        }
        buffer.writeBytes(text.bytes)
    }

    private func writeTail(reports: [RenditionReport], lastInit: Int?, to buffer: inout ByteBuffer) {
        if hasEnded {
            buffer.writeStaticString("#EXT-X-ENDLIST\n")
            return
        }
        var text = PlaylistText()
        if let hinted {
            if let lastInit, let coming = initNumber(of: hinted), coming != lastInit {
                text.append("#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"")
                constants.appendURI(ofInitSection: coming, to: &text)
                text.append("\"\n")
            }
            text.append("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"")
            constants.appendURI(of: hinted, to: &text)
            text.append("\"\n")
        }
        for report in reports {
            text.append("#EXT-X-RENDITION-REPORT:URI=")
            text.append(quoted: report.uri)
            text.append(",LAST-MSN=")
            text.append(report.position.sequence)
            text.append(",LAST-PART=")
            text.append(Int64(report.position.part))
            text.append("\n")
        }
        buffer.writeBytes(text.bytes)
    }

    /// The init section that the hinted part will need.
    private func initNumber(of hinted: MediaPosition) -> Int? {
        segment(hinted.sequence)?.initNumber ?? currentInit
    }

    /// Whether a delta update says less than the whole playlist (6.2.5.1).
    package var hasDelta: Bool { skippableCount > 0 }

    /// How many segments a delta update leaves out (6.2.5.1). With ENDLIST there is no delta.
    private var skippableCount: Int { hasEnded ? 0 : countBeyondSkipBoundary }

    /// How many segments lie further from the end of the last whole segment than CAN-SKIP-UNTIL.
    private var countBeyondSkipBoundary: Int {
        var fromEnd: Duration = .zero
        for index in segments.indices.reversed() {
            guard let duration = segments[index].duration else { continue }
            if fromEnd > configuration.canSkipUntil { return index + 1 }
            fromEnd += duration
        }
        return 0
    }

    /// Segments with a lower sequence number are seldom asked for: a viewer near live has them, and their parts are
    /// not listed.
    package var coldBefore: Int64 { mediaSequence + Int64(countBeyondSkipBoundary) }
}
