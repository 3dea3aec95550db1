import HTTP
import NIOCore
import NIOPosix
import NIOSSL
import Wire

/// A viewer without a screen: asks over one HTTP/2 connection and waits for whole answers.
final class Viewer {
    struct Answer: Sendable {
        let status: UInt16
        let body: ByteBuffer
        /// When the last byte was here.
        let arrivedAt: NIODeadline
    }

    private let loop: any EventLoop
    private let client: NIOLoopBound<HTTPClient>

    /// `tls` trusts the server's certificate; nil in the clear.
    init(port: Int, tls: NIOSSLContext? = nil, on group: any EventLoopGroup) throws {
        let loop = group.next()
        self.loop = loop
        client = try loop.submit {
            var limits = ClientLimits()
            limits.responseTimeout = .seconds(120)
            limits.connectTimeout = .seconds(30)
            let client = HTTPClient(
                address: UpstreamAddress(isSecure: tls != nil, host: "127.0.0.1", port: port), tls: tls,
                limits: limits, eventLoop: loop)
            return NIOLoopBound(client, eventLoop: loop)
        }.wait()
    }

    /// Asks for a path and query; the answer comes when it is whole, however long the server holds it.
    func request(_ target: String) -> EventLoopFuture<Answer> {
        let promise = loop.makePromise(of: Answer.self)
        let client = client
        loop.execute {
            var head = RequestHead()
            head.target = HTTPBytes(target.utf8)
            _ = client.value.fetch(head, receiver: Receiver(promise))
        }
        return promise.futureResult
    }

    func get(_ target: String) throws -> Answer { try request(target).wait() }

    func stop() {
        let client = client
        loop.execute { client.value.stop() }
    }

    private final class Receiver: FetchReceiver {
        private let promise: EventLoopPromise<Answer>
        private var status: UInt16 = 0
        private var body = ByteBuffer()

        init(_ promise: EventLoopPromise<Answer>) { self.promise = promise }

        func fetch(_ fetch: Fetch, received head: ResponseHead) { status = head.status }
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { body.writeImmutableBuffer(bytes) }
        func fetchEnded(_ fetch: Fetch) {
            promise.succeed(Answer(status: status, body: body, arrivedAt: .now()))
        }
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) { promise.fail(failure) }
    }
}
