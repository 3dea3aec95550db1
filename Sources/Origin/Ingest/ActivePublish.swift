import Logging
import Media
import NIOCore
import Node
import RTMP

/// What a publish becomes once it is granted: RTMP tags in, packaged media out to the data plane.
///
/// Beside a twin origin its media is shown once it is known to be the twin's: begun with the same frame, or gone on with
/// from one of the twin's cuts.
final class ActivePublish {
    private enum Course { case running, comparing, joining, over }

    private var grant: PublishGrant
    private let desk: PublishDesk
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let clock: () -> Int64
    private var course: Course
    private var packager: PublishPackager
    private var metadata: StreamMetadata?
    private var events: [PackagerEvent] = []
    private var isRefused = false

    /// The newest cut, for the twin.
    private var cut: CutMark?
    private var lastSound: HeldPackets.Packet?
    /// By how many milliseconds this publisher's timestamps are ahead of the twin's.
    private var shift: UInt32 = 0
    /// What belongs to earlier segments is not whole.
    private var firstSequence = Int64.min

    // Until it is known what the twin has.
    private var held = HeldPackets()
    private var isAsking = false
    private var nextLook = Int64.min
    private var hasSeenTwin = false
    private var tooEarly: Set<Int64> = []
    /// When the twin's timestamp of zero was.
    private var twinZero: Int64?

    /// - Parameter clock: microseconds since 1970.
    init(
        grant: PublishGrant, desk: PublishDesk, eventLoop: any EventLoop, logger: Logger,
        clock: @escaping () -> Int64 = WallClock.now
    ) {
        self.grant = grant
        self.desk = desk
        self.eventLoop = eventLoop
        self.logger = logger
        self.clock = clock
        course = Self.course(of: grant)
        packager = grant.makePackager()
    }

    private static func course(of grant: PublishGrant) -> Course {
        switch grant.twin?.task {
        case nil, .go: .running
        case .compare: .comparing
        case .join: .joining
        }
    }

    func declare(_ metadata: StreamMetadata) {
        self.metadata = metadata
        packager.declare(
            hasVideo: metadata.hasVideo, hasAudio: metadata.hasAudio, frameRate: metadata.frameRate)
    }

    func video(_ tag: VideoTag) {
        guard let packet = VideoPacket(tag) else { return }
        take(.video(packet), at: clock())
    }

    func audio(_ tag: AudioTag) {
        guard let packet = AudioPacket(tag) else { return }
        take(.audio(packet), at: clock())
    }

    func take(_ packet: HeldPackets.Packet, at wall: Int64) {
        switch course {
        case .running: package(packet, at: wall)
        case .comparing:
            held.take(packet, at: wall)
            package(packet, at: wall)
        case .joining:
            held.take(packet, at: wall)
            if held.isFull { fallBack() }
        case .over: return
        }
    }

    func tick() {
        if course == .running || course == .comparing { packager.tick(at: clock(), into: &events) }
        flush()
    }

    private func package(_ packet: HeldPackets.Packet, at wall: Int64) {
        let packet = packet.sent(earlier: shift)
        let before = keptBefore(packet)
        let begun = events.count
        switch packet {
        case .video(let packet): packager.video(packet, at: wall, into: &events)
        case .audio(let packet): packager.audio(packet, at: wall, into: &events)
        }
        if let before { noteCut(at: packet, before: before, made: Array(events[begun...]), wall) }
        if case .audio = packet, packet.frame != nil { lastSound = packet }
    }

    // MARK: For the twin

    private func keptBefore(_ packet: HeldPackets.Packet) -> PublishPackager? {
        guard grant.twin != nil else { return nil }
        let mayBegin =
            switch packet {
            case .video(let packet): packager.mayBeginSegment(packet)
            case .audio(let packet): packager.mayBeginSegment(packet)
            }
        return mayBegin ? packager : nil
    }

