/// What stands where no frame comes: the picture before, for a frame lasts until the next one, or a gap where there is none.
extension VideoTrack {
    /// 10 s in ticks: what is longer lies between two lines.
    static let longestHole: Int64 = 900_000
    /// 12 s in ticks: a picture that stays away for longer is lost, and no slow camera's.
    private static let longestStand: Int64 = 1_080_000
    /// 20 ms in ticks: the part that has been hinted when a gap begins.
    private static let shortestGap: Int64 = 1_800

    /// The picture before can stand in a part that begins where the last one ended.
    var canStand: Bool { group.isWhole && writer.position < endOfStand }

    /// Up to where the picture before stands, as a decode time.
    private var endOfStand: Int64 { (lastGrid ?? writer.position) + Self.longestStand }

    /// Adds parts up to `end`. With `endsSegment` the last of them tells that the segment ends there.
    mutating func idle(
        until end: Int64, endsSegment: Bool = false, plan: inout SegmentPlan, dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) {
        if end - writer.position > Self.longestHole {
            plan.breakLine()
            open(at: end - longest, isIndependent: canStand, plan: &plan, dates: dates, into: &events)
        }
        while end > writer.position, writer.isPartEmpty {
            let stands = canStand
            if endIsTold || mustCut(at: writer.position) || stands && segmentIsGap {
                open(at: writer.position, isIndependent: stands, plan: &plan, dates: dates, into: &events)
            } else if !stands, !segmentIsGap, !writer.isSegmentEmpty,
                beginGap(before: end, plan: &plan, dates: dates, into: &events)
            {
                continue
            }
            segmentIsGap = !stands && (segmentIsGap || writer.isSegmentEmpty)
            let left = (stands ? min(end, endOfStand) : end) - writer.position
            let count = (left + longest - 1) / longest
            let stop = writer.position + max(1, left / count)
            endIsTold = mustCut(at: stop) || endsSegment && stop >= end
            hasStood = stands
            if stands {
                repeatPicture()
                writer.closePart(at: stop, isLikelyLast: endIsTold, into: &events)
            } else {
                writer.gap(until: stop, isLikelyLast: endIsTold, into: &events)
            }
        }
    }

    /// Ends the segment under way where its media does, so that a gap has segments of its own (4.4.4.6, 4.4.4.7): the part
    /// that has been hinted comes as a short gap. False where too little is missing.
    private mutating func beginGap(
        before end: Int64, plan: inout SegmentPlan, dates: ProgramDates, into events: inout [PackagerEvent]
    ) -> Bool {
        let stop = max(writer.position + Self.shortestGap, writer.segmentStart + CutForecast.leastSegment)
        guard end - stop >= CutForecast.leastSegment, stop - writer.position <= longest else { return false }
        writer.gap(until: stop, isLikelyLast: true, into: &events)
        open(at: stop, isIndependent: false, plan: &plan, dates: dates, into: &events)
        return true
    }

    /// The picture stays away while the sound has come to `moment`: what is missing becomes whole parts, and a last one where
    /// the publish ends. Returns whether any of them is a gap.
    mutating func standStill(
        until moment: Int64, from begin: Int64, isLast: Bool = false, endOfSound: Int64?, plan: inout SegmentPlan,
        dates: ProgramDates,
        into events: inout [PackagerEvent]
    ) -> Bool {
        if !writer.isOpen {
            open(at: max(writer.position, ticks(begin)), isIndependent: false, plan: &plan, dates: dates, into: &events)
        }
        let end = ticks(moment)
        if let due, due > end { return false }
        closeDuePart(into: &events)
        if end - writer.position > Self.longestHole {
            // The line has broken, and the keyframe that begins the new one has not come: nothing to fill in between, but
            // for what the sound needs, lest it all falls to one segment.
            (needsSync, cutsAtSync) = (true, true)
            writer.closePart(at: writer.position + longest, into: &events)
            if let heard = endOfSound.map({ ticks($0) }),
                self.moment(heard) - self.moment(writer.segmentStart) > forecast.longestStretch
            {
                idle(until: heard, plan: &plan, dates: dates, into: &events)
            }
            plan.breakLine()
            open(at: end - longest, isIndependent: canStand, plan: &plan, dates: dates, into: &events)
        }
        if !writer.isPartEmpty, end - writer.position >= longest {
            closePart(at: writer.position + longest, into: &events)
        }
        let whole = (end - writer.position) / longest
        let stop = isLast ? end : writer.position + whole * longest
        guard writer.isPartEmpty, stop > writer.position else { return false }
        let hasGaps = !canStand
        idle(until: stop, plan: &plan, dates: dates, into: &events)
        return hasGaps
    }
}
