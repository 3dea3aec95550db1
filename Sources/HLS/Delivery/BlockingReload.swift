/// What a held request waits for.
package enum HoldTarget: Hashable, Sendable {
    /// A whole segment with this sequence number or a later one.
    case segment(Int64)
    /// This part, or anything later.
    case part(MediaPosition)
}

/// What becomes of a playlist request (6.2.5.2).
package enum ReloadDecision: Equatable, Sendable {
    case ready
    case hold(until: HoldTarget)
    case badRequest(reason: String)
}

extension LiveTimeline {
    /// Decides a playlist request by its directives (6.2.5.2).
    package func decide(_ directives: DeliveryDirectives) -> ReloadDecision {
        // With ENDLIST there is nothing to wait for, whatever was asked.
        guard let msn = directives.msn, !hasEnded else { return .ready }
        let last = segments.last?.sequence ?? mediaSequence
        // The open segment's number counts as the last one listed.
        if msn > last &+ 2 {
            return .badRequest(reason: "_HLS_msn=\(msn) is more than two past the last, \(last).")
        }
        guard let part = directives.part else {
            let target = HoldTarget.segment(msn)
            return isSatisfied(target) ? .ready : .hold(until: target)
        }
        if let reason = farPart(msn: msn, part: part, last: last) { return .badRequest(reason: reason) }
        let target = HoldTarget.part(MediaPosition(sequence: msn, part: part))
        return isSatisfied(target) ? .ready : .hold(until: target)
    }

    /// A part index so far ahead that the client cannot have meant it.
    private func farPart(msn: Int64, part: Int, last: Int64) -> String? {
        guard msn >= last else { return nil }
        let listed = msn == last ? segments.last?.parts.count ?? 0 : 0
        guard part >= listed + configuration.partAdvanceLimit else { return nil }
        return "_HLS_part=\(part) is too far past the last part of segment \(msn), which lists \(listed)."
    }

    /// True when what a request waits for is listed, or will never be.
    package func isSatisfied(_ target: HoldTarget) -> Bool {
        if hasEnded { return true }
        switch target {
        case .segment(let sequence):
            guard let newest = segments.last(where: \.isComplete) else { return false }
            return newest.sequence >= sequence
        case .part(let wanted):
            guard let position else { return false }
            if position >= wanted { return true }
            // An index past the end of a finished segment means part 0 of the next (6.2.5.2): hls.js asks for it.
            // While the segment is open, its end decides.
            return false
        }
    }
}