    private func noteCut(
        at packet: HeldPackets.Packet, before: PublishPackager, made: [PackagerEvent], _ wall: Int64
    ) {
        guard
            let checkpoint = PackagerCheckpoint(before: before, leading: before.leadingKind, made: made),
            checkpoint.sound == lastSound?.stamp, let anchor = packet.mark
        else { return }
        cut = CutMark(checkpoint: checkpoint, anchor: anchor, sound: lastSound?.mark, arrivedAt: wall)
    }

    // MARK: Out

    /// Sends what is ready across to the data plane, once per read burst.
    func flush() {
        switch course {
        case .running: send()
        case .comparing: compare()
        case .joining: look()
        case .over: return
        }
    }

    private func send() {
        guard !events.isEmpty else { return }
        for event in events {
            switch event {
            case .warning(let warning):
                logger.warning("publisher's media", metadata: ["reason": "\(warning)"])
            case .refused(let reason):
                isRefused = true
                logger.error("publisher's media refused", metadata: ["reason": "\(reason)"])
            default: break
            }
        }
        let shown = firstSequence == .min ? events : events.filter { $0.sequence ?? .max >= firstSequence }
        desk.deliver(shift == 0 ? shown : shown.map { $0.stamped(later: shift) }, of: grant, cut: cut)
        cut = nil
        events.removeAll(keepingCapacity: true)
    }

    func finish(_ end: PublishEnd, reason: String) {
        if course == .running {
            let begun = events.count
            packager.finish(into: &events)
            // The segment under way stays open: gaps go on in it, as its hint has told, or the playlist's end ends it.
            let last = events[begun...].filter { if case .segmentEnd = $0 { false } else { true } }
            events.replaceSubrange(begun..., with: last)
            send()
        }
        course = .over
        logger.info("publish ended", metadata: ["reason": "\(reason)"])
        desk.release(grant, end: isRefused ? .refused : end)
    }

    // MARK: Beside a twin

    /// Calls `then` here, unless the publish is over by then.
    private func ask<Answer: Sendable>(
        _ question: EventLoopFuture<Answer>,
        _ then: @escaping @Sendable (ActivePublish, Result<Answer, any Error>) -> Void
    ) {
        isAsking = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        question.hop(to: eventLoop).whenComplete { result in
            guard bound.value.course != .over else { return }
            bound.value.isAsking = false
            then(bound.value, result)
        }
    }

    /// Asks once its first frame is placed whether the twin began with that frame.
    private func compare() {
        guard !isAsking, let seat = grant.twin, let frame = held.first?.packet.mark else { return }
        for case .line(let line) in events {
            let beginning = PublishBeginning(zero: line.dateOffset &+ line.timestampShift, frame: frame)
            return ask(seat.book.settle(beginning, seat, on: eventLoop)) { publish, result in
                publish.compared(beginning, with: result)
            }
        }
        // Nothing but warnings.
        send()
    }

    private func compared(_ own: PublishBeginning, with result: Result<PublishBeginning, any Error>) {
        switch result {
        case .success(let theirs) where theirs != own:
            twinZero = theirs.zero
            events.removeAll()
            cut = nil
            grant.twin?.task = .join
            course = .joining
        case .failure(let error):
            logger.error("no agreement with the twin origin", metadata: ["reason": "\(error)"])
            fallthrough
        case .success:
            grant.twin?.task = .go
            course = .running
            held = HeldPackets()
        }
        flush()
    }

    /// Looks for a cut of the twin's that is in this publisher's packets.
    private func look() {
        let now = clock()
        guard !isAsking, now >= nextLook, let seat = grant.twin else { return }
        nextLook = now + seat.book.interval
        ask(seat.book.look(seat, at: now, on: eventLoop)) { publish, result in publish.looked(result) }
    }

