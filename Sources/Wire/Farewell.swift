import NIOCore
import NIOSSL

/// What is left to do for a connection that has nothing more to say.
enum Farewell {
    case none
    /// The socket still has bytes to take.
    case sending(since: NIODeadline, bytes: Int)
    /// All is sent. What the other side still says is dropped until it has read everything and ends too: closed at once,
    /// with bytes unread, a socket is reset, which takes from the peer what it has not read yet (RFC 9112, 9.6).
    case lingering(since: NIODeadline, bytes: Int)

    /// How long a peer may take to end its side, and how much it may say meanwhile.
    static let time = TimeAmount.seconds(2)
    static let bytes = 4 << 20
}

extension ChannelHandlerContext {
    /// Closes the socket now and drops what is queued, where a close through TLS would wait for the other side's
    /// close_notify. `isPolite` sends one of ours: not where a body is torn, which must not look like its end.
    package func cut(isPolite: Bool) {
        let handlers = channel.pipeline.syncOperations
        guard
            let tls = (try? handlers.context(handlerType: NIOSSLServerHandler.self))
                ?? (try? handlers.context(handlerType: NIOSSLClientHandler.self))
        else { return close(promise: nil) }
        if isPolite { close(promise: nil) }
        tls.close(promise: nil)
    }
}
