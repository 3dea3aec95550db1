import Media

/// Media that comes late, or not at all: what is waited for, and what a stall has cost.
extension PublishSeam {
    /// The publisher's connection has ended: what has not come will not come.
    mutating func publisherIsGone() {
        for kind in [MediaKind.video, .audio] {
            guard let track = self[kind], track.isListed else { continue }
            let due = min(track.due, track.end + limits.part + Self.firstGap)
            self[kind]?.due = due
            reportStall(kind)
        }
    }

    /// What stalls have cost that are over, each once.
    mutating func takeStalls() -> [StallReport] {
        defer { stalls.removeAll() }
        return stalls
    }

    /// Media that cannot be listed. What follows may refer to it.
    mutating func leaveOut(_ part: Part) {
        self[part.kind]?.isBroken = true
        self[part.kind]?.stall.leaveOut(part)
    }

    /// Media has come whose time has been given to gaps: while it catches up, each gap more would take the place of media that
    /// is on its way.
    mutating func waitForLate(_ part: Part, from date: Int64, at now: Int64) {
        guard let track = self[part.kind], track.isGapping, date < track.end - Self.tolerance / 2 else { return }
        let end = date + Int64((part.duration * 1e6).rounded())
        guard noteLate(part.kind, end, at: now).isCatchingUp(with: end, at: now) else { return }
        let wait = min(now + 2 * limits.part, track.listedAt + silence)
        self[part.kind]?.due = max(track.due, wait)
    }

    mutating func noteLate(_ kind: MediaKind, _ date: Int64, at now: Int64) -> Lateness {
        let late = self[kind]?.late ?? Lateness(of: date, at: now)
        self[kind]?.late = late
        return late
    }

    mutating func reportStall(_ kind: MediaKind) {
        guard let stall = self[kind]?.stall, stall != StallReport(kind) else { return }
        stalls.append(stall)
        self[kind]?.stall = StallReport(kind)
    }
}
