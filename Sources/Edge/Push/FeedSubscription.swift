import HTTP
import NIOCore
import Relay
import Wire

/// One channel's subscription at one upstream: the request that stays open, and what is pushed on it.
final class FeedSubscription: PushReceiver {
    let channel: String
    let source: SourceID
    private weak var feeds: ChannelFeeds?
    private var current: Fetch?
    private var isOpen = false

    init(channel: String, source: SourceID, feeds: ChannelFeeds) {
        self.channel = channel
        self.source = source
        self.feeds = feeds
    }

    /// Asks anew: the upstream lets the later request take the earlier one's place.
    func ask(_ request: RelayRequest, of client: any Upstream) {
        isOpen = false
        current = client.fetch(RequestHead(target: request.target), receiver: self, longLived: true)
    }

    func cancel() {
        let last = current
        current = nil
        last?.cancel()
    }

    func fetch(_ fetch: Fetch, promised request: RequestHead) -> (any FetchReceiver)? {
        feeds?.promised(request, to: self)
    }

    func fetch(_ fetch: Fetch, received head: ResponseHead) {
        guard fetch === current else { return }
        let isTaken = head.status == 200 && head.fields.first("content-type")?.text == RelayRequest.contentType
        if isTaken {
            isOpen = true
            feeds?.opened(self)
        } else {
            cancel()
            feeds?.closed(self, isRefused: true)
        }
    }

    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {}

    func fetchEnded(_ fetch: Fetch) {
        guard fetch === current else { return }
        current = nil
        feeds?.closed(self, isRefused: true)
    }

    func fetch(_ fetch: Fetch, failed failure: FetchFailure) {
        guard fetch === current else { return }
        current = nil
        feeds?.closed(self, isRefused: failure != .connectionLost)
    }
}

/// One push on its way into the channel's receiver.
final class PushedFill: FetchReceiver {
    let id: PushID
    private let channel: String
    private weak var feeds: ChannelFeeds?
    /// Set with the first call, to be cancelled by.
    private(set) weak var fetch: Fetch?
    /// Cancelled before its fetch was known.
    private var isCancelled = false

    init(id: PushID, channel: String, feeds: ChannelFeeds) {
        self.id = id
        self.channel = channel
        self.feeds = feeds
    }

    func cancel() {
        isCancelled = true
        fetch?.cancel()
    }

    func fetch(_ fetch: Fetch, received head: ResponseHead) {
        self.fetch = fetch
        if isCancelled { return fetch.cancel() }
        feeds?.push(id, of: channel) { receiver, now, effects in receiver.head(id, head, at: now, effects: &effects) }
    }

    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {
        feeds?.push(id, of: channel) { receiver, now, effects in receiver.body(id, bytes, at: now, effects: &effects) }
    }

    func fetchEnded(_ fetch: Fetch) {
        feeds?.push(id, of: channel, isLast: true) { receiver, now, effects in
            receiver.ended(id, at: now, effects: &effects)
        }
    }

    func fetch(_ fetch: Fetch, failed failure: FetchFailure) {
        feeds?.push(id, of: channel, isLast: true) { receiver, now, effects in
            receiver.failed(id, at: now, effects: &effects)
        }
    }
}
