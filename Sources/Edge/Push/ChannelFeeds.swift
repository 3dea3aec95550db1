import Cache
import HLS
import HTTP
import Logging
import NIOCore
import Node
import Relay
import Wire

/// Every channel that upstreams push to this edge, and that it pushes on.
final class ChannelFeeds: PushSource {
    private final class Feed {
        var receiver: RelayReceiver
        var choice: FeedChoice
        var subscriptions: [SourceID: FeedSubscription] = [:]
        /// What the subscriptions ask for.
        var wanted: Set<String> = []
        /// A change of what is wanted waits for the moment in which the next rendition is asked for too.
        var isRenewing = false
        /// Pushes under way.
        var fills: [PushID: PushedFill] = [:]

        init(channel: String, limits: RelayReceiver.Limits, upstreams: Int) {
            receiver = RelayReceiver(channel: channel, limits: limits)
            choice = FeedChoice(count: upstreams)
        }
    }

    weak var edge: EdgeResponder?
    let desk = PushDesk()
    private let upstreams: UpstreamSet
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let limits: RelayReceiver.Limits
    private let offers: Bool
    private let grace: Duration
    private var feeds: [String: Feed] = [:]
    private var retired = RelayCounters()
    private var clock: RepeatedTask?
    private var lastSweep = ContinuousClock.now

    /// Answers that are given without a pause.
    private static let batch = 256
    private static let channelLimit = 1_024
    private static let tickEvery = TimeAmount.milliseconds(25)
    /// A player asks for all of its renditions within this time.
    private static let gather = TimeAmount.milliseconds(20)

    init(settings: EdgeSettings, upstreams: UpstreamSet, eventLoop: any EventLoop, logger: Logger) {
        self.upstreams = upstreams
        self.eventLoop = eventLoop
        self.logger = logger
        offers = settings.offersPush
        grace = settings.pushGrace
        var limits = RelayReceiver.Limits()
        limits.objectBytes = settings.objectBytes
        limits.holds = settings.parkedRequests
        self.limits = limits
        desk.source = self
        upstreams.feeds = self
        let bound = NIOLoopBound(Weak(feeds: self), eventLoop: eventLoop)
        clock = eventLoop.scheduleRepeatedTask(initialDelay: Self.tickEvery, delay: Self.tickEvery) { task in
            guard let feeds = bound.value.feeds else { return task.cancel() }
            feeds.tick()
        }
    }

    private struct Weak { weak var feeds: ChannelFeeds? }

    func stop() { clock?.cancel() }

    // MARK: Figures

    var channelCount: Int { feeds.count }
    var storedBytes: Int { feeds.values.reduce(0) { $0 + $1.receiver.storedBytes } }
    var counters: RelayCounters {
        feeds.values.reduce(into: retired) { $0.add($1.receiver.counters) }
    }

    // MARK: Viewers

    /// Decides a viewer's request by what was pushed.
    func ask(_ request: RequestHead, waiter: WaiterID) -> RelayDecision {
        guard !feeds.isEmpty, let (channel, target) = LiveTarget.read(path: request.path), let feed = feeds[channel]
        else { return .pull }
        if let rendition = target.rendition { touch(rendition, of: feed) }
        let directives: Result<DeliveryDirectives, DirectiveError>
        do throws(DirectiveError) {
            directives = .success(try DeliveryDirectives.parse(query: request.query ?? []))
        } catch {
            directives = .failure(error)
        }
        return feed.receiver.ask(
            target, path: request.path, directives: directives,
            takesGzip: ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip, waiter: waiter, at: .now,
            canPull: upstreams.isConnected)
    }

    /// Twice the part target of the request's channel, and no less than a second.
    func patience(for request: RequestHead) -> Duration {
        let channel = LiveTarget.read(path: request.path)?.channel
        return max((channel.flatMap { feeds[$0]?.receiver.partTarget } ?? .milliseconds(500)) * 2, .seconds(1))
    }

    func leave(_ waiter: WaiterID, channel: String) { feeds[channel]?.receiver.leave(waiter) }

    /// A viewer was answered by the pull path: the rendition is one that there is, and is pushed from now on.
    func served(_ request: RequestHead) {
        guard upstreams.offersPush,
            let (channel, target) = LiveTarget.read(path: request.path), let rendition = target.rendition
        else { return }
        if let feed = feed(channel) { touch(rendition, of: feed) }
    }

    private func feed(_ channel: String) -> Feed? {
        if let feed = feeds[channel] { return feed }
        guard feeds.count < Self.channelLimit else { return nil }
        let feed = Feed(channel: channel, limits: limits, upstreams: upstreams.clients.count)
        feeds[channel] = feed
        // Who waits for someone to push finds nobody subscribed yet: `renew` does that, when it is known what is wanted.
        return feed
    }

