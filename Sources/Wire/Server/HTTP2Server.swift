import AccessLog
import CNghttp2
import HTTP
import NIOCore

/// HTTP/2 on the viewer's side: requests in, answers out.
final class HTTP2Server: HTTP2Session {
    unowned let connection: ServerConnection
    private let limits: ServerLimits
    /// All that were ever open at the same time: libnghttp2 holds their marks.
    private(set) var streams: [HTTP2Stream] = []
    var freeStreams: [HTTP2Stream] = []
    /// The stream whose header block is coming: blocks never interleave (RFC 9113, 4.3).
    private var incoming: HTTP2Stream?
    /// Of the last good request: the next one will mostly have the same.
    private var authority: HTTPBytes = []
    var openStreams = 0
    var sendingStreams = 0
    private var incompleteStreams = 0
    private var lastActivity = NIODeadline.now()
    var lastProgress = NIODeadline.now()
    private var conduct: HTTP2Conduct
    var pushes: PushBudget
    private var walk = FrameWalk()
    /// It was ended for what it cost.
    private(set) var isCut = false
    private var leave = Leave.staying
    var scratch: [nghttp2_nv] = []

    /// How far this side has come in saying that it takes no more streams (RFC 9113, 6.8).
    private enum Leave { case staying, noticed(at: NIODeadline), gone }
    /// How long the answer to the notice is waited for.
    private static let noticeTime = TimeAmount.seconds(1)

    /// A head this many times as large as is allowed ends its connection.
    private static let unfolding = 4
    /// Before TLS a frame of a large body fills a record together with its head.
    private static let sealedFrame = 16 * 1024 - 9

    init(connection: ServerConnection) {
        self.connection = connection
        limits = connection.limits
        let now = NIODeadline.now().uptimeNanoseconds
        conduct = HTTP2Conduct(resetsPerSecond: connection.limits.resetsPerSecond, now: now)
        pushes = PushBudget(
            openLimit: connection.limits.pushesPerConnection, perSecond: connection.limits.pushesPerSecond, now: now)
        super.init(
            role: .server,
            output: OutputQueue(spares: connection.registry.spares, isTLS: connection.isTLS, copyLimit: 4 * 1024))
        var settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(clamping: limits.concurrentStreams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(clamping: limits.head.headerBytes)),
            // RFC 9218: priorities are two numbers of a stream, no tree that a peer could make us rebuild.
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        if connection.responder.offersPush {
            settings.append(nghttp2_settings_entry(settings_id: PushLimits.setting, value: 1))
        }
        nghttp2_submit_settings(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    }

    var stallTimeout: Duration { limits.stallTimeout }

    // MARK: The connection's calls

    func receive(_ bytes: ByteBuffer) {
        lastActivity = connection.now
        let isUsable = bytes.withUnsafeReadableBytes { walkAndReceive($0) }
        if !isUsable { connection.closeAfterWriting() }
    }

    /// What the walk finds is judged when all before it is done.
    private func walkAndReceive(_ raw: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        var received = 0
        while let (finding, start) = walk.next(in: raw, from: &index) {
            if start > received {
                guard receive(UnsafeRawBufferPointer(rebasing: raw[received..<start])) else { return false }
                received = start
            }
            switch finding {
            case .selfDependence: heed(.fault(NGHTTP2_PROTOCOL_ERROR))
            case .data(let id): if id > 0, stream(id) == nil { heed(conduct.began(on: id)) }
            }
        }
        return receive(UnsafeRawBufferPointer(rebasing: raw[received...]))
    }

    func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        drain()
        guard !output.isEmpty else { return false }
        output.takeAll(write)
        return true
    }

    func connectionLost() {
        let lost = streams.filter { $0.id != 0 }.map { (id: $0.id, isComplete: $0.isComplete, isPush: $0.isPush) }
        let now = connection.now
        for stream in streams where stream.id != 0 {
            conclude(stream, connection.lossEnding, at: now)
            stream.close()
        }
        freeStreams = []
        openStreams = 0
        for stream in lost where stream.isComplete {
            let exchange = Exchange(connection: connection, stream: stream.id)
            if stream.isPush {
                connection.responder.pushEnded(exchange, wasSent: false)
            } else {
                connection.responder.cancelled(exchange)
            }
        }
    }

    /// First a notice, then GOAWAY with the last stream: what a client sends while the notice is on its way is answered.
    func shutDown() {
        guard case .staying = leave else { return }
        leave = .noticed(at: connection.now)
        noticeOfLeave()
    }

