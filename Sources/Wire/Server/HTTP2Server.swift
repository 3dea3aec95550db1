import CNghttp2
import HTTP
import NIOCore

/// HTTP/2 on the viewer's side: requests in, answers out, every stream a slot in a reused table.
final class HTTP2Server: HTTP2Session {
    private struct Slot {
        var stream: Int32 = 0
        var head = RequestHead.emptyHTTP2
        var headerBytes = 0
        var body = ByteBuffer()
        var refusal: RequestRefusal?
        var isComplete = false
        var isAnswered = false
        /// Promised by this side: nobody asked for it.
        var isPush = false
        var cursor = BodyCursor(.none)
        var piece: ByteBuffer?
        /// Body bytes may be sent but the client's windows or socket are shut.
        var isSending = false
        var openedAt = NIODeadline.uptimeNanoseconds(0)
    }

    private unowned let connection: ServerConnection
    private let limits: ServerLimits
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var openStreams = 0
    private var lastActivity = NIODeadline.now()
    private var lastProgress = NIODeadline.now()
    private var sendingStreams = 0
    private var incompleteStreams = 0
    private var resetsThisSecond = 0
    private var budget = GlitchBudget(now: NIODeadline.now().uptimeNanoseconds)
    private var isCut = false
    private var streamOrder = StreamOrder()
    private var scratch: [nghttp2_nv] = []

    /// A head this many times as large as is allowed ends its connection.
    private static let unfolding = 4
    /// DATA with fewer bytes than this that does not end its stream carries next to nothing.
    private static let crumbs = 64

    init(connection: ServerConnection, allocator: ByteBufferAllocator) {
        self.connection = connection
        limits = connection.limits
        super.init(
            role: .server, output: OutputQueue(allocator: allocator, isTLS: connection.isTLS, copyLimit: 4 * 1024))
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

    // MARK: The connection's calls

    func receive(_ bytes: ByteBuffer) {
        lastActivity = .now()
        let isUsable = bytes.withUnsafeReadableBytes { receive($0) }
        if !isUsable { connection.closeAfterWriting() }
    }

    func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        drain(limit: 256 * 1024)
        guard !output.isEmpty else { return false }
        output.takeAll(write)
        return true
    }

    func connectionLost() {
        let lost = slots
        slots.removeAll()
        freeSlots.removeAll()
        openStreams = 0
        for slot in lost where slot.stream != 0 && slot.isComplete {
            let exchange = Exchange(connection: connection, stream: slot.stream)
            if slot.isPush {
                connection.responder.pushEnded(exchange, wasSent: false)
            } else {
                connection.responder.cancelled(exchange)
            }
        }
    }

    func shutDown() { goAway() }

    func timeOut() {
        terminate(code: NGHTTP2_ENHANCE_YOUR_CALM)
    }

    func lateness(at now: NIODeadline) -> Lateness {
        resetsThisSecond = 0
        if openStreams == 0 {
            return now - lastActivity > TimeAmount(limits.idleTimeout) ? .idle : .fine
        }
        if sendingStreams > 0, now - lastProgress > TimeAmount(limits.stallTimeout) { return .stalled }
        if incompleteStreams > 0 {
            let limit = TimeAmount(limits.requestTimeout)
            for slot in slots where slot.stream != 0 && !slot.isComplete && now - slot.openedAt > limit { return .late }
        }
        return .fine
    }

    // MARK: Answers

    func respond(stream: Int32, head: ResponseHead, body: ResponseBody) {
        guard let index = slot(of: stream), !slots[index].isAnswered else { return }
        slots[index].isAnswered = true
        let isHead = slots[index].head.method == .head
        let hasBody = !isHead && head.allowsBody && body.length != 0
        if hasBody {
            slots[index].cursor = BodyCursor(body)
            slots[index].isSending = true
            sendingStreams += 1
            lastProgress = .now()
        }
        submit(head, body: body, stream: stream, isHead: isHead, hasBody: hasBody)
        // The answer may come before the request's end (a refusal): the rest of the request is not wanted.
        if !slots[index].isComplete { reset(stream: stream, code: NGHTTP2_NO_ERROR) }
    }

    private func submit(_ head: ResponseHead, body: ResponseBody, stream: Int32, isHead: Bool, hasBody: Bool) {
        var lines = HTTP2HeaderBlock()
        lines.append(":status", decimal: Int(head.status))
        // An answer to HEAD may tell the length of a body that is not here; else what is sent is what is told.
        let isGiven = isHead && head.fields.contains("content-length")
        if let length = body.length, head.allowsBody, !isGiven { lines.append("content-length", decimal: length) }
        lines.append(head.fields, withLength: isGiven)
        lines.withNameValues(scratch: &scratch) { pairs in
            if hasBody {
                var provider = HTTP2BodyProvider.provider
                nghttp2_submit_response(handle, stream, pairs.baseAddress, pairs.count, &provider)
            } else {
                nghttp2_submit_response(handle, stream, pairs.baseAddress, pairs.count, nil)
            }
        }
    }