    private func touch(_ rendition: String, of feed: Feed) {
        if feed.receiver.touch(rendition, at: .now) { renewSoon(feed) }
    }

    // MARK: Subscriptions

    private func renewSoon(_ feed: Feed) {
        guard !feed.isRenewing else { return }
        feed.isRenewing = true
        let bound = NIOLoopBound((self, feed), eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.gather) {
            let (feeds, feed) = bound.value
            feed.isRenewing = false
            feeds.renew(feed)
        }
    }

    /// Asks for what is wanted now. The first time, upstreams are chosen.
    private func renew(_ feed: Feed) {
        guard feeds[feed.receiver.channel] === feed else { return }
        let wanted = feed.receiver.wanted(since: .now - grace)
        guard wanted != feed.wanted, !wanted.isEmpty else { return }
        feed.wanted = wanted
        var effects: [FeedChoice.Effect] = []
        for (index, client) in upstreams.clients.enumerated() where client.offersPush {
            feed.choice.offers(index, true, at: .now, effects: &effects)
        }
        let isFirst = effects.contains { if case .subscribe = $0 { true } else { false } }
        perform(effects, for: feed)
        if !isFirst { for subscription in feed.subscriptions.values { ask(subscription, feed) } }
    }

    private func ask(_ subscription: FeedSubscription, _ feed: Feed) {
        subscription.ask(feed.receiver.request(for: feed.wanted), of: upstreams.clients[subscription.source])
    }

    private func perform(_ effects: [FeedChoice.Effect], for feed: Feed) {
        for effect in effects {
            switch effect {
            case .subscribe(let source):
                let subscription = FeedSubscription(channel: feed.receiver.channel, source: source, feeds: self)
                feed.subscriptions[source] = subscription
                ask(subscription, feed)
            case .unsubscribe(let source):
                feed.subscriptions.removeValue(forKey: source)?.cancel()
                receive(feed) { receiver, now, effects in receiver.closed(source, at: now, effects: &effects) }
            case .probe(let source):
                upstreams.clients[source].probe()
            case .moved(let old, let new):
                guard let old else { break }
                upstreams.wasLeft(old)
                logger.notice(
                    "channel moved to another upstream",
                    metadata: [
                        "channel": "\(feed.receiver.channel)", "from": "\(upstreams.clients[old].address)",
                        "upstream": "\(upstreams.clients[new].address)",
                    ])
            }
        }
    }

    /// An upstream's connection has begun to offer pushes, or is gone.
    func upstream(_ source: SourceID, offersPush: Bool) {
        for feed in Array(feeds.values) where !feed.wanted.isEmpty {
            var effects: [FeedChoice.Effect] = []
            feed.choice.offers(source, offersPush, at: .now, effects: &effects)
            if !offersPush { end(source, of: feed) }
            perform(effects, for: feed)
        }
    }

    private func end(_ source: SourceID, of feed: Feed) {
        guard let subscription = feed.subscriptions.removeValue(forKey: source) else { return }
        subscription.cancel()
        receive(feed) { receiver, now, effects in receiver.closed(source, at: now, effects: &effects) }
    }

    func opened(_ subscription: FeedSubscription) {
        guard let feed = feeds[subscription.channel], feed.subscriptions[subscription.source] === subscription
        else { return }
        feed.receiver.opened(subscription.source)
    }

    func closed(_ subscription: FeedSubscription, isRefused: Bool) {
        guard let feed = feeds[subscription.channel], feed.subscriptions[subscription.source] === subscription
        else { return }
        end(subscription.source, of: feed)
        var effects: [FeedChoice.Effect] = []
        feed.choice.closed(subscription.source, isRefused: isRefused, at: .now, effects: &effects)
        perform(effects, for: feed)
    }

    // MARK: Pushes

    func promised(_ request: RequestHead, to subscription: FeedSubscription) -> (any FetchReceiver)? {
        guard let feed = feeds[subscription.channel], feed.subscriptions[subscription.source] === subscription
        else { return nil }
        var id: PushID?
        if edge?.holds(request, for: feed.receiver.channel) != true {
            receive(feed) { receiver, now, effects in
                id = receiver.promised(request, from: subscription.source, at: now, effects: &effects)
            }
        }
        var effects: [FeedChoice.Effect] = []
        feed.choice.promised(by: subscription.source, isNew: id != nil, at: .now, effects: &effects)
        perform(effects, for: feed)
        guard let id, feed.subscriptions[subscription.source] === subscription else { return nil }
        let fill = PushedFill(id: id, channel: subscription.channel, feeds: self)
        feed.fills[id] = fill
        edge?.pushBegan(request.target, of: subscription.channel)
        return fill
    }