    /// The notice was heard, or has had its time.
    private func leaveNow() {
        guard case .noticed = leave else { return }
        leave = .gone
        goAway()
    }

    /// Called while it leaves.
    func checkLeave(at now: NIODeadline) {
        if case .noticed(let at) = leave, now - at > Self.noticeTime { leaveNow() }
    }

    func timeOut() {
        terminate(code: NGHTTP2_ENHANCE_YOUR_CALM)
    }

    func lateness(at now: NIODeadline) -> Lateness {
        checkLeave(at: now)
        resetUnread(at: now)
        if openStreams == 0 {
            return now - lastActivity > TimeAmount(limits.idleTimeout) ? .idle : .fine
        }
        if sendingStreams > 0, now - lastProgress > TimeAmount(limits.stallTimeout) { return .stalled }
        if incompleteStreams > 0 {
            let limit = TimeAmount(limits.requestTimeout)
            for stream in streams where stream.id != 0 && !stream.isComplete && now - stream.openedAt > limit {
                return .late
            }
        }
        return .fine
    }

    // MARK: Bodies

    override func nextBody(stream id: Int32, mark: UnsafeMutableRawPointer?, limit: Int) -> BodyStep {
        guard let stream = HTTP2Stream.marked(mark), stream.id == id else { return .failed }
        switch stream.cursor.next(limit: output.coalescesAll ? min(limit, Self.sealedFrame) : limit) {
        case .bytes(let piece, let isLast):
            let count = piece.readableBytes
            stream.piece = piece
            if isLast { stream.isSent = true }
            return .bytes(count: count, isLast: isLast)
        case .end:
            stream.isSent = true
            return .bytes(count: 0, isLast: true)
        case .pending:
            stopSending(stream)
            return .pending
        case .failed:
            return .failed
        }
    }

    override func sendBody(stream id: Int32, mark: UnsafeMutableRawPointer?, count: Int) {
        guard let stream = HTTP2Stream.marked(mark), stream.id == id, let piece = stream.piece.take() else { return }
        conduct.carried(count)
        stream.trail.bodyBytes &+= count
        output.append(body: piece)
    }

    // MARK: Requests

    override func frameBegan(_ head: nghttp2_frame_hd) {
        switch UInt32(head.type) {
        case NGHTTP2_PRIORITY.rawValue:
            heed(conduct.priority(on: head.stream_id, now: nanoseconds))
        case NGHTTP2_HEADERS.rawValue:
            guard head.stream_id > 0, stream(head.stream_id) == nil else { return }
            heed(conduct.began(on: head.stream_id))
        default: break
        }
    }

