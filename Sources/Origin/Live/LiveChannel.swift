import HLS
import Logging
import Media
import NIOCore
import Node
import Wire

/// One channel: its publisher, and the presentation that viewers see.
final class LiveChannel {
    let settings: ChannelSettings
    let logger: Logger
    let index: ParkingIndex
    /// Requests that wait for this channel.
    let holds: ChannelHolds
    let push: ChannelPush?
    var publisher: (grant: PublishGrant, ticket: PublishTicket)?
    var presentation: Presentation?
    /// Since when the presentation has been without a publisher.
    private var lostAt: NIODeadline?
    var nextSequence: Int64 = 0
    var discontinuities: Int64 = 0
    private let keeper: StateKeeper?
    let book: EpochBook?
    /// The epoch that an origin before this one left, which a twin goes on with.
    var epochLeft: String?
    /// What the state on the disk covers.
    private var durable = (sequence: Int64(0), discontinuities: Int64(0), initCount: 0, hasMedia: false)
    /// When the first request of viewers could be answered, and how long after the publish began.
    private(set) var counters = ChannelCounters()

    /// Segments that a state on the disk covers beyond those listed. Half of them may be used before the next is asked for.
    private static let reservedSegments: Int64 = 40
    private static let reservedDiscontinuities: Int64 = 8

    /// `keeper` has what an origin before this one knew of the channel.
    init(
        settings: ChannelSettings, index: ParkingIndex, push: ChannelPush?, keeper: StateKeeper?, book: EpochBook?,
        logger: Logger
    ) {
        self.push = push
        self.index = index
        self.keeper = keeper
        self.book = book
        holds = ChannelHolds(limit: settings.parkedRequests)
        self.settings = settings
        var logger = logger
        logger[metadataKey: "channel"] = "\(settings.name)"
        self.logger = logger
        if let state = keeper?.load(settings.name) { restore(state) }
    }

    var isLive: Bool { publisher != nil }

    // MARK: What outlives the origin

    private func restore(_ state: ChannelState) {
        nextSequence = state.nextSequence
        discontinuities = state.discontinuities
        let now = LiveClock.now()
        let staleness = Duration.microseconds(max(0, now - state.writtenAt))
        // A state of a live channel is as old as the numbers that it reserves allow.
        let age = settings.reconnectWindow + settings.packaging.maximumSegmentDuration * Int(Self.reservedSegments)
        guard let live = state.live, live.packaging == settings.fingerprint, settings.reconnectWindow > .zero,
            staleness <= age
        else { return }
        if let twin = liveTwin, twin.agreement.epoch == live.epoch {
            // What was listed, and gaps under numbers of this origin's own, would part from what the twin lists.
            epochLeft = live.epoch
            logger.notice("playlist waits to join the twin origin's", metadata: ["epoch": "\(live.epoch)"])
            return
        }
        let recovered = recover(live.epoch, at: now)
        let presentation = Presentation(
            settings: settings, epoch: live.epoch, firstSequence: recovered?.firstSequence ?? nextSequence,
            discontinuitySequence: recovered?.discontinuities ?? discontinuities, index: index, push: push,
            hasTwin: book != nil, logger: logger)
        if let recovered, let directory = settings.storage.directory {
            presentation.restore(recovered, at: now) { directory.file($0) }
        } else {
            presentation.restore(live, at: now)
        }
        if book != nil { presentation.goOnBesideTwin() }
        self.presentation = presentation
        lostAt = .now()
        noteNumbers()
        logger.notice(
            "playlist goes on after a restart",
            metadata: [
                "epoch": "\(live.epoch)", "msn": "\(presentation.nextSequence - 1)",
                "segments": "\(presentation.renditions.first?.timeline.segments.count ?? 0)",
            ])
    }

    /// What the origin before this one listed last and left in files. nil where there is too little, or it is too old.
    private func recover(_ epoch: String, at now: Int64) -> RecoveredMedia? {
        guard let directory = settings.storage.directory else { return nil }
        let folder = Presentation.folder(settings.name, epoch)
        let journals = directory.journals(of: folder)
        guard let last = journals.last?.firstSequence,
            let writtenAt = directory.writtenAt("\(folder)/\(MediaJournal.name(last))"),
            Duration.microseconds(max(0, now - writtenAt))
                <= settings.reconnectWindow + settings.packaging.maximumSegmentDuration,
            let recovered = RecoveredMedia(
                journals, size: { directory.size(of: "\(folder)/\(MediaJournal.segmentName($0, $1))") }),
            // A disk that failed kept what is long over.
            recovered.newest >= nextSequence - 2 * Self.reservedSegments,
            directory.truncate("\(folder)/\(MediaJournal.name(last))", to: recovered.lastFileCount)
        else { return nil }
        return recovered
    }

