import Media
import NIOCore
import RTMP
import Synchronization

/// Where a publisher asks for its channel: the one place that ingest loops and the data plane meet.
///
/// Every call may come from any ingest loop; the hub is touched on the data plane's loop alone.
package final class IngestGateway: Sendable {
    package let limits: RTMPLimits
    private let hub: NIOLoopBound<ChannelHub>
    private let dataPlane: any EventLoop

    package init(limits: RTMPLimits, hub: NIOLoopBound<ChannelHub>, dataPlane: any EventLoop) {
        self.limits = limits
        self.hub = hub
        self.dataPlane = dataPlane
    }

    /// Asks for the channel that the request's key opens. The answer fails with `PublishRefusal`.
    ///
    /// - Returns: the lease, which holds whatever the answer grants until it ends, before or after the answer.
    func claim(
        _ request: PublishRequest, ticket: PublishTicket
    ) -> (lease: PublishLease, answer: EventLoopFuture<PublishGrant>) {
        let answer = dataPlane.submit { [hub] in
            try hub.value.claim(app: request.app, key: request.streamKey, ticket: ticket)
        }
        return (PublishLease(number: ticket.number, gateway: self), answer)
    }

    /// Hands over what a publisher's packager made, in order.
    func deliver(_ events: [PackagerEvent], of grant: PublishGrant, cut: CutMark? = nil) {
        dataPlane.execute { [hub] in hub.value.apply(events, of: grant, cut: cut) }
    }

    /// Goes on where the twin origin stood at a cut; nil where that segment's number cannot be listed here.
    func join(_ handover: Handover, shift: UInt32, _ grant: PublishGrant) -> EventLoopFuture<PublishGrant?> {
        dataPlane.submit { [hub] in hub.value.join(handover, shift: shift, grant) }
    }

    /// Goes on without the twin origin. `began` is when the first frame came, in microseconds since 1970.
    func fallBack(_ grant: PublishGrant, began: Int64) -> EventLoopFuture<PublishGrant?> {
        dataPlane.submit { [hub] in hub.value.fallBack(grant, began: began) }
    }

    /// Gives a channel back. Called by leases alone.
    fileprivate func release(_ number: UInt64, end: PublishEnd) {
        dataPlane.execute { [hub] in hub.value.release(number, end: end) }
    }
}

/// A connection's hold on the channel that it asked for.
///
/// It is there before the answer, and what ends it does not wait for one: the data plane hears of the claim first and of
/// the end after it, so a grant never outlives its connection, in whatever order the connection hears of things.
final class PublishLease: Sendable {
    private let number: UInt64
    private let gateway: IngestGateway
    private let hasEnded = Atomic(false)

    init(number: UInt64, gateway: IngestGateway) {
        self.number = number
        self.gateway = gateway
    }

    /// Gives back what was granted, or will be; the first call counts.
    func end(_ end: PublishEnd) {
        guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
        gateway.release(number, end: end)
    }

    /// Nobody holds it any more.
    deinit { end(.lost) }
}

/// A publisher's handle on its connection, by which the origin can end the publish.
package final class PublishTicket: Sendable {
    private static let numbers = Atomic<UInt64>(0)

    /// Which publish of this process it is.
    let number: UInt64
    private let end: @Sendable (String) -> Void

    package init(end: @escaping @Sendable (String) -> Void) {
        number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        self.end = end
    }

    /// Ends the publish and says why to the publisher and the log.
    package func dismiss(reason: String) { end(reason) }
}

/// Leave to publish on a channel.
package struct PublishGrant: Sendable {
    package let channel: String
    /// Its ticket's number.
    package let number: UInt64
    package let packaging: PackagerConfiguration
    /// Number of the first segment, above every number that the channel has used.
    package let firstSequence: Int64
    /// Where an earlier publisher left the same presentation.
    package let continuation: PublishContinuation?
    /// Wall-clock time of the first frame, microseconds since 1970, where twin origins agreed on it.
    package let beganAt: Int64?
    /// Its place beside a twin origin; nil where there is none.
    var twin: TwinSeat?

    func makePackager() -> PublishPackager {
        PublishPackager(
            configuration: packaging, firstSequence: firstSequence, continuing: continuation, beganAt: beganAt)
    }
}

/// Why a publish is refused. The code is RTMP's, the description is for the person at the encoder.
package enum PublishRefusal: Error, Equatable, CustomStringConvertible {
    case unknownKey
    case unknownApplication(String)
    case alreadyLive(channel: String)
    case unavailable

    package var code: String {
        switch self {
        case .unknownKey, .alreadyLive: "NetStream.Publish.BadName"
        case .unknownApplication: "NetConnection.Connect.InvalidApp"
        case .unavailable: "NetStream.Publish.Failed"
        }
    }

    package var description: String {
        switch self {
        case .unknownKey: "The stream key is not known here. Check it against the origin's configuration."
        case .unknownApplication(let name): "There is no application \"\(name)\". Publish to rtmp://host/live/{key}."
        case .alreadyLive(let channel):
            "Channel \"\(channel)\" is live from another publisher. Stop that one, or set the channel's policy to takeover."
        case .unavailable: "The origin is stopping. Try again in a moment."
        }
    }
}
