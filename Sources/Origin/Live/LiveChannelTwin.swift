import Logging
import Media
import Node

/// A channel beside that of a twin origin: its publisher comes later, or comes back, and joins the twin's cuts.
extension LiveChannel {
    /// How long a cut of the twin's is looked for in what a publisher sends, in microseconds: two target durations.
    private var patience: Int64 { Int64(settings.packaging.targetDurationSeconds) * 2_000_000 }

    /// The agreement that the twin's publish under way is in.
    var liveTwin: (number: Int, agreement: PublishAgreement)? {
        book.flatMap { $0.twin(on: settings.name, since: $0.clock() - patience - 2_000_000) }
    }

    /// The place of the publish that begins now; nil without an agreement.
    func seat(_ epoch: String, _ task: TwinSeat.Task) -> TwinSeat? {
        guard let book, let number = book.seat(on: settings.name) else { return nil }
        return TwinSeat(
            book: book.handovers, channel: settings.name, agreement: number, epoch: epoch, task: task,
            patience: patience)
    }

    /// The twin is live: nothing is listed until it is found where its cuts are in what this publisher sends.
    func wait(number: UInt64) -> PublishGrant? {
        guard let book, let twin = liveTwin else { return nil }
        book.join(twin.number, twin.agreement.epoch, on: settings.name)
        return wait(number: number, for: twin.agreement)
    }

    func wait(number: UInt64, for agreement: PublishAgreement) -> PublishGrant? {
        guard let seat = seat(agreement.epoch, .join) else { return nil }
        // It is here, whatever it finds: the playlist does not end meanwhile.
        publisherIsBack()
        presentation?.goOnBesideTwin()
        return PublishGrant(
            channel: settings.name, number: number, packaging: settings.packaging, firstSequence: nextSequence,
            continuation: nil, beganAt: nil, twin: seat)
    }

    /// The publisher's packets have a cut of the twin's: the playlist goes on from there under the twin's names.
    ///
    /// - Returns: nil where the segment's number, or a later one, has been listed here.
    func join(_ handover: Handover, shift: UInt32, _ grant: PublishGrant) -> PublishGrant? {
        guard let publisher, publisher.grant.number == grant.number, let seat = grant.twin,
            seat.epoch == handover.epoch, handover.packaging == settings.fingerprint,
            let line = handover.cut.checkpoint.line?.stamped(later: shift)
        else { return nil }
        let listed = handover.listed
        let isSameEpoch = handover.epoch == presentation?.epoch ?? epochLeft
        // An origin before this one has listed less than it wrote down.
        let least = presentation == nil && isSameEpoch ? 0 : nextSequence
        guard listed.sequence >= least, isSameEpoch || listed.discontinuities >= discontinuities - 1 else { return nil }
        nextSequence = listed.sequence
        discontinuities = listed.discontinuities
        epochLeft = nil
        replacePresentation(
            with: Presentation(
                settings: settings, epoch: handover.epoch, firstSequence: listed.sequence,
                discontinuitySequence: listed.discontinuities, index: index, push: push,
                joining: (listed, line), hasTwin: true, logger: logger))
        noteNumbers()
        var joined = PublishGrant(
            channel: settings.name, number: grant.number, packaging: settings.packaging,
            firstSequence: listed.sequence, continuation: nil, beganAt: nil, twin: seat)
        joined.twin?.task = .go
        self.publisher?.grant = joined
        return joined
    }

    /// Nothing of the twin's is in what the publisher sends: it gets names of its own.
    func fallBack(_ grant: PublishGrant, began: Int64) -> PublishGrant? {
        guard let publisher, publisher.grant.number == grant.number else { return nil }
        logger.warning(
            "not in step with the twin origin",
            metadata: [
                "reason": "no cut of the twin's was found in this publisher's packets",
                "advice": """
                feed both origins by one encoder that sends both the same frames, with a keyframe each target duration, \
                and keep the origins' clocks within a second
                """,
            ])
        leaveTwin()
        // The same names only for the same media: what the twin's epoch names is not this publisher's.
        let isTwins = presentation?.epoch == grant.twin?.epoch && liveTwin != nil
        let own =
            (isTwins ? nil : resume(number: grant.number, began: began)) ?? begin(number: grant.number, began: began)
        self.publisher?.grant = own
        return own
    }

    /// The publish is over, or goes on without the twin.
    func leaveTwin() {
        book?.leave(settings.name, epoch: presentation?.epoch, nextSequence: presentation?.nextSequence ?? 0)
    }

    /// The playlist can go on under its names: the twin has not given those that come to other media meanwhile.
    func mayResume(_ presentation: Presentation) -> Bool {
        book.map { $0.reached(on: settings.name) <= presentation.nextSequence } ?? true
    }

    /// Leaves a cut for the twin, where it is listed.
    func leave(_ cut: CutMark) {
        guard let book, let seat = publisher?.grant.twin, seat.task != .join, let presentation,
            presentation.epoch == seat.epoch, let listed = presentation.listing(of: cut.checkpoint.sequence)
        else { return }
        book.handovers.save(
            Handover(
                writer: book.handovers.writer, epoch: seat.epoch, packaging: settings.fingerprint, listed: listed,
                cut: cut),
            channel: settings.name, agreement: seat.agreement)
    }

    /// A live playlist that another takes the place of does not end: who waits for more of it is sent to ask again.
    func replacePresentation(with newer: Presentation) {
        if let presentation, presentation.hasMedia, !presentation.hasEnded {
            presentation.interrupt()
        } else {
            presentation?.close()
        }
        presentation = newer
    }
}