    // MARK: Pushes

    var takesPush: Bool { nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_ENABLE_PUSH) != 0 }

    func push(on parent: Int32, _ request: RequestHead, head: ResponseHead, body: ResponseBody) -> Int32? {
        guard takesPush, let parentIndex = slot(of: parent) else { return nil }
        let index = freeSlots.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        var lines = HTTP2HeaderBlock()
        lines.append(":method", value: request.method.bytes)
        lines.append(":scheme", value: slots[parentIndex].head.scheme.bytes)
        lines.append(":authority", value: slots[parentIndex].head.authority)
        lines.append(":path", value: request.target)
        lines.append(request.fields)
        let mark = UnsafeMutableRawPointer(bitPattern: index &+ 1)
        let promised = lines.withNameValues(scratch: &scratch) { pairs in
            nghttp2_submit_push_promise(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), parent, pairs.baseAddress, pairs.count, mark)
        }
        guard promised > 0 else {
            freeSlots.append(index)
            return nil
        }
        slots[index].stream = promised
        slots[index].openedAt = .now()
        slots[index].isComplete = true
        slots[index].isPush = true
        openStreams += 1
        respond(stream: promised, head: head, body: body)
        return promised
    }

    func inform(stream: Int32, head: ResponseHead) {
        guard let index = slot(of: stream), !slots[index].isAnswered else { return }
        var lines = HTTP2HeaderBlock()
        lines.append(":status", decimal: Int(head.status))
        lines.append(head.fields, withLength: false)
        _ = lines.withNameValues(scratch: &scratch) { pairs in
            nghttp2_submit_headers(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, nil, pairs.baseAddress, pairs.count, nil)
        }
    }

    func resumeBody(stream: Int32) {
        guard let index = slot(of: stream) else { return }
        if !slots[index].isSending {
            slots[index].isSending = true
            sendingStreams += 1
            lastProgress = .now()
        }
        resume(stream: stream)
    }

    func abort(stream: Int32) {
        guard let index = slot(of: stream) else { return }
        slots[index].isAnswered = true
        reset(stream: stream, code: NGHTTP2_INTERNAL_ERROR)
    }

    override func nextBody(stream: Int32, limit: Int) -> BodyStep {
        guard let index = slot(of: stream) else { return .failed }
        switch slots[index].cursor.next(limit: limit) {
        case .bytes(let piece, let isLast):
            slots[index].piece = piece
            return .bytes(count: piece.readableBytes, isLast: isLast)
        case .end:
            return .bytes(count: 0, isLast: true)
        case .pending:
            stopSending(index)
            return .pending
        case .failed:
            return .failed
        }
    }

    override func sendBody(stream: Int32, count: Int) {
        lastProgress = .now()
        guard let index = slot(of: stream), let piece = slots[index].piece else { return }
        slots[index].piece = nil
        budget.carried(count)
        output.append(body: piece)
    }

    private func stopSending(_ index: Int) {
        guard slots[index].isSending else { return }
        slots[index].isSending = false
        sendingStreams -= 1
    }

    // MARK: Requests

    /// What libnghttp2 passes over in silence although it must not (RFC 9113, 5.1.1 and 6.3).
    override func frameBegan(_ head: nghttp2_frame_hd) {
        switch UInt32(head.type) {
        case NGHTTP2_PRIORITY.rawValue:
            if head.stream_id == 0 { return terminate(code: NGHTTP2_PROTOCOL_ERROR) }
            spend(.priority)
        case NGHTTP2_HEADERS.rawValue:
            guard head.stream_id > 0, slot(of: head.stream_id) == nil else { return }
            switch streamOrder.judge(head.stream_id) {
            case .new, .crossing: break
            case .skipped: terminate(code: NGHTTP2_PROTOCOL_ERROR)
            case .ended: terminate(code: NGHTTP2_STREAM_CLOSED)
            }
        default: break
        }
    }

    override func beginHeaders(frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let hd = frame.pointee.hd
        guard hd.type == UInt8(NGHTTP2_HEADERS.rawValue), frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
            return true
        }
        let index = freeSlots.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        streamOrder.opened(hd.stream_id)
        slots[index].stream = hd.stream_id
        slots[index].openedAt = .now()
        openStreams += 1
        incompleteStreams += 1
        nghttp2_session_set_stream_user_data(handle, hd.stream_id, UnsafeMutableRawPointer(bitPattern: index &+ 1))
        return true
    }

    override func header(
        frame: UnsafePointer<nghttp2_frame>, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Bool {
        guard let index = slot(of: frame.pointee.hd.stream_id) else { return true }
        // Trailers carry nothing that a request here needs.
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return true }
        slots[index].headerBytes &+= name.count &+ value.count &+ 32
        guard slots[index].headerBytes <= limits.head.headerBytes else {
            slots[index].refusal = .headersTooLarge
            // A few kilobytes on the wire that unfold into megabytes: no answer is owed to that (RFC 9113, 10.5.1).
            guard slots[index].headerBytes <= limits.head.headerBytes * Self.unfolding else {
                calmDown()
                return false
            }
            return true
        }
        if let refusal = slots[index].head.appendHTTP2(name: name, value: value, limits: limits.head) {
            slots[index].refusal = slots[index].refusal ?? refusal
        }
        return true
    }

    override func dataReceived(stream: Int32, bytes: UnsafeRawBufferPointer) {
        budget.carried(bytes.count)
        guard let index = slot(of: stream), slots[index].refusal == nil else { return }
        guard slots[index].body.readableBytes + bytes.count <= limits.requestBodyBytes else {
            slots[index].refusal = .bodyTooLarge
            slots[index].body = ByteBuffer()
            return dispatch(index)
        }
        slots[index].body.writeBytes(bytes)
    }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let hd = frame.pointee.hd
        switch UInt32(hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            let isEnd = UInt32(hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
            if hd.type == UInt8(NGHTTP2_DATA.rawValue), !isEnd, hd.length < Self.crumbs { spend(.emptyData) }
            guard let index = slot(of: hd.stream_id) else { return }
            if isEnd && !slots[index].isComplete {
                slots[index].isComplete = true
                incompleteStreams -= 1
                dispatch(index)
            } else if slots[index].refusal != nil {
                dispatch(index)
            }
        case NGHTTP2_RST_STREAM.rawValue:
            // A push that the client cancels is one that this side offered.
            if let index = slot(of: hd.stream_id), slots[index].isPush { return }
            resetsThisSecond += 1
            spend(.reset)
            if resetsThisSecond > limits.resetsPerSecond { calmDown() }
        case NGHTTP2_PING.rawValue: spend(.ping)
        case NGHTTP2_SETTINGS.rawValue: spend(.settings)
        case NGHTTP2_WINDOW_UPDATE.rawValue: spend(.windowUpdate)
        case NGHTTP2_PRIORITY_UPDATE.rawValue: spend(.priority)
        default:
            break
        }
    }

    override func frameRefused(_ frame: UnsafePointer<nghttp2_frame>, code: Int32) {
        spend(code == NGHTTP2_ERR_REFUSED_STREAM.rawValue ? .refusedStream : .provokedReset)
    }

    override func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
        let hd = frame.pointee.hd
        guard UInt32(hd.type) == NGHTTP2_RST_STREAM.rawValue else { return }
        streamOrder.wasReset(hd.stream_id)
        switch frame.pointee.rst_stream.error_code {
        case NGHTTP2_PROTOCOL_ERROR.rawValue, NGHTTP2_FLOW_CONTROL_ERROR.rawValue, NGHTTP2_STREAM_CLOSED.rawValue,
            NGHTTP2_FRAME_SIZE_ERROR.rawValue:
            spend(.provokedReset)
        default: break
        }
    }

    private func spend(_ glitch: GlitchBudget.Glitch) {
        if !budget.spend(glitch, now: NIODeadline.now().uptimeNanoseconds) { calmDown() }
    }

    /// Ends a connection that costs more than it carries: GOAWAY, and its requests are nobody's any more.
    private func calmDown() {
        guard !isCut else { return }
        isCut = true
        connection.registry.counters.abusiveConnections &+= 1
        terminate(code: NGHTTP2_ENHANCE_YOUR_CALM)
    }

    private func dispatch(_ index: Int) {
        guard !slots[index].isAnswered else { return }
        let exchange = Exchange(connection: connection, stream: slots[index].stream)
        if let refusal = slots[index].refusal ?? slots[index].head.http2Refusal {
            connection.registry.counters.malformedRequests &+= 1
            spend(.refusedHead)
            let problem = refusal.problem
            return respond(stream: exchange.stream, head: problem.head, body: .bytes(problem.body))
        }
        connection.registry.counters.requestsHTTP2 &+= 1
        let body = slots[index].body
        slots[index].body = ByteBuffer()
        connection.responder.respond(to: slots[index].head, body: body, on: exchange)
    }

    override func streamClosed(_ stream: Int32, code: UInt32) {
        guard let index = slot(of: stream) else { return }
        stopSending(index)
        if !slots[index].isComplete { incompleteStreams -= 1 }
        let wasWaiting = slots[index].isComplete && !slots[index].isAnswered
        let wasTorn = slots[index].isAnswered && code != NGHTTP2_NO_ERROR.rawValue
        let wasPush = slots[index].isPush
        slots[index] = Slot()
        freeSlots.append(index)
        openStreams -= 1
        lastActivity = .now()
        let exchange = Exchange(connection: connection, stream: stream)
        if wasPush {
            connection.responder.pushEnded(exchange, wasSent: !wasTorn)
        } else if wasWaiting || wasTorn {
            connection.responder.cancelled(exchange)
        }
    }

    private func slot(of stream: Int32) -> Int? {
        guard let pointer = nghttp2_session_get_stream_user_data(handle, stream) else { return nil }
        let index = Int(bitPattern: pointer) &- 1
        return slots.indices.contains(index) && slots[index].stream == stream ? index : nil
    }
}
