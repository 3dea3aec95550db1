import Cache
import HTTP
import NIOCore
import Relay
import Wire

/// What a node has to push. All calls come on the data plane's loop.
package protocol PushSource: AnyObject {
    /// Whether the channel is one that is pushed here to who asks on `exchange`; it need not be live.
    func offers(channel: String, to exchange: Exchange) -> Bool
    /// A subscriber wants these renditions from now on.
    func subscribed(to channel: String, renditions: Set<String>)
    /// What a new subscriber of a rendition needs before what comes next.
    func snapshot(channel: String, rendition: String, after held: RelayRequest.Held?) -> [RelayObject]
    /// The multivariant playlist as it stands, in each of its codings.
    func multivariants(channel: String) -> [RelayObject]
}

/// Takes subscriptions of edges and pushes them what they asked for. An origin and a shield have one each.
package final class PushDesk {
    /// The body of a subscription's answer: nothing, until it ends.
    private final class OpenBody: BodySource {
        var isEnded = false
        func next(limit: Int) -> BodyPiece { isEnded ? .end : .pending }
    }

    private struct Subscription {
        let channel: String
        var sender: RelaySender
        let body: OpenBody
    }

    /// A push whose body may still grow.
    private struct Push {
        let subscription: Exchange
        let object: RelayObject
        let follower: WaiterID
    }

    package struct Counters: Sendable {
        package var promised: UInt64 = 0
        package var sent: UInt64 = 0
        package var unsent: UInt64 = 0
        package var bytes: UInt64 = 0
        /// Subscriptions that ended because what they were pushed was not taken.
        package var undrained: UInt64 = 0
    }

    /// What the metrics tell of a desk: pushes to other nodes.
    package struct Figures: Sendable {
        package var subscriptions = 0
        package var counters = Counters()
        package init() {}

        /// Adds those of another desk of the same node.
        package mutating func add(_ other: Figures) {
            subscriptions += other.subscriptions
            counters.promised += other.counters.promised
            counters.sent += other.counters.sent
            counters.unsent += other.counters.unsent
            counters.bytes += other.counters.bytes
            counters.undrained += other.counters.undrained
        }
    }

    package weak var source: (any PushSource)?
    private var subscriptions: [Exchange: Subscription] = [:]
    private var subscribers: [String: [Exchange]] = [:]
    private var pushes: [Exchange: Push] = [:]
    /// Pushes of bodies that still grow.
    private var growing: [ObjectIdentifier: [Exchange]] = [:]
    /// Subscriptions that have more to push than their connections have room for, by connection.
    private var crowded: [ObjectIdentifier: [Exchange]] = [:]
    /// Followers' names: far from those that a node gives its viewers.
    private var lastFollower: WaiterID = 1 << 62
    private var counters = Counters()

    package init() {}

    package var figures: Figures {
        var figures = Figures()
        figures.subscriptions = subscriptions.keys.count { !$0.isLoop }
        figures.counters = counters
        return figures
    }

    /// The renditions of a channel that some subscriber wants.
    package func wanted(of channel: String) -> Set<String> {
        (subscribers[channel] ?? []).reduce(into: []) { $0.formUnion(subscriptions[$1]?.sender.wants ?? []) }
    }

    // MARK: Subscriptions

    /// Answers if the request is a subscription. Returns false when it is something else.
    package func respond(to request: RequestHead, on exchange: Exchange) -> Bool {
        guard RelayRequest.isRelay(request.target) else { return false }
        guard let source, request.method == .get, let asked = RelayRequest(request) else {
            refuse(exchange, status: 400, "A subscription is GET /relay/v1/{channel}?{rendition}={held}.")
            return true
        }
        guard exchange.takesPush else {
            refuse(exchange, status: 400, "Pushes need HTTP/2 and a client that has not switched them off.")
            return true
        }
        guard source.offers(channel: asked.channel, to: exchange) else {
            refuse(exchange, status: 404, "No such channel is pushed here.")
            return true
        }
        subscribe(exchange, asked, source)
        return true
    }

    private func refuse(_ exchange: Exchange, status: UInt16, _ detail: String) {
        let problem = Problem(name: "not-relayed", title: "Not relayed", status: status, detail: detail)
        exchange.respond(problem.head, body: .bytes(problem.body))
    }

    private func subscribe(_ exchange: Exchange, _ asked: RelayRequest, _ source: any PushSource) {
        for earlier in subscribers[asked.channel] ?? []
        where earlier.connectionIdentity == exchange.connectionIdentity { end(earlier) }
        var subscription = Subscription(
            channel: asked.channel, sender: RelaySender(wants: Set(asked.wants.keys)), body: OpenBody())
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", RelayRequest.contentType)
        head.fields.append("cache-control", "no-store")
        exchange.respond(head, body: .stream(subscription.body, length: nil))
        source.subscribed(to: asked.channel, renditions: subscription.sender.wants)
        for multivariant in source.multivariants(channel: asked.channel) { subscription.sender.offer(multivariant) }
        for (rendition, held) in asked.wants.sorted(by: { $0.key < $1.key }) {
            for object in source.snapshot(channel: asked.channel, rendition: rendition, after: held) {
                subscription.sender.offer(object)
            }
        }
        subscriptions[exchange] = subscription
        subscribers[asked.channel, default: []].append(exchange)
        advance(exchange)
    }

    private func end(_ exchange: Exchange) {
        guard let subscription = forget(exchange) else { return }
        subscription.body.isEnded = true
        exchange.resume()
    }

    /// The subscriber does not take what it asked for: the subscription ends, and so does what was pushed for it.
    private func drop(_ exchange: Exchange) {
        guard subscriptions[exchange] != nil else { return }
        if !exchange.isLoop { counters.undrained += 1 }
        end(exchange)
        for push in pushes.filter({ $0.value.subscription == exchange }).keys { push.abort() }
    }

    @discardableResult
    private func forget(_ exchange: Exchange) -> Subscription? {
        guard let subscription = subscriptions.removeValue(forKey: exchange) else { return nil }
        if crowded[exchange.connectionIdentity] != nil {
            crowded[exchange.connectionIdentity]?.removeAll { $0 == exchange }
            if crowded[exchange.connectionIdentity]?.isEmpty == true { crowded[exchange.connectionIdentity] = nil }
        }
        subscribers[subscription.channel]?.removeAll { $0 == exchange }
        if subscribers[subscription.channel]?.isEmpty == true { subscribers[subscription.channel] = nil }
        return subscription
    }

    /// The channel is not pushed here any more.
    package func end(channel: String) {
        for exchange in subscribers[channel] ?? [] { end(exchange) }
    }

    /// The node stops: subscribers look for another. Its own event loops go on while they have viewers.
    package func endAll() {
        for exchange in Array(subscriptions.keys) where !exchange.isLoop { end(exchange) }
    }

    /// The subscriber has gone, or wants no more.
    package func cancelled(_ exchange: Exchange) { forget(exchange) }

    // MARK: Pushes

    /// Something of a channel has come to be, or has begun to.
    package func publish(_ object: RelayObject, channel: String) {
        for exchange in subscribers[channel] ?? [] {
            subscriptions[exchange]?.sender.offer(object)
            advance(exchange)
        }
    }

    private func advance(_ exchange: Exchange) {
        while exchange.hasRoomForPush {
            guard let object = subscriptions[exchange]?.sender.next() else { break }
            push(object, on: exchange)
        }
        guard let queued = subscriptions[exchange]?.sender.queuedCount, queued > 0 else { return }
        if subscriptions[exchange]?.sender.isOverrun == true { return drop(exchange) }
        guard !exchange.hasRoomForPush else { return }
        let connection = exchange.connectionIdentity
        if crowded[connection]?.contains(exchange) != true { crowded[connection, default: []].append(exchange) }
    }

    /// A push of this connection has ended: others have room.
    private func advanceCrowded(_ connection: ObjectIdentifier) {
        for exchange in crowded.removeValue(forKey: connection) ?? [] { advance(exchange) }
    }

    private func push(_ object: RelayObject, on exchange: Exchange) {
        let isGrowing = !object.body.isComplete
        lastFollower += 1
        let body: ResponseBody
        if isGrowing {
            object.body.follow(lastFollower)
            let length = object.head.fields.first("content-length")?.decimalValue
            body = .stream(SharedBodySource(object.body), length: length)
        } else {
            body = .slices(object.body.chunks)
        }
        var head = object.head
        head.fields.remove("content-length")
        guard let push = exchange.push(object.promise, head: head, body: body) else {
            object.body.leave(lastFollower)
            // It is over, or costs more pushes in a second than it may.
            return end(exchange)
        }
        if !push.isLoop { counters.promised += 1 }
        pushes[push] = Push(subscription: exchange, object: object, follower: lastFollower)
        if isGrowing { growing[ObjectIdentifier(object.body), default: []].append(push) }
    }

    /// The body of an object that was published has grown, ended or failed.
    package func grew(_ object: RelayObject) {
        let key = ObjectIdentifier(object.body)
        let waiting = object.body.isComplete || object.body.isFailed ? growing.removeValue(forKey: key) : growing[key]
        for push in waiting ?? [] { push.resume() }
    }

    package func pushEnded(_ push: Exchange, wasSent: Bool) {
        guard let ended = pushes.removeValue(forKey: push) else { return }
        if !push.isLoop { count(ended.object, wasSent: wasSent) }
        ended.object.body.leave(ended.follower)
        let key = ObjectIdentifier(ended.object.body)
        if growing[key] != nil {
            growing[key]?.removeAll { $0 == push }
            if growing[key]?.isEmpty == true { growing[key] = nil }
        }
        if subscriptions[ended.subscription] != nil {
            subscriptions[ended.subscription]?.sender.ended()
            advance(ended.subscription)
        }
        advanceCrowded(push.connectionIdentity)
    }

    /// The subscriber has stopped to take a push.
    package func pushStalled(_ push: Exchange) {
        if let stalled = pushes[push] { drop(stalled.subscription) }
    }

    private func count(_ object: RelayObject, wasSent: Bool) {
        guard wasSent else { return counters.unsent += 1 }
        counters.sent += 1
        counters.bytes += UInt64(object.body.byteCount)
    }
}
