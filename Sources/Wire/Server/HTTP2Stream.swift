import HTTP
import NIOCore

/// One stream of a viewer's connection: its request as it arrives, then its answer as it goes out. Used again for a later
/// stream, and as long-lived as its connection's session, which refers to it by its mark.
final class HTTP2Stream {
    /// 0 while no stream of the connection uses it.
    private(set) var id: Int32 = 0
    private(set) var openedAt = NIODeadline.uptimeNanoseconds(0)
    var head = RequestHead.emptyHTTP2
    var headerBytes = 0
    var body = ByteBuffer()
    var refusal: RequestRefusal?
    var isComplete = false
    var isAnswered = false
    /// Promised by this side: nobody asked for it.
    var isPush = false
    /// All of the answer is with libnghttp2, or has no body.
    var isSent = false
    var isResetByPeer = false
    var trail = ExchangeTrail()
    /// What libnghttp2 reads the answer's head from.
    var prepared: PreparedHead?
    var cursor = BodyCursor(.none)
    var piece: ByteBuffer?
    /// Body bytes may be sent but the client's windows or socket are shut.
    var isSending = false
    /// Bytes of its body that had been sent when it was last looked at, and when they became more.
    var seenBytes = 0
    var progressedAt = NIODeadline.uptimeNanoseconds(0)

    /// By which libnghttp2 names it in callbacks.
    var mark: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    /// The stream of a mark.
    static func marked(_ mark: UnsafeMutableRawPointer?) -> HTTP2Stream? {
        mark.map { Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
    }

    func open(_ id: Int32, at now: NIODeadline) {
        self.id = id
        openedAt = now
        trail = ExchangeTrail(startedAt: now)
        seenBytes = 0
    }

    /// Forgets its request and its answer. Memory that only this stream holds is kept for the next.
    func close() {
        id = 0
        head.clearHTTP2()
        headerBytes = 0
        if body.readableBytes > 0 { body = ByteBuffer() }
        refusal = nil
        isComplete = false
        isAnswered = false
        isPush = false
        isSent = false
        isResetByPeer = false
        prepared = nil
        cursor = BodyCursor(.none)
        piece = nil
        isSending = false
    }
}
