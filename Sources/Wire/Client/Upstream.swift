import HTTP
import NIOCore

/// The way to one upstream, used on one event loop.
package protocol Upstream: AnyObject {
    /// Its name in logs and metrics.
    var address: UpstreamAddress { get }
    var observer: (any UpstreamObserver)? { get set }
    /// Whether fetches have somewhere to go now.
    var isConnected: Bool { get }
    /// Whether the upstream has said that it pushes on request.
    var offersPush: Bool { get }
    /// Why there is no connection, for operators; nil while there is one.
    var awayReason: String? { get }
    /// Asks for `request`. One that is `longLived` has no deadline. The receiver hears nothing before this has returned.
    func fetch(
        _ request: RequestHead, body: ByteBuffer, receiver: any FetchReceiver, longLived: Bool
    ) -> Fetch
    /// Asks for a sign of life.
    func probe()
    /// Connects before the first fetch asks for it, and keeps trying.
    func warmUp()
    /// Fetches under way fail, and nothing more is sent.
    func stop()
}

extension Upstream {
    package func fetch(
        _ request: RequestHead, body: ByteBuffer = ByteBuffer(), receiver: any FetchReceiver, longLived: Bool = false
    ) -> Fetch {
        fetch(request, body: body, receiver: receiver, longLived: longLived)
    }
}

/// Hears of an upstream's coming and going, for logs and metrics.
package protocol UpstreamObserver: AnyObject {
    func upstreamConnected(_ upstream: any Upstream, isHTTP2: Bool)
    /// Pushes are not offered any more. `retryIn` says when the next attempt is made.
    func upstreamAway(_ upstream: any Upstream, reason: String, retryIn: Duration)
    /// The upstream has said that it pushes on request, or does not any more.
    func upstream(_ upstream: any Upstream, offersPush: Bool)
}

extension UpstreamObserver {
    package func upstream(_ upstream: any Upstream, offersPush: Bool) {}
}

/// What carries a fetch.
protocol FetchCarrier: AnyObject {
    /// Nobody wants the answer any more.
    func abandon(_ fetch: Fetch)
    func pauseChanged(_ fetch: Fetch)
}