    override func beginHeaders(frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let hd = frame.pointee.hd
        guard hd.type == UInt8(NGHTTP2_HEADERS.rawValue), frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
            return true
        }
        let stream = freeStream()
        conduct.opened(hd.stream_id)
        stream.open(hd.stream_id, at: lastActivity)
        openStreams += 1
        incompleteStreams += 1
        nghttp2_session_set_stream_user_data(handle, hd.stream_id, stream.mark)
        incoming = stream
        return true
    }

    override func header(
        frame: UnsafePointer<nghttp2_frame>, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Bool {
        // Trailers carry nothing that a request here needs.
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST, let stream = incoming,
            stream.id == frame.pointee.hd.stream_id
        else { return true }
        stream.headerBytes &+= name.count &+ value.count &+ 32
        guard stream.headerBytes <= limits.head.headerBytes else {
            stream.refusal = .headersTooLarge
            // A few kilobytes on the wire that unfold into megabytes: no answer is owed to that (RFC 9113, 10.5.1).
            guard stream.headerBytes <= limits.head.headerBytes * Self.unfolding else {
                heed(.tooMuch)
                return false
            }
            return true
        }
        if let refusal = stream.head.appendHTTP2(name: name, value: value, limits: limits.head, known: authority) {
            stream.refusal = stream.refusal ?? refusal
        }
        return true
    }

    override func dataReceived(stream id: Int32, bytes: UnsafeRawBufferPointer) {
        conduct.carried(bytes.count)
        guard let stream = stream(id), stream.refusal == nil else { return }
        guard stream.body.readableBytes + bytes.count <= limits.requestBodyBytes else {
            stream.refusal = .bodyTooLarge
            stream.body = ByteBuffer()
            return dispatch(stream)
        }
        stream.body.writeBytes(bytes)
    }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let hd = frame.pointee.hd
        switch UInt32(hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            let isEnd = UInt32(hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
            if hd.type == UInt8(NGHTTP2_DATA.rawValue) {
                heed(conduct.data(length: hd.length, isEnd: isEnd, now: nanoseconds))
            }
            guard let stream = stream(hd.stream_id) else { return }
            if isEnd && !stream.isComplete {
                stream.isComplete = true
                incompleteStreams -= 1
                dispatch(stream)
            } else if stream.refusal != nil {
                dispatch(stream)
            }
        case NGHTTP2_RST_STREAM.rawValue:
            // A push that the client cancels is one that this side offered.
            if let stream = stream(hd.stream_id) {
                stream.isResetByPeer = true
                if stream.isPush { return }
            }
            heed(conduct.wasResetByPeer(now: nanoseconds))
        case let type:
            if hearsLeave(frame) { return leaveNow() }
            heed(conduct.received(type: type, now: nanoseconds))
        }
    }

    override func frameRefused(_ frame: UnsafePointer<nghttp2_frame>, code: Int32) {
        heed(conduct.refused(code: code, now: nanoseconds))
    }

    override func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
        let hd = frame.pointee.hd
        guard UInt32(hd.type) == NGHTTP2_RST_STREAM.rawValue else { return }
        heed(conduct.reset(hd.stream_id, code: frame.pointee.rst_stream.error_code, now: nanoseconds))
    }

    private func dispatch(_ stream: HTTP2Stream) {
        guard !stream.isAnswered else { return }
        if let refusal = stream.refusal ?? stream.head.http2Refusal {
            connection.registry.counters.malformedRequests &+= 1
            heed(conduct.spend(.refusedHead, now: nanoseconds))
            let problem = refusal.problem
            return respond(stream: stream.id, head: problem.head, body: .bytes(problem.body))
        }
        connection.registry.counters.requestsHTTP2 &+= 1
        authority = stream.head.authority
        let body = stream.body
        stream.body = ByteBuffer()
        connection.responder.respond(
            to: stream.head, body: body, on: Exchange(connection: connection, stream: stream.id))
    }

    override func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = stream(id) else { return }
        stopSending(stream)
        if !stream.isComplete { incompleteStreams -= 1 }
        let wasWaiting = stream.isComplete && !stream.isAnswered
        let wasTorn = stream.isAnswered && code != NGHTTP2_NO_ERROR.rawValue
        let wasPush = stream.isPush
        if wasPush { pushes.ended() }
        lastActivity = connection.now
        conclude(stream, stream.isSent ? .whole : stream.isResetByPeer ? .gone : .cut, at: lastActivity)
        stream.close()
        freeStreams.append(stream)
        openStreams -= 1
        guard wasPush || wasWaiting || wasTorn else { return }
        let exchange = Exchange(connection: connection, stream: id)
        if wasPush {
            connection.responder.pushEnded(exchange, wasSent: !wasTorn)
        } else {
            connection.responder.cancelled(exchange)
        }
    }

    /// Pushes are answers to nobody's request: the subscription that they come by is told of.
    private func conclude(_ stream: HTTP2Stream, _ ending: AccessEnding, at now: NIODeadline) {
        if !stream.isPush { connection.conclude(&stream.trail, ending, at: now, .http2, stream.head) }
    }

    func stream(_ id: Int32) -> HTTP2Stream? {
        if id > 0, let incoming, incoming.id == id { return incoming }
        guard let stream = HTTP2Stream.marked(nghttp2_session_get_stream_user_data(handle, id)), stream.id == id
        else { return nil }
        return stream
    }

    func freeStream() -> HTTP2Stream {
        if let free = freeStreams.popLast() { return free }
        let stream = HTTP2Stream()
        streams.append(stream)
        return stream
    }

    // MARK: Conduct

    var nanoseconds: UInt64 { connection.now.uptimeNanoseconds }

    private func heed(_ verdict: HTTP2Conduct.Verdict) {
        switch verdict {
        case .fine: break
        case .fault(let code): terminate(code: code)
        case .tooMuch:
            // GOAWAY, and its requests are nobody's any more.
            guard !isCut else { return }
            isCut = true
            connection.registry.counters.abusiveConnections &+= 1
            terminate(code: NGHTTP2_ENHANCE_YOUR_CALM)
        }
    }
}