    /// The folder of media with which an origin after this one can go on.
    var resumable: String? {
        guard let presentation, !presentation.hasEnded, presentation.hasMedia else { return nil }
        return presentation.folder
    }

    private func now() -> Int64 { book.map { $0.clock() } ?? WallClock.now() }

    /// Its publisher is there, whether media comes or not.
    func publisherIsBack() { lostAt = nil }

    private func save() {
        guard let keeper else { return }
        durable = (
            nextSequence + Self.reservedSegments, discontinuities + Self.reservedDiscontinuities,
            presentation?.initCount ?? 0, presentation?.hasMedia ?? false
        )
        keeper.save(
            ChannelState(
                channel: settings.name, nextSequence: durable.sequence, discontinuities: durable.discontinuities,
                writtenAt: LiveClock.now(), live: presentation?.durable))
    }

    // MARK: Publisher

    func claim(_ ticket: PublishTicket) throws(PublishRefusal) -> PublishGrant {
        if let publisher {
            guard settings.policy == .takeover else { throw .alreadyLive(channel: settings.name) }
            logger.notice("publisher replaced", metadata: ["reason": "takeover"])
            self.publisher = nil
            presentation?.publisherIsGone(at: LiveClock.now())
            publisher.ticket.dismiss(reason: "another publisher took the channel over")
        }
        leaveTwin()
        let number = ticket.number
        let grant = wait(number: number) ?? resume(number: number) ?? begin(number: number)
        publisher = (grant, ticket)
        counters.publishes += 1
        return grant
    }

    /// The presentation is still live: the publisher goes on in it.
    func resume(number: UInt64, began: Int64? = nil) -> PublishGrant? {
        guard let presentation, !presentation.hasEnded, presentation.hasMedia, mayResume(presentation) else {
            return nil
        }
        if let lostAt {
            let away = Duration.nanoseconds((NIODeadline.now() - lostAt).nanoseconds)
            logger.notice("publisher returned", metadata: ["after": "\(away)"])
        }
        lostAt = nil
        let proposal = PublishAgreement(
            epoch: presentation.epoch, firstSequence: presentation.nextSequence,
            discontinuities: presentation.discontinuities, began: began ?? now())
        let agreed = book?.agree(on: settings.name, proposal)
        if let agreed, agreed.isAnother(than: proposal), let grant = wait(number: number, for: agreed) { return grant }
        return PublishGrant(
            channel: settings.name, number: number, packaging: settings.packaging,
            firstSequence: presentation.nextSequence, continuation: presentation.resume(),
            beganAt: agreed?.epoch == presentation.epoch ? agreed?.began : nil,
            twin: seat(presentation.epoch, .compare))
    }

    func begin(number: UInt64, began: Int64? = nil) -> PublishGrant {
        lostAt = nil
        // Numbers rise with the clock, so that they do not go back when the origin restarts: no channel cuts more
        // than one segment a second, and a second is what the number grows by while nothing is cut.
        let fromClock = WallClock.now() / 1_000_000 - Self.sequenceEpoch
        var begun = PublishAgreement(
            epoch: Self.epochToken(), firstSequence: max(nextSequence, fromClock), discontinuities: discontinuities,
            began: began ?? now())
        if let book {
            let agreed = book.agree(on: settings.name, begun)
            if agreed.firstSequence >= nextSequence && agreed.discontinuities >= discontinuities {
                begun = agreed
            } else {
                leaveTwin()
                logger.warning(
                    "not in step with the twin origin", metadata: ["reason": "its numbers have been used here"])
            }
        }
        let grant = PublishGrant(
            channel: settings.name, number: number, packaging: settings.packaging, firstSequence: begun.firstSequence,
            continuation: nil, beganAt: book == nil ? nil : begun.began, twin: seat(begun.epoch, .compare))
        nextSequence = begun.firstSequence + 1
        replacePresentation(
            with: Presentation(
                settings: settings, epoch: begun.epoch, firstSequence: begun.firstSequence,
                discontinuitySequence: begun.discontinuities, index: index, push: push, hasTwin: book != nil,
                logger: logger))
        noteNumbers()
        return grant
    }

