import HTTP
import NIOCore
import Wire

/// Asks an upstream that was left whether it answers again. Any answer will do: not every server has this path.
final class UpstreamProbe: FetchReceiver {
    let deadline: ContinuousClock.Instant
    private let upstream: Int
    private weak var upstreams: UpstreamSet?
    private weak var fetch: Fetch?

    init(upstream: Int, upstreams: UpstreamSet, deadline: ContinuousClock.Instant) {
        self.upstream = upstream
        self.upstreams = upstreams
        self.deadline = deadline
    }

    func start(_ client: any Upstream) {
        fetch = client.fetch(RequestHead(target: HTTPBytes("/healthz")), receiver: self)
    }

    func cancel() { fetch?.cancel() }

    func fetch(_ fetch: Fetch, received head: ResponseHead) { upstreams?.probed(upstream, isThere: true) }
    func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {}
    func fetchEnded(_ fetch: Fetch) {}
    func fetch(_ fetch: Fetch, failed failure: FetchFailure) { upstreams?.probed(upstream, isThere: false) }
}
