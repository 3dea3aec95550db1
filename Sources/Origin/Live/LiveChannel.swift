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
            presentation?.end()
            publisher.ticket.dismiss(reason: "another publisher took the channel over")
        }
        // Numbers rise with the clock, so that they do not go back when the origin restarts: no channel cuts more
        // than one segment a second, and a second is what the number grows by while nothing is cut.
        let fromClock = WallClock.now() / 1_000_000 - Self.sequenceEpoch
        let first = max(nextSequence, fromClock)
        let grant = PublishGrant(
            channel: settings.name, number: number, packaging: settings.packaging, firstSequence: first)
        nextSequence = first + 1
        publisher = (grant, ticket)
        counters.publishes += 1
        presentation?.close()
        presentation = Presentation(
            settings: settings, epoch: Self.epochToken(), firstSequence: first,
            discontinuitySequence: discontinuities, index: index, push: push, logger: logger)
        discontinuities += 1
        return grant
    }

    func apply(_ events: [PackagerEvent], of grant: PublishGrant) {
        guard let publisher, publisher.grant.number == grant.number, let presentation else { return }
        for event in events {
            if case .refused(let reason) = event { publisher.ticket.dismiss(reason: "\(reason)") }
        }
        presentation.apply(events)
        nextSequence = max(nextSequence, presentation.nextSequence)
    }

    func release(_ grant: PublishGrant) {
        guard let publisher, publisher.grant.number == grant.number else { return }
        self.publisher = nil
        presentation?.end()
    }

    func tick(at now: NIODeadline) {
        guard let presentation else { return }
        presentation.tick(at: now)
        if presentation.isExpired {
            presentation.close()
            self.presentation = nil
        }
    }

    func stop() {
        publisher?.ticket.dismiss(reason: "the origin is stopping")
        publisher = nil
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