    private func looked(_ result: Result<HandoverBook.Sight, any Error>) {
        guard case .success(let sight) = result, let seat = grant.twin else { return fallBack() }
        for handover in sight.handovers where !tooEarly.contains(handover.listed.sequence) {
            guard handover.epoch == seat.epoch, let match = held.match(handover, among: sight.handovers),
                let packager = handover.cut.checkpoint.packager(for: grant.packaging)
            else { continue }
            return ask(desk.join(handover, shift: match.shift, grant)) { publish, result in
                if case .success(let grant?) = result {
                    // What came meanwhile follows too.
                    publish.join(
                        handover, packager, publish.held.match(handover, among: sight.handovers) ?? match, grant)
                } else {
                    publish.tooEarly.insert(handover.listed.sequence)
                    publish.flush()
                }
            }
        }
        hasSeenTwin = hasSeenTwin || !sight.handovers.isEmpty
        let isGone = sight.isSuperseded || hasSeenTwin && sight.handovers.isEmpty
        let waited = held.first.map { clock() - $0.wall } ?? 0
        if isGone || waited > seat.patience { fallBack() }
    }

    private func join(
        _ handover: Handover, _ packager: PublishPackager, _ match: HeldPackets.Match, _ grant: PublishGrant
    ) {
        self.grant = grant
        self.packager = packager
        shift = match.shift
        firstSequence = handover.cut.checkpoint.sequence
        lastSound = match.sound?.sent(earlier: shift)
        cut = nil
        events = handover.cut.checkpoint.initSections.map(PackagerEvent.track)
        course = .running
        held = HeldPackets()
        logger.notice(
            "in step with the twin origin",
            metadata: ["msn": "\(handover.listed.sequence)", "epoch": "\(handover.epoch)"])
        for (packet, wall) in match.rest { package(packet, at: wall) }
        flush()
    }

    /// No cut of the twin's is in these packets: this origin goes on by itself.
    private func fallBack() {
        guard course == .joining, !isAsking else { return }
        var began = held.first?.wall ?? clock()
        if let twinZero, case .video(let packet)? = held.first?.packet {
            // The encoder's dates are the same on both.
            let dated = twinZero &+ packet.sentStamp.shown(later: packet.compositionOffsetMilliseconds)
            if abs(dated &- began) <= 2 * EpochBook.pairing { began = dated }
        }
        ask(desk.fallBack(grant, began: began)) { publish, result in
            guard case .success(let grant?) = result else { return }
            publish.begin(anew: grant)
        }
    }

    private func begin(anew grant: PublishGrant) {
        let packets = held.all
        self.grant = grant
        packager = grant.makePackager()
        if let metadata { declare(metadata) }
        (course, held, shift, firstSequence) = (Self.course(of: grant), HeldPackets(), 0, .min)
        (lastSound, cut, hasSeenTwin, nextLook, twinZero) = (nil, nil, false, .min, nil)
        tooEarly.removeAll()
        events.removeAll()
        for (packet, wall) in packets { take(packet, at: wall) }
        flush()
    }
}

extension PackagerEvent {
    /// The same for a publisher whose timestamps are so many milliseconds ahead.
    fileprivate func stamped(later milliseconds: UInt32) -> PackagerEvent {
        guard case .line(let line) = self else { return self }
        return .line(line.stamped(later: milliseconds))
    }
}

extension LineState {
    /// The same for a publisher whose timestamps are so many milliseconds ahead.
    func stamped(later milliseconds: UInt32) -> LineState {
        LineState(
            dateOffset: dateOffset,
            timestampShift: timestampShift &- Int64(Int32(bitPattern: milliseconds)) &* 1_000,
            isContinuous: isContinuous)
    }
}

extension Stamp {
    /// In microseconds, so many milliseconds later.
    fileprivate func shown(later milliseconds: Int32) -> Int64 {
        (Int64(self.milliseconds) + Int64(max(0, min(milliseconds, 10_000)))) * 1_000 + Int64(microseconds)
    }
}