    func apply(_ events: [PackagerEvent], of grant: PublishGrant, cut: CutMark? = nil) {
        guard let publisher, publisher.grant.number == grant.number, presentation != nil else { return }
        for event in events {
            switch event {
            case .refused(let reason): publisher.ticket.dismiss(reason: "\(reason)")
            default: break
            }
        }
        presentation?.apply(events, at: LiveClock.now())
        if let cut { leave(cut) }
        noteNumbers()
        noteStalls()
    }

    /// Says what could not be listed: media that comes after its time has been given to gaps.
    private func noteStalls() {
        guard let presentation else { return }
        counters.add(gapSeconds: presentation.takeGapSeconds())
        for stall in presentation.takeStalls() {
            counters.add(stall)
            guard stall.unlistedFrames > 0 else { continue }
            logger.warning(
                "media came too late to be listed",
                metadata: [
                    "rendition": "\(stall.kind)", "frames": "\(stall.unlistedFrames)",
                    "lasting": "\(Self.text(stall.unlistedSeconds))",
                    "gap": "\(Self.text(stall.gapSeconds))",
                    "reason": "the publisher's line stalled for longer than a playlist may, and gaps took its place",
                ])
        }
    }

    private static func text(_ seconds: Double) -> String { "\(Duration.milliseconds(Int64(seconds * 1_000)))" }

    /// No later presentation may use a number again.
    func noteNumbers() {
        guard let presentation else { return }
        nextSequence = max(nextSequence, presentation.nextSequence)
        discontinuities = max(discontinuities, presentation.discontinuities + 1)
        if nextSequence + Self.reservedSegments / 2 > durable.sequence
            || discontinuities + Self.reservedDiscontinuities / 2 > durable.discontinuities
            || presentation.initCount != durable.initCount || presentation.hasMedia != durable.hasMedia
        {
            save()
        }
    }

    func release(_ number: UInt64, end: PublishEnd) {
        guard let publisher, publisher.grant.number == number else { return }
        self.publisher = nil
        leaveTwin()
        guard let presentation else { return }
        presentation.publisherIsGone(at: LiveClock.now())
        noteNumbers()
        let waits: Bool =
            switch end {
            case .refused: false
            case .finished: settings.waitsAfterEnd
            case .lost, .unusable, .dismissed: true
            }
        guard waits, settings.reconnectWindow > .zero, presentation.hasMedia else {
            presentation.end()
            return save()
        }
        lostAt = .now()
        noteStalls()
        if book != nil { presentation.goOnBesideTwin() }
        save()
        logger.notice(
            "publisher lost, the playlist stays live", metadata: ["window": "\(settings.reconnectWindow)"])
    }

    /// Called often: lists gaps where media is missing.
    func keepAlive() {
        presentation?.keepAlive(at: LiveClock.now())
        noteNumbers()
        noteStalls()
    }

    func tick(at now: NIODeadline) {
        guard let presentation else { return }
        if let lostAt, now - lostAt >= TimeAmount(settings.reconnectWindow) {
            self.lostAt = nil
            logger.notice("publisher did not return", metadata: ["window": "\(settings.reconnectWindow)"])
            presentation.end()
            save()
        }
        presentation.tick(at: now)
        if presentation.isExpired {
            presentation.close()
            self.presentation = nil
        }
    }

    func stop() {
        publisher?.ticket.dismiss(reason: "the origin is stopping")
        publisher = nil
        lostAt = nil
        leaveTwin()
        guard let presentation, !presentation.hasEnded else { return }
        presentation.publisherIsGone(at: LiveClock.now())
        noteNumbers()
        if keeper != nil, settings.reconnectWindow > .zero, presentation.hasMedia {
            // The next origin goes on with it.
            save()
            presentation.interrupt()
        } else {
            presentation.end()
        }
    }

    /// Seconds from 1970 to 2025: numbers count from there.
    private static let sequenceEpoch: Int64 = 1_735_689_600

    /// A token of this publish for media URIs, so that no cache serves an older stream under a reused name.
    static func epochToken() -> String {
        String(UInt64(bitPattern: WallClock.now()), radix: 36)
    }
}

/// Counts of one channel since the origin's start.
struct ChannelCounters {
    var publishes: UInt64 = 0
    /// Frames that came too late to be listed.
    private(set) var unlistedFrames: [MediaKind: UInt64] = [:]
    /// Seconds that were listed as gaps.
    private(set) var gapSeconds: [MediaKind: Double] = [:]

    mutating func add(gapSeconds seconds: [MediaKind: Double]) { gapSeconds.merge(seconds, uniquingKeysWith: +) }

    mutating func add(_ stall: StallReport) {
        unlistedFrames[stall.kind, default: 0] += UInt64(stall.unlistedFrames)
    }
}
