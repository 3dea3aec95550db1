import HLS
import Logging
import Media
import NIOCore
import Wire

/// Every channel of an origin, on the data plane's loop: who may publish, what is live, who waits for it.
package final class ChannelHub {
    private let logger: Logger
    /// Every request that waits for media to come.
    let parking: ParkingIndex
    private var channels: [String: LiveChannel] = [:]
    private var channelOfKey: [String: String] = [:]
    /// The channels that publishes hold, by their tickets' numbers.
    private var held: [UInt64: String] = [:]
    /// Pushes what comes to be to the edges that subscribe to it.
    let push = ChannelPush()
    private let openChannel: (String) -> ChannelSettings?
    private let keeper: StateKeeper?
    private let book: EpochBook?
    private(set) var isStopping = false

    /// The RTMP application that publishers name: `rtmp://host/live/{key}`.
    private static let application = "live"

    /// `openChannel` gives settings for a key that the configuration does not name, where that is allowed.
    init(
        channels settings: [ChannelSettings], openChannel: @escaping (String) -> ChannelSettings?,
        parking: ParkingIndex, keeper: StateKeeper? = nil, book: EpochBook? = nil, logger: Logger
    ) {
        self.keeper = keeper
        self.book = book
        self.logger = logger
        self.parking = parking
        self.openChannel = openChannel
        for setting in settings {
            channels[setting.name] = LiveChannel(
                settings: setting, index: parking, push: push, keeper: keeper, book: book, logger: logger)
            for key in setting.keys { channelOfKey[key] = setting.name }
        }
        resumeOpened()
        push.hub = self
    }

    /// Channels that the configuration does not name, and that were live when the origin before this one stopped.
    private func resumeOpened() {
        for name in keeper?.names() ?? [] where channels[name] == nil {
            guard channel(forKey: name)?.presentation == nil else { continue }
            channels[name] = nil
            channelOfKey[name] = nil
        }
    }

    /// Other keys, and channels that were not there before. Keys that are gone open nothing any more; who publishes goes on.
    /// What else differs for a channel that is here is for the next start.
    func apply(_ settings: [ChannelSettings]) {
        channelOfKey = [:]
        for setting in settings {
            if channels[setting.name] == nil {
                channels[setting.name] = LiveChannel(
                    settings: setting, index: parking, push: push, keeper: keeper, book: book, logger: logger)
            }
            for key in setting.keys { channelOfKey[key] = setting.name }
        }
    }

    /// The channel of that name, live or not.
    func channel(_ name: some StringProtocol) -> LiveChannel? { channels[String(name)] }

    /// Whether somebody may publish to the channel of that name.
    func mayBeLive(_ name: some StringProtocol) -> Bool {
        channel(name) != nil || openChannel(String(name))?.name == String(name)
    }

    /// All channels by name, for metrics.
    var all: [LiveChannel] { channels.values.sorted { $0.settings.name < $1.settings.name } }

    // MARK: Publishing

    func claim(app: String, key: String, ticket: PublishTicket) throws(PublishRefusal) -> PublishGrant {
        if isStopping { throw .unavailable }
        guard app == Self.application else { throw .unknownApplication(app) }
        guard let channel = channel(forKey: key) else { throw .unknownKey }
        let grant = try channel.claim(ticket)
        held[ticket.number] = channel.settings.name
        return grant
    }

    private func channel(forKey key: String) -> LiveChannel? {
        if let name = channelOfKey[key] { return channels[name] }
        guard let settings = openChannel(key) else { return nil }
        let channel =
            channels[settings.name]
            ?? LiveChannel(settings: settings, index: parking, push: push, keeper: keeper, book: book, logger: logger)
        channels[settings.name] = channel
        channelOfKey[key] = settings.name
        return channel
    }

    func apply(_ events: [PackagerEvent], of grant: PublishGrant, cut: CutMark? = nil) {
        channels[grant.channel]?.apply(events, of: grant, cut: cut)
    }

    func join(_ handover: Handover, shift: UInt32, _ grant: PublishGrant) -> PublishGrant? {
        channels[grant.channel]?.join(handover, shift: shift, grant)
    }

    func fallBack(_ grant: PublishGrant, began: Int64) -> PublishGrant? {
        channels[grant.channel]?.fallBack(grant, began: began)
    }

    /// Takes back what the publish of that number was granted, if it was granted anything.
    func release(_ number: UInt64, end: PublishEnd) {
        guard let name = held.removeValue(forKey: number) else { return }
        channels[name]?.release(number, end: end)
    }

    /// Folders of media that the present presentations, or an origin after this one, go on with.
    var resumable: Set<String> { Set(channels.values.compactMap(\.resumable)) }

    // MARK: Time and end

    /// Called several times a second: answers holds that have lasted too long, frees what has expired.
    func tick(at now: NIODeadline) {
        for channel in channels.values { channel.tick(at: now) }
    }

    /// Called often: lists gaps where publishers stall.
    func keepAlive() {
        for channel in channels.values { channel.keepAlive() }
    }

    /// Ends every publish. Playlists that the next origin can go on with stay as they are, others get their ENDLIST;
    /// blocked requests get an answer.
    func stop() {
        isStopping = true
        for channel in channels.values { channel.stop() }
    }
}

/// What the configuration says of one channel.
package struct ChannelSettings: Sendable {
    /// What happens when a second publisher comes with the same channel's key.
    package enum Policy: Sendable { case refuse, takeover }

    package let name: String
    package let keys: [String]
    package let policy: Policy
    package let packaging: PackagerConfiguration
    /// Length of the listed window.
    package let window: Duration

    /// What may not change within an epoch (RFC 8216bis, 6.2.1), as text.
    var fingerprint: String {
        "part target \(packaging.partTarget), target duration \(packaging.targetDurationSeconds) s, window \(window)"
    }

    /// Requests held at once on this channel.
    package let parkedRequests: Int
    /// How long the playlist stays live without a publisher; zero ends it with the publish.
    package let reconnectWindow: Duration
    /// A publisher that takes its leave may come back too.
    package let waitsAfterEnd: Bool
    package var storage = StorageSettings()

    package init(
        name: String, keys: [String], policy: Policy, packaging: PackagerConfiguration, window: Duration,
        parkedRequests: Int, reconnectWindow: Duration = .seconds(60), waitsAfterEnd: Bool = false
    ) {
        self.name = name
        self.keys = keys
        self.policy = policy
        self.packaging = packaging
        self.window = window
        self.parkedRequests = parkedRequests
        self.reconnectWindow = reconnectWindow
        self.waitsAfterEnd = waitsAfterEnd
    }
}
