/// What a held request waits for.
package enum HoldTarget: Hashable, Sendable {
    /// A whole segment with this sequence number or a later one.
    case segment(Int64)
    /// This part, or anything later. A part past the last of a finished segment is part 0 of the next.
    case part(MediaPosition)
    /// This part's being listed, or its turning out that it will not come.
    case hint(MediaPosition)
}

/// What becomes of a playlist request (6.2.5.2).
package enum ReloadDecision: Equatable, Sendable {
    /// Answer with the whole playlist as it stands.
    case ready
    /// Answer when `isSatisfied(_:)` is true of the target, or with 503 after the configuration's `holdLimit`.
    case hold(until: HoldTarget)
    /// Answer 400; the sentence tells the client why.
    case badRequest(reason: String)
}

/// Where a live playlist stands, as far as requests that name the future depend on it (6.2.5.2).
///
/// An origin takes it from its timeline, an edge from the playlist that it was given: both then decide alike.
package struct ReloadState: Sendable, Equatable {
    /// The last segment, listed or about to be.
    package struct Newest: Sendable, Equatable {
        package var sequence: Int64
        package var partCount: Int
        package var isComplete: Bool
    }

    /// EXT-X-MEDIA-SEQUENCE.
    package var mediaSequence: Int64
    /// The last listed part, nil before the first.
    package var position: MediaPosition?
    /// The newest whole segment.
    package var lastComplete: Int64?
    package var newest: Newest?
    package var hasEnded: Bool
    /// The Advance Part Limit: how many parts past the last one a request may name.
    package var advancePartLimit: Int

    /// Decides a playlist request by its directives. It depends on what the playlist lists, and on nothing else.
    package func decide(_ directives: DeliveryDirectives) -> ReloadDecision {
        // With ENDLIST there is nothing to wait for, whatever was asked.
        guard let msn = directives.msn, !hasEnded else { return .ready }
        // An open segment counts as the last one as soon as it lists a part.
        let last = position ?? MediaPosition(sequence: mediaSequence, part: -1)
        if msn > last.sequence + 2 {
            return .badRequest(reason: "_HLS_msn=\(msn) is more than two past the last segment, \(last.sequence).")
        }
        guard let part = directives.part else { return decide(.segment(msn)) }
        if msn >= last.sequence {
            let lastIndex = msn == last.sequence ? last.part : -1
            if part - lastIndex > advancePartLimit {
                return .badRequest(
                    reason: "_HLS_part=\(part) is more than \(advancePartLimit) past the last part "
                        + "of segment \(msn), which lists \(lastIndex + 1).")
            }
        }
        return decide(.part(MediaPosition(sequence: msn, part: part)))
    }

    private func decide(_ target: HoldTarget) -> ReloadDecision {
        isSatisfied(target) ? .ready : .hold(until: target)
    }

    /// True when what a request waits for is listed, or when it never will be.
    package func isSatisfied(_ target: HoldTarget) -> Bool {
        if hasEnded { return true }
        switch target {
        case .segment(let sequence):
            guard let lastComplete else { return false }
            return lastComplete >= sequence
        case .part(let wanted):
            // Positions are ordered by segment, then part. So an index past the last part of a finished segment is
            // reached with the next segment's first part, and while that segment is open it waits for its end: the rule
            // of 6.2.5.2 without a case of its own.
            guard let position else { return false }
            return position >= wanted
        case .hint(let wanted):
            // A hint of the next segment stays true while this one goes on against expectation: it only takes longer.
            guard let newest else { return false }
            if wanted.sequence > newest.sequence { return wanted.sequence > newest.sequence + 1 }
            return newest.sequence > wanted.sequence || newest.isComplete || newest.partCount > wanted.part
        }
    }
}

extension LiveTimeline {
    /// Where it stands.
    package var reloadState: ReloadState {
        ReloadState(
            mediaSequence: mediaSequence, position: position,
            lastComplete: segments.last(where: \.isComplete)?.sequence,
            newest: segments.last.map {
                .init(sequence: $0.sequence, partCount: $0.parts.count, isComplete: $0.isComplete)
            }, hasEnded: hasEnded, advancePartLimit: configuration.advancePartLimit)
    }

    /// Decides a playlist request by its directives (6.2.5.2).
    package func decide(_ directives: DeliveryDirectives) -> ReloadDecision { reloadState.decide(directives) }

    /// True when what a request waits for is listed, or when it never will be.
    package func isSatisfied(_ target: HoldTarget) -> Bool { reloadState.isSatisfied(target) }
}

extension MediaPlaylist {
    /// Where it stands, told by what it lists. Of a delta update it says the same as of the whole playlist.
    package var reloadState: ReloadState {
        let partTarget = partTarget ?? .seconds(targetDuration)
        return ReloadState(
            mediaSequence: mediaSequence, position: position,
            lastComplete: segments.last { $0.duration != nil }?.sequence,
            newest: segments.last.map {
                .init(sequence: $0.sequence, partCount: $0.parts.count, isComplete: $0.duration != nil)
            }, hasEnded: hasEnded, advancePartLimit: TimelineConfiguration.advancePartLimit(partTarget: partTarget))
    }
}
