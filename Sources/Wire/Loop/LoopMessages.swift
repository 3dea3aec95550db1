import HTTP
import NIOCore

/// What a client says to the server of another event loop in its process. Streams are numbered as in HTTP/2: odd ones are
/// the client's, even ones are pushed.
enum LoopRequest: Sendable {
    case fetch(stream: Int32, RequestHead, body: ByteBuffer)
    case cancel(stream: Int32)
    case pause(stream: Int32, Bool)
    /// The client is no more.
    case close
}

/// What the server says. Bodies are shared, not copied.
enum LoopAnswer: Sendable {
    case state(LoopState)
    case interim(stream: Int32, ResponseHead)
    case head(stream: Int32, ResponseHead)
    case bytes(stream: Int32, ByteBuffer)
    case end(stream: Int32)
    case failed(stream: Int32)
    case promise(parent: Int32, stream: Int32, RequestHead)
}

/// What a client knows of the loop that it asks: what that knows of its own upstreams.
package struct LoopState: Sendable, Equatable {
    /// Whether any upstream is connected.
    package var isConnected: Bool
    /// Whether any of them pushes.
    package var offersPush: Bool
    /// Why none is connected, in words for an operator.
    package var awayReason: String?

    package init(isConnected: Bool, offersPush: Bool, awayReason: String?) {
        self.isConnected = isConnected
        self.offersPush = offersPush
        self.awayReason = awayReason
    }
}

/// Messages from one event loop to another: all that one turn of the sender's loop has to say crosses in one hop.
final class LoopMailbox<Message: Sendable> {
    private let sender: any EventLoop
    private let recipient: any EventLoop
    private let deliver: @Sendable ([Message]) -> Void
    private var queued: [Message] = []

    /// Lives on `sender`; `deliver` is called on `recipient`.
    init(
        from sender: any EventLoop, to recipient: any EventLoop, deliver: @escaping @Sendable ([Message]) -> Void
    ) {
        self.sender = sender
        self.recipient = recipient
        self.deliver = deliver
    }

    func post(_ message: Message) {
        queued.append(message)
        guard queued.count == 1 else { return }
        let bound = NIOLoopBound(self, eventLoop: sender)
        sender.execute { bound.value.flush() }
    }

    private func flush() {
        let batch = queued
        queued = []
        recipient.execute { [deliver] in deliver(batch) }
    }
}
