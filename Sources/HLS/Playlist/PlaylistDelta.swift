/// Why a delta update cannot be applied; a client then asks for the whole playlist (6.3.7).
package enum DeltaError: Error, Equatable, CustomStringConvertible {
    /// A skipped segment is not in the playlist that the client has.
    case missingSegment(Int64)
    /// Two states of different playlists.
    case targetDurationChanged

    package var description: String {
        switch self {
        case .missingSegment(let sequence):
            "The delta update skips segment \(sequence), which the playlist before it does not list."
        case .targetDurationChanged: "The delta update is not of the same playlist: its target duration differs."
        }
    }
}

extension MediaPlaylist {
    /// The whole playlist that this delta update stands for, with the segments that it skips from an earlier state
    /// (6.2.5.1). A playlist that skips nothing is itself. Parts of skipped segments are not listed any more.
    package func applied(to earlier: MediaPlaylist) throws(DeltaError) -> MediaPlaylist {
        guard let skip else { return self }
        guard earlier.targetDuration == targetDuration else { throw .targetDurationChanged }
        var whole = self
        whole.skip = nil
        // SKIP alone asked for a higher one.
        whole.version = earlier.version
        whole.leastVersion = max(leastVersion, earlier.leastVersion)
        var skipped: [Segment] = []
        skipped.reserveCapacity(min(skip.segments, earlier.segments.count))
        var discontinuities = discontinuitySequence ?? 0
        var next = earlier.segments.firstIndex { $0.sequence == mediaSequence } ?? earlier.segments.endIndex
        for offset in 0..<Int64(skip.segments) {
            guard next < earlier.segments.endIndex, earlier.segments[next].duration != nil else {
                throw .missingSegment(mediaSequence + offset)
            }
            var segment = earlier.segments[next]
            segment.parts = []
            skipped.append(segment)
            discontinuities = segment.discontinuitySequence
            next += 1
        }
        // The discontinuities among the skipped could not be counted in the delta alone.
        let counted = discontinuities - (discontinuitySequence ?? 0)
        for index in whole.segments.indices { whole.segments[index].discontinuitySequence += counted }
        // A map applies until the next one (4.4.4.5), from skipped segments too.
        if let map = skipped.last?.map {
            for index in whole.segments.indices.prefix(while: { whole.segments[$0].map == nil }) {
                whole.segments[index].map = map
            }
        }
        whole.segments.insert(contentsOf: skipped, at: 0)
        return whole
    }
}