    func push(
        _ id: PushID, of channel: String, isLast: Bool = false,
        _ body: (inout RelayReceiver, ContinuousClock.Instant, inout [RelayEffect]) -> Void
    ) {
        guard let feed = feeds[channel] else { return }
        if isLast { feed.fills[id] = nil }
        receive(feed, body)
    }

    /// The cache holds this already: it need not be pushed.
    func adopt(_ target: HTTPBytes, _ response: StoredResponse, channel: String) {
        guard let feed = feeds[channel] else { return }
        receive(feed) { receiver, now, effects in
            receiver.filled(target, head: response.head, body: response.body, at: now, effects: &effects)
        }
    }

    func fillFailed(_ target: HTTPBytes, channel: String) { feeds[channel]?.receiver.fillFailed(target) }

    private func receive(
        _ feed: Feed, _ body: (inout RelayReceiver, ContinuousClock.Instant, inout [RelayEffect]) -> Void
    ) {
        var effects: [RelayEffect] = []
        body(&feed.receiver, .now, &effects)
        let channel = feed.receiver.channel
        var answers: [(WaiterID, RelayAnswer)] = []
        for effect in effects {
            switch effect {
            case .answer(let waiter, let answer): answers.append((waiter, answer))
            case .refuse(let waiter, let refusal): edge?.refuse(waiter, refusal)
            case .pull(let waiter): edge?.pull(waiter)
            case .fill(let target): edge?.fill(target, channel: channel)
            case .cancel(let id): feed.fills.removeValue(forKey: id)?.cancel()
            case .grew(let object): desk.grew(object)
            case .publish(let object): desk.publish(object, channel: channel)
            case .warmed(let rendition): edge?.warmed(rendition, of: channel)
            }
        }
        release(answers[...])
    }

    /// Answers all who waited for the same, in batches: other connections have their turn in between.
    private func release(_ answers: ArraySlice<(WaiterID, RelayAnswer)>) {
        for (waiter, answer) in answers.prefix(Self.batch) { edge?.answer(waiter, answer) }
        let rest = answers.dropFirst(Self.batch)
        guard !rest.isEmpty else { return }
        let bound = NIOLoopBound((self, rest), eventLoop: eventLoop)
        eventLoop.execute {
            let (feeds, rest) = bound.value
            feeds.release(rest)
        }
    }

    // MARK: Time

    private func tick() {
        let now = ContinuousClock.now
        let canPull = upstreams.isConnected
        let sweeps = lastSweep.duration(to: now) >= .seconds(1)
        if sweeps { lastSweep = now }
        for (channel, feed) in feeds {
            receive(feed) { receiver, now, effects in receiver.tick(at: now, canPull: canPull, effects: &effects) }
            var effects: [FeedChoice.Effect] = []
            let expected = feed.receiver.isLive ? feed.receiver.partTarget : nil
            if !feed.wanted.isEmpty { feed.choice.tick(at: now, expected: expected, effects: &effects) }
            perform(effects, for: feed)
            if sweeps { sweep(channel, feed, at: now) }
        }
    }

    /// Lets go of renditions that nobody watches, and of channels that are none.
    private func sweep(_ channel: String, _ feed: Feed, at now: ContinuousClock.Instant) {
        for rendition in desk.wanted(of: channel) { _ = feed.receiver.touch(rendition, at: now) }
        let wanted = feed.receiver.wanted(since: now - grace)
        if wanted.isEmpty {
            var effects: [FeedChoice.Effect] = []
            feed.choice.stop(effects: &effects)
            perform(effects, for: feed)
            retired.add(feed.receiver.counters)
            feeds[channel] = nil
        } else if !feed.wanted.isSubset(of: wanted) {
            let gone = feed.wanted.subtracting(wanted)
            receive(feed) { receiver, _, effects in receiver.release(gone, effects: &effects) }
            renewSoon(feed)
        }
    }

    // MARK: Pushing on

    func offers(channel: String, to exchange: Exchange) -> Bool {
        (offers || exchange.isLoop) && upstreams.offersPush
    }

    func subscribed(to channel: String, renditions: Set<String>) {
        guard let feed = feed(channel) else { return }
        for rendition in renditions { touch(rendition, of: feed) }
    }

    func snapshot(channel: String, rendition: String, after held: RelayRequest.Held?) -> [RelayObject] {
        feeds[channel]?.receiver.snapshot(rendition, after: held) ?? []
    }

    func multivariants(channel: String) -> [RelayObject] { feeds[channel]?.receiver.multivariantObjects ?? [] }
}
