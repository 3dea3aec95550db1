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
    private let lease: PublishLease
    private let gateway: IngestGateway
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let clock: () -> Int64
    private var course: Course
    private var packager: PublishPackager
    private var metadata: StreamMetadata?
    private var events: [PackagerEvent] = []
    private var isRefused = false

    private var warnings: PublishWarnings
    private var summary = PublishSummary()
    private var isSummedUp = false
    /// When a publish of which nothing can be packaged is given up; nil before its first media, and once that is decided.
    private var decidesAt: Int64?
    private var isDecided = false
    /// How long something that can be packaged is waited for, in microseconds: longer than for any track.
    private static let patience: Int64 = 4_000_000

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
        grant: PublishGrant, lease: PublishLease, gateway: IngestGateway, registry: PublisherRegistry,
        eventLoop: any EventLoop, logger: Logger, clock: @escaping () -> Int64 = WallClock.now
    ) {
        self.grant = grant
        self.lease = lease
        self.gateway = gateway
        warnings = PublishWarnings(logger: logger, registry: registry)
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
        let now = begun()
        summary.note(tag)
        do throws(PublishWarning) {
            take(.video(try VideoPacket(tag)), at: now)
        } catch {
            warnings.report(error)
        }
    }

    func audio(_ tag: AudioTag) {
        let now = begun()
        summary.note(tag)
        do throws(PublishWarning) {
            take(.audio(try AudioPacket(tag)), at: now)
        } catch {
            warnings.report(error)
        }
    }

    /// A message, or a part of it, was left out.
    func note(_ fault: MessageFault) {
        if fault.isOfMedia { _ = begun() }
        warnings.report(.message(fault))
    }

    private func begun() -> Int64 {
        let now = clock()
        if decidesAt == nil, !isDecided { decidesAt = now + Self.patience }
        return now
    }

    // MARK: Nothing to package

    /// How long until it is decided whether anything can be packaged; nil where nothing is to be decided.
    var timeToDecide: Duration? { decidesAt.map { .microseconds(max(0, $0 - clock())) } }

    /// A sentence for the publisher once media has come for a while and nothing of it can be packaged.
    func refusal() -> String? {
        guard let decidesAt, clock() >= decidesAt else { return nil }
        self.decidesAt = nil
        isDecided = true
        // What a joining publish holds is judged by the packager that it gets.
        guard course == .joining ? held.first == nil : !packager.hasTrack else { return nil }
        return "Nothing of this stream can be packaged: send H.264, HEVC or AV1 video, AAC or Opus sound. "
            + warnings.summary
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
            case .warning(let warning): warnings.report(.packager(warning))
            case .track(let section): summary.note(section)
            case .refused(let reason):
                isRefused = true
                logger.error("publisher's media refused", metadata: ["reason": "\(reason)"])
            default: break
            }
        }
        let shown = firstSequence == .min ? events : events.filter { $0.sequence ?? .max >= firstSequence }
        gateway.deliver(shift == 0 ? shown : shown.map { $0.stamped(later: shift) }, of: grant, cut: cut)
        cut = nil
        events.removeAll(keepingCapacity: true)
        if !isSummedUp, summary.isReady { sumUp() }
    }

    private func sumUp() {
        isSummedUp = true
        logger.info("publish media", metadata: summary.fields(metadata))
    }

    func finish(_ ending: PublishEnding) {
        if course == .running {
            let begun = events.count
            packager.finish(into: &events)
            // The segment under way stays open: gaps go on in it, as its hint has told, or the playlist's end ends it.
            let last = events[begun...].filter { if case .segmentEnd = $0 { false } else { true } }
            events.replaceSubrange(begun..., with: last)
            send()
        }
        course = .over
        if !isSummedUp, summary.hasFormat { sumUp() }
        let end = isRefused ? .refused : ending.end
        logger.log(
            level: end == .finished || end == .dismissed ? .info : .notice, "publish ended",
            metadata: ["end": "\(end.rawValue)", "by": "\(ending.actor.rawValue)", "reason": "\(ending.reason)"])
        lease.end(end)
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
            return ask(gateway.join(handover, shift: match.shift, grant)) { publish, result in
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
        ask(gateway.fallBack(grant, began: began)) { publish, result in
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
        (Int64(self.milliseconds) + Int64(max(-10_000, min(milliseconds, 10_000)))) * 1_000 + Int64(microseconds)
    }
}
