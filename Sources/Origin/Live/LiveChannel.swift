import HLS
import Logging
import Media
import NIOCore
import Node
import Wire

/// One channel: its publisher, and the presentation that viewers see.
final class LiveChannel {
    let settings: ChannelSettings
    private let logger: Logger
    private let index: ParkingIndex
    /// Requests that wait for this channel.
    let holds: ChannelHolds
    private let push: ChannelPush?
    private var publisher: (grant: PublishGrant, ticket: PublishTicket)?
    private(set) var presentation: Presentation?
    /// Since when the presentation has been without a publisher.
    private var lostAt: NIODeadline?
    private var nextSequence: Int64 = 0
    private var discontinuities: Int64 = 0
    /// When the first request of viewers could be answered, and how long after the publish began.
    private(set) var counters = ChannelCounters()

    init(settings: ChannelSettings, index: ParkingIndex, push: ChannelPush?, logger: Logger) {
        self.push = push
        self.index = index
        holds = ChannelHolds(limit: settings.parkedRequests)
        self.settings = settings
        var logger = logger
        logger[metadataKey: "channel"] = "\(settings.name)"
        self.logger = logger
    }

    var isLive: Bool { publisher != nil }

    // MARK: Publisher

    func claim(number: UInt64, ticket: PublishTicket) throws(PublishRefusal) -> PublishGrant {
        if let publisher {
            guard settings.policy == .takeover else { throw .alreadyLive(channel: settings.name) }
            logger.notice("publisher replaced", metadata: ["reason": "takeover"])
            self.publisher = nil
            publisher.ticket.dismiss(reason: "another publisher took the channel over")
        }
        let grant = resume(number: number) ?? begin(number: number)
        publisher = (grant, ticket)
        counters.publishes += 1
        return grant
    }

    /// The presentation is still live: the publisher goes on in it.
    private func resume(number: UInt64) -> PublishGrant? {
        guard let presentation, !presentation.hasEnded, presentation.hasMedia else { return nil }
        if let lostAt {
            let away = Duration.nanoseconds((NIODeadline.now() - lostAt).nanoseconds)
            logger.notice("publisher returned", metadata: ["after": "\(away)"])
        }
        lostAt = nil
        return PublishGrant(
            channel: settings.name, number: number, packaging: settings.packaging,
            firstSequence: presentation.nextSequence, continuation: presentation.resume())
    }

    private func begin(number: UInt64) -> PublishGrant {
        lostAt = nil
        // Numbers rise with the clock, so that they do not go back when the origin restarts: no channel cuts more
        // than one segment a second, and a second is what the number grows by while nothing is cut.
        let fromClock = WallClock.now() / 1_000_000 - Self.sequenceEpoch
        let first = max(nextSequence, fromClock)
        let grant = PublishGrant(
            channel: settings.name, number: number, packaging: settings.packaging, firstSequence: first,
            continuation: nil)
        nextSequence = first + 1
        presentation?.close()
        presentation = Presentation(
            settings: settings, epoch: Self.epochToken(), firstSequence: first,
            discontinuitySequence: discontinuities, index: index, push: push, logger: logger)
        noteNumbers()
        return grant
    }

    func apply(_ events: [PackagerEvent], of grant: PublishGrant) {
        guard let publisher, publisher.grant.number == grant.number, let presentation else { return }
        for event in events {
            if case .refused(let reason) = event { publisher.ticket.dismiss(reason: "\(reason)") }
        }
        presentation.apply(events, at: LiveClock.now())
        noteNumbers()
    }

    /// No later presentation may use a number again.
    private func noteNumbers() {
        guard let presentation else { return }
        nextSequence = max(nextSequence, presentation.nextSequence)
        discontinuities = max(discontinuities, presentation.discontinuities + 1)
    }

    func release(_ grant: PublishGrant, end: PublishEnd) {
        guard let publisher, publisher.grant.number == grant.number else { return }
        self.publisher = nil
        guard let presentation else { return }
        let waits: Bool =
            switch end {
            case .refused: false
            case .finished: settings.waitsAfterEnd
            case .lost: true
            }
        guard waits, settings.reconnectWindow > .zero, presentation.hasMedia else { return presentation.end() }
        lostAt = .now()
        logger.notice(
            "publisher lost, the playlist stays live", metadata: ["window": "\(settings.reconnectWindow)"])
    }

    /// Called often: lists gaps where media is missing.
    func keepAlive() {
        presentation?.keepAlive(at: LiveClock.now())
        noteNumbers()
    }

    func tick(at now: NIODeadline) {
        guard let presentation else { return }
        if let lostAt, now - lostAt >= TimeAmount(settings.reconnectWindow) {
            self.lostAt = nil
            logger.notice("publisher did not return", metadata: ["window": "\(settings.reconnectWindow)"])
            presentation.end()
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
        presentation?.end()
    }

    /// Seconds from 1970 to 2025: numbers count from there.
    private static let sequenceEpoch: Int64 = 1_735_689_600

    /// A token of this publish for media URIs, so that no cache serves an older stream under a reused name.
    private static func epochToken() -> String {
        String(UInt64(bitPattern: WallClock.now()), radix: 36)
    }
}

/// Counts of one channel since the origin's start.
struct ChannelCounters {
    var publishes: UInt64 = 0
}
