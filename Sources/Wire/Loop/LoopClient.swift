import HTTP
import NIOCore

/// The asking end of a link between two event loops of a process: to its owner an upstream like any other.
///
/// Heads and bodies cross as values, in batches: nothing is written, parsed or copied.
package final class LoopClient: Upstream, FetchCarrier {
    package let address: UpstreamAddress
    package weak var observer: (any UpstreamObserver)?
    private let requests: LoopMailbox<LoopRequest>
    private var state = LoopState(isConnected: false, offersPush: false, awayReason: "starting")
    private var fetches: [Int32: Fetch] = [:]
    private var lastStream: Int32 = -1
    /// Nothing crosses to the other loop any more, which may end.
    private var isStopped = false

    fileprivate init(requests: LoopMailbox<LoopRequest>) {
        self.requests = requests
        address = UpstreamAddress(isSecure: false, host: "loop", port: 80)
    }

    package var isConnected: Bool { state.isConnected }
    package var offersPush: Bool { state.offersPush }
    package var awayReason: String? { state.isConnected ? nil : state.awayReason }

    package func warmUp() {}
    /// The other end is in this process: it is there.
    package func probe() {}

    package func stop() {
        post(.close)
        isStopped = true
        let lost = fetches.values
        fetches = [:]
        for fetch in lost { fetch.fail(.connectionLost) }
    }

    private func post(_ request: LoopRequest) {
        if !isStopped { requests.post(request) }
    }

    /// The loop that is asked ends what takes too long; there is no deadline here.
    package func fetch(
        _ request: RequestHead, body: ByteBuffer, receiver: any FetchReceiver, longLived: Bool
    ) -> Fetch {
        let fetch = Fetch(request: request, body: body, receiver: receiver, deadline: .distantFuture)
        repeat { lastStream = lastStream > Int32.max - 2 ? 1 : lastStream + 2 } while fetches[lastStream] != nil
        carry(fetch, lastStream)
        post(.fetch(stream: lastStream, request, body: body))
        return fetch
    }

    private func carry(_ fetch: Fetch, _ stream: Int32) {
        fetch.state = .sent
        fetch.carrier = self
        fetch.stream = stream
        fetches[stream] = fetch
    }

    func abandon(_ fetch: Fetch) {
        guard fetches.removeValue(forKey: fetch.stream) != nil else { return }
        post(.cancel(stream: fetch.stream))
    }

    func pauseChanged(_ fetch: Fetch) {
        post(.pause(stream: fetch.stream, fetch.isPaused))
    }

    fileprivate func receive(_ answers: [LoopAnswer]) {
        for answer in answers {
            switch answer {
            case .state(let new): change(to: new)
            case .interim(let stream, let head): fetches[stream]?.received(interim: head)
            case .head(let stream, let head): fetches[stream]?.received(head)
            case .bytes(let stream, let bytes): fetches[stream]?.received(bytes)
            case .end(let stream): fetches.removeValue(forKey: stream)?.end()
            case .failed(let stream): fetches.removeValue(forKey: stream)?.fail(.connectionLost)
            case .promise(let parent, let stream, let request): promised(request, stream, on: parent)
            }
        }
    }

    private func promised(_ request: RequestHead, _ stream: Int32, on parent: Int32) {
        guard let receiver = fetches[parent]?.promised(request) else { return post(.cancel(stream: stream)) }
        carry(Fetch(request: request, body: ByteBuffer(), receiver: receiver, deadline: .distantFuture), stream)
    }

    private func change(to new: LoopState) {
        let old = state
        state = new
        if new.offersPush != old.offersPush { observer?.upstream(self, offersPush: new.offersPush) }
    }
}

/// Links event loops of one process.
package enum LoopLink {
    /// The serving end, which lives on the loop that is asked.
    package struct Server: Sendable {
        private let connection: NIOLoopBoundBox<ServerConnection?>

        fileprivate init(_ connection: NIOLoopBoundBox<ServerConnection?>) { self.connection = connection }

        /// Tells the client, on the server's loop, what is known of the upstreams.
        package func tell(_ state: LoopState) { connection.value?.tell(state) }
    }

    /// Makes a client on `eventLoop`, where this is called. It asks the service that `service` tells on `other`.
    package static func make(
        from eventLoop: any EventLoop, to other: any EventLoop, _ service: @escaping @Sendable () -> HTTPService
    ) -> (client: LoopClient, server: Server) {
        let connection = NIOLoopBoundBox<ServerConnection?>.makeEmptyBox(eventLoop: other)
        let client = LoopClient(
            requests: LoopMailbox(from: eventLoop, to: other) { connection.value?.receive($0) })
        let bound = NIOLoopBound(client, eventLoop: eventLoop)
        other.execute {
            let service = service()
            connection.value = ServerConnection(
                responder: service.responder, registry: service.registry,
                answers: LoopMailbox(from: other, to: eventLoop) { bound.value.receive($0) }, eventLoop: other)
        }
        return (client, Server(connection))
    }
}
