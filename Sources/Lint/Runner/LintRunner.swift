import HTTP
import NIOCore
import NIOSSL
import Wire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a lint speaks to servers.
package struct LintConnection: Sendable {
    /// PEM file of certificate authorities; nil for the system's.
    package var authorityPath: String?
    /// Whether certificates are verified.
    package var verifies = true
    /// Speaks HTTP/1.1 though the server may know HTTP/2.
    package var isHTTP1Only = false

    package init() {}
}

/// Performs a lint's requests over HTTP/1.1 or HTTP/2, one client for each server that the playlists name. It decides
/// nothing.
package final class LintRunner {
    private var session: LintSession
    private let connection: LintConnection
    private let loop: any EventLoop
    private let startedAt = NIODeadline.now()
    private var clients: [String: HTTPClient] = [:]
    private var fetches: [Int: Fetch] = [:]
    private var protocols: Set<String> = []
    private var clock: RepeatedTask?
    private var ticks = 0
    private let promise: EventLoopPromise<LintReport>
    private let tell: (String) -> Void

    /// Watches the stream at `url`; `tell` hears a line of progress about every second, on `loop`.
    package static func run(
        _ url: WebAddress, settings: LintSettings, connection: LintConnection, on loop: any EventLoop,
        tell: @escaping @Sendable (String) -> Void = { _ in }
    ) -> EventLoopFuture<LintReport> {
        loop.flatSubmit {
            let runner = LintRunner(url, settings, connection, loop, tell)
            runner.start()
            return runner.promise.futureResult
        }
    }

    private init(
        _ url: WebAddress, _ settings: LintSettings, _ connection: LintConnection, _ loop: any EventLoop,
        _ tell: @escaping (String) -> Void
    ) {
        self.connection = connection
        self.loop = loop
        self.tell = tell
        promise = loop.makePromise()
        session = LintSession(url: url, settings: settings, startedAt: Self.wallClock())
    }

    private static func wallClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    private var now: Duration { .nanoseconds((NIODeadline.now() - startedAt).nanoseconds) }

    private func start() {
        // The task holds the runner until the report is made.
        let bound = NIOLoopBound(self, eventLoop: loop)
        clock = loop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(50)) { _ in
            let runner = bound.value
            runner.perform(runner.session.tick(at: runner.now))
            runner.ticks += 1
            if runner.ticks % 20 == 0 { runner.tell(runner.session.progress) }
        }
        perform(session.begin())
    }

    private func perform(_ effects: [LintEffect]) {
        for effect in effects {
            switch effect {
            case .send(let request): send(request)
            case .cancel(let id): fetches.removeValue(forKey: id)?.cancel()
            case .finished: finish()
            }
        }
    }

    private func finish() {
        clock?.cancel()
        for fetch in fetches.values { fetch.cancel() }
        for client in clients.values { client.stop() }
        promise.succeed(session.report(protocols: protocols.sorted()))
    }

    // MARK: Requests

    private func send(_ request: LintRequest) {
        let client: HTTPClient
        do {
            client = try self.client(for: request.url)
        } catch {
            var answer = LintAnswer(id: request.id)
            answer.failure = "no connection: \(error)"
            return received(answer)
        }
        var head = RequestHead()
        head.target = HTTPBytes(request.url.target)
        head.fields.append("user-agent", "needletail-lint")
        head.fields.append("accept", "*/*")
        head.fields.append("origin", "https://needletail-lint.invalid")
        if request.acceptsGzip { head.fields.append("accept-encoding", "gzip") }
        if let range = request.range { head.fields.append("range", "bytes=\(range.lowerBound)-\(range.upperBound)") }
        fetches[request.id] = client.fetch(head, receiver: Collector(request.id, self))
    }

    private func client(for url: WebAddress) throws -> HTTPClient {
        let address = UpstreamAddress(isSecure: url.isSecure, host: url.host, port: url.port)
        if let known = clients[address.description] { return known }
        let tls =
            try url.isSecure
            ? TLSMaterial.client(
                authorityPath: connection.authorityPath, verifies: connection.verifies,
                protocols: connection.isHTTP1Only ? ["http/1.1"] : ["h2", "http/1.1"]) : nil
        var limits = ClientLimits()
        limits.clearHTTP2 = connection.isHTTP1Only ? .never : .whereOffered
        // The session itself tells when an answer is overdue.
        limits.responseTimeout = .seconds(120)
        let client = HTTPClient(address: address, tls: tls, limits: limits, eventLoop: loop)
        client.observer = self
        clients[address.description] = client
        return client
    }

    fileprivate func received(_ answer: LintAnswer) {
        guard fetches.removeValue(forKey: answer.id) != nil || answer.failure != nil else { return }
        perform(session.received(answer, at: now))
    }

    /// Gathers one answer and notes when its pieces came.
    private final class Collector: FetchReceiver {
        private var answer: LintAnswer
        private let runner: LintRunner

        init(_ id: Int, _ runner: LintRunner) {
            answer = LintAnswer(id: id)
            self.runner = runner
        }

        func fetch(_ fetch: Fetch, received head: ResponseHead) {
            answer.status = head.status
            answer.fields = head.fields
            answer.headAt = runner.now
        }

        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {
            answer.firstByteAt = answer.firstByteAt ?? runner.now
            guard answer.body.readableBytes < LintRunner.bodyLimit else { return }
            answer.body.writeImmutableBuffer(bytes)
        }

        func fetchEnded(_ fetch: Fetch) {
            answer.endAt = runner.now
            runner.received(answer)
        }

        func fetch(_ fetch: Fetch, failed failure: FetchFailure) {
            answer.failure = failure.description
            answer.isConnectionLost = failure == .connectionLost
            answer.endAt = runner.now
            runner.received(answer)
        }
    }

    /// No playlist or segment that is worth reading is larger.
    private static let bodyLimit = 256 << 20
}

extension LintRunner: UpstreamObserver {
    package func upstreamConnected(_ client: any Upstream, isHTTP2: Bool) {
        protocols.insert(isHTTP2 ? "HTTP/2" : "HTTP/1.1")
    }

    package func upstreamAway(_ client: any Upstream, reason: String, retryIn: Duration) {}
}
