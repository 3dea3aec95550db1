import HTTP
import NIOCore

/// Hears what becomes of a fetch, on the client's event loop. After `fetchEnded` or `fetchFailed` nothing more comes.
package protocol FetchReceiver: AnyObject {
    /// A 1xx answer; the final one follows.
    func fetch(_ fetch: Fetch, interim head: ResponseHead)
    func fetch(_ fetch: Fetch, received head: ResponseHead)
    func fetch(_ fetch: Fetch, received bytes: ByteBuffer)
    func fetchEnded(_ fetch: Fetch)
    func fetch(_ fetch: Fetch, failed failure: FetchFailure)
}

extension FetchReceiver {
    package func fetch(_ fetch: Fetch, interim head: ResponseHead) {}
}

/// A receiver that takes what the upstream pushes on its fetch.
package protocol PushReceiver: FetchReceiver {
    /// The upstream promises the answer to `request`. Return who hears of it, or nil to refuse it with CANCEL.
    func fetch(_ fetch: Fetch, promised request: RequestHead) -> (any FetchReceiver)?
}

/// Why a fetch brought no whole answer.
package enum FetchFailure: Error, Equatable, CustomStringConvertible {
    /// No connection could be made; the reason is the system's.
    case unreachable(String)
    /// The upstream is known to be away and the next attempt is not due yet.
    case backingOff
    /// The connection was lost before the answer was whole.
    case connectionLost
    /// The upstream reset the stream with this HTTP/2 error code.
    case reset(code: UInt32)
    /// The answer broke the protocol.
    case malformed(String)
    /// Nothing came within the time allowed.
    case timedOut
    /// Too many fetches wait for this upstream.
    case overloaded
    case cancelled

    package var description: String {
        switch self {
        case .unreachable(let reason): "cannot connect: \(reason)"
        case .backingOff: "the upstream is away and the next attempt is not due yet"
        case .connectionLost: "the connection was lost before the answer was whole"
        case .reset(let code): "the upstream reset the stream with HTTP/2 error \(code)"
        case .malformed(let reason): "the answer is malformed: \(reason)"
        case .timedOut: "no answer came in time"
        case .overloaded: "too many requests wait for this upstream"
        case .cancelled: "cancelled"
        }
    }
}

/// One request to an upstream, from its making to its end.
package final class Fetch {
    enum State { case queued, sent, receiving, ended }

    package let request: RequestHead
    let body: ByteBuffer
    let isIdempotent: Bool
    private(set) weak var receiver: (any FetchReceiver)?
    /// Keeps the receiver alive while the fetch is under way: the fetch belongs to nobody else.
    private var retained: (any FetchReceiver)?
    var state = State.queued
    var deadline: NIODeadline
    /// The connection that carries it, and its stream there (0 on HTTP/1.1).
    weak var carrier: (any FetchCarrier)?
    var stream: Int32 = 0
    private(set) var isPaused = false

    init(request: RequestHead, body: ByteBuffer, receiver: any FetchReceiver, deadline: NIODeadline) {
        self.request = request
        self.body = body
        self.receiver = receiver
        retained = receiver
        self.deadline = deadline
        isIdempotent = request.method.isIdempotent
    }

    /// Nobody wants the answer any more. No further call reaches the receiver.
    package func cancel() {
        guard state != .ended else { return }
        state = .ended
        retained = nil
        receiver = nil
        carrier?.abandon(self)
    }

    /// Stops or restarts the flow of body bytes, so that a slow reader does not fill this process's memory.
    package func setPaused(_ paused: Bool) {
        guard isPaused != paused, state != .ended else { return }
        isPaused = paused
        carrier?.pauseChanged(self)
    }

    func promised(_ request: RequestHead) -> (any FetchReceiver)? {
        guard state != .ended, let receiver = receiver as? any PushReceiver else { return nil }
        return receiver.fetch(self, promised: request)
    }

    func received(interim head: ResponseHead) {
        guard state != .ended else { return }
        receiver?.fetch(self, interim: head)
    }

    func received(_ head: ResponseHead) {
        guard state != .ended else { return }
        state = .receiving
        receiver?.fetch(self, received: head)
    }

    func received(_ bytes: ByteBuffer) {
        guard state != .ended else { return }
        receiver?.fetch(self, received: bytes)
    }

    func end() {
        guard state != .ended else { return }
        state = .ended
        // Held until it has heard: the fetch may have been its last owner.
        let last = receiver
        retained = nil
        last?.fetchEnded(self)
    }

    func fail(_ failure: FetchFailure) {
        guard state != .ended else { return }
        state = .ended
        let last = receiver
        retained = nil
        last?.fetch(self, failed: failure)
    }
}
