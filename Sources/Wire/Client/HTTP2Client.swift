import CNghttp2
import HTTP
import NIOCore

/// HTTP/2 towards an upstream: many fetches on one connection, with windows that a part does not fill.
final class HTTP2Client: HTTP2Session {
    private struct Incoming {
        let fetch: Fetch
        var head = ResponseHead(status: 0)
        var headerBytes = 0
        var isRefused = false
        /// Bytes handed on while paused, whose window is given back on resumption.
        var unconsumed = 0
        var requestBody: ByteBuffer
    }

    private struct Promise {
        var request = RequestHead.emptyHTTP2
        var headerBytes = 0
        var isRefused = false
    }

    /// The default of 64 KiB would stall every part for a round trip.
    static let streamWindow: Int32 = 4 << 20
    static let connectionWindow: Int32 = 64 << 20
    /// Silence after which a PING asks whether the upstream is there, and how long its answer may take.
    private static let pingAfter = TimeAmount.seconds(2)
    private static let pongWithin = TimeAmount.seconds(3)
    private static let headerLimit = 64 * 1024

    private unowned let connection: ClientConnection
    private var incoming: [Int32: Incoming] = [:]
    /// The promise whose header block is coming: blocks never interleave (RFC 9113, 4.3).
    private var promise = Promise()
    private let takesPush: Bool
    private var scratch: [nghttp2_nv] = []
    private var lastHeard = NIODeadline.now()
    private var pingSentAt: NIODeadline?

    init(connection: ClientConnection, isTLS: Bool, takesPush: Bool) {
        self.connection = connection
        self.takesPush = takesPush
        super.init(role: .client, output: OutputQueue(spares: SpareBuffers(), isTLS: isTLS, copyLimit: 4 * 1024))
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: takesPush ? 1 : 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: PushLimits.promises),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(Self.streamWindow)),
        ]
        nghttp2_submit_settings(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.connectionWindow)
    }

    var fetchCount: Int { incoming.count }

    func receive(_ bytes: ByteBuffer) {
        lastHeard = .now()
        pingSentAt = nil
        let isUsable = bytes.withUnsafeReadableBytes { receive($0) }
        if !isUsable { connection.close() }
    }

    func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        drain()
        guard !output.isEmpty else { return false }
        output.takeAll(write)
        return true
    }

    // MARK: Fetches

    func send(_ fetch: Fetch) {
        var lines = HTTP2HeaderBlock()
        lines.append(":method", value: fetch.request.method.bytes)
        lines.append(":scheme", value: fetch.request.scheme.bytes)
        lines.append(":authority", value: fetch.request.authority)
        lines.append(":path", value: fetch.request.target)
        lines.append(fetch.request.fields)
        let hasBody = fetch.body.readableBytes > 0
        let stream = lines.withNameValues(scratch: &scratch) { pairs -> Int32 in
            var provider = HTTP2BodyProvider.provider()
            return hasBody
                ? nghttp2_submit_request(handle, nil, pairs.baseAddress, pairs.count, &provider, nil)
                : nghttp2_submit_request(handle, nil, pairs.baseAddress, pairs.count, nil, nil)
        }
        guard stream > 0 else {
            // Stream ids are used up, or the session is closing: a new connection takes over.
            connection.goingAway()
            return fetch.fail(.connectionLost)
        }
        fetch.stream = stream
        incoming[stream] = Incoming(fetch: fetch, requestBody: fetch.body)
    }

    func abandon(_ fetch: Fetch) {
        guard incoming.removeValue(forKey: fetch.stream) != nil else { return }
        reset(stream: fetch.stream, code: NGHTTP2_CANCEL)
    }

    func consume(_ fetch: Fetch) {
        guard let count = incoming[fetch.stream]?.unconsumed, count > 0 else { return }
        incoming[fetch.stream]?.unconsumed = 0
        nghttp2_session_consume_stream(handle, fetch.stream, count)
    }

    func connectionLost() {
        let lost = incoming.values.map(\.fetch)
        incoming.removeAll()
        for fetch in lost { fetch.fail(.connectionLost) }
    }

    func tick(at now: NIODeadline) {
        for entry in incoming.values where entry.fetch.deadline < now && !entry.fetch.isPaused {
            abandon(entry.fetch)
            entry.fetch.fail(.timedOut)
        }
        guard !incoming.isEmpty else { return }
        if let pingSentAt {
            if now - pingSentAt > Self.pongWithin { connection.close() }
        } else if now - lastHeard > Self.pingAfter {
            pingSentAt = now
            nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        }
    }

    /// Asks whether the upstream is there; its answer counts as having heard from it.
    func probe() { nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

    // MARK: Session events

    override func beginHeaders(frame: UnsafePointer<nghttp2_frame>) -> Bool {
        guard frame.pointee.hd.type == UInt8(NGHTTP2_PUSH_PROMISE.rawValue) else { return true }
        promise = Promise()
        return true
    }

    private func promiseHeader(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        promise.headerBytes &+= name.count &+ value.count &+ 32
        guard promise.headerBytes <= Self.headerLimit,
            promise.request.appendHTTP2(name: name, value: value, limits: HTTP1Limits(), known: []) == nil
        else { return promise.isRefused = true }
    }

    /// A promise is whole: whoever fetches on its stream says whether it is wanted.
    private func promised(_ stream: Int32, on parent: Int32) {
        let request = promise.request
        guard !promise.isRefused, request.http2Refusal == nil, request.method == .get, let entry = incoming[parent],
            request.authority == entry.fetch.request.authority,
            let receiver = entry.fetch.promised(request)
        else { return reset(stream: stream, code: NGHTTP2_CANCEL) }
        let pushed = Fetch(request: request, body: ByteBuffer(), receiver: receiver, deadline: .distantFuture)
        pushed.state = .sent
        pushed.carrier = connection
        pushed.stream = stream
        incoming[stream] = Incoming(fetch: pushed, requestBody: ByteBuffer())
    }

    override func header(
        frame: UnsafePointer<nghttp2_frame>, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Bool {
        let stream = frame.pointee.hd.stream_id
        if frame.pointee.hd.type == UInt8(NGHTTP2_PUSH_PROMISE.rawValue) {
            promiseHeader(name: name, value: value)
            return true
        }
        guard frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue), var entry = incoming[stream] else {
            return true
        }
        // After the final head only trailers come; they carry nothing that is used here.
        guard entry.fetch.state == .sent else { return true }
        incoming[stream] = nil
        entry.headerBytes &+= name.count &+ value.count &+ 32
        if entry.headerBytes > Self.headerLimit || !entry.head.appendHTTP2(name: name, value: value) {
            entry.isRefused = true
        }
        incoming[stream] = entry
        return true
    }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let hd = frame.pointee.hd
        switch UInt32(hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            guard let entry = incoming[hd.stream_id] else { return }
            if entry.fetch.state == .sent { headCompleted(entry, stream: hd.stream_id) }
            if UInt32(hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { complete(hd.stream_id) }
        case NGHTTP2_DATA.rawValue:
            if UInt32(hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { complete(hd.stream_id) }
        case NGHTTP2_PUSH_PROMISE.rawValue:
            promised(frame.pointee.push_promise.promised_stream_id, on: hd.stream_id)
        case NGHTTP2_SETTINGS.rawValue:
            let entries = UnsafeBufferPointer(start: frame.pointee.settings.iv, count: frame.pointee.settings.niv)
            if takesPush, entries.contains(where: { $0.settings_id == PushLimits.setting && $0.value == 1 }) {
                connection.offersPush()
            }
        case NGHTTP2_GOAWAY.rawValue:
            connection.goingAway()
        default:
            break
        }
    }

    private func headCompleted(_ entry: Incoming, stream: Int32) {
        if entry.isRefused {
            incoming[stream] = nil
            reset(stream: stream, code: NGHTTP2_PROTOCOL_ERROR)
            return entry.fetch.fail(.malformed("its head is too large or has a malformed field"))
        }
        // 1xx: the final head is still to come.
        if entry.head.status < 200 {
            incoming[stream]?.head = ResponseHead(status: 0)
            return entry.fetch.received(interim: entry.head)
        }
        entry.fetch.received(entry.head)
    }

    override func dataReceived(stream: Int32, bytes: UnsafeRawBufferPointer) {
        nghttp2_session_consume_connection(handle, bytes.count)
        guard let entry = incoming[stream] else { return }
        if entry.fetch.isPaused {
            incoming[stream]?.unconsumed += bytes.count
        } else {
            nghttp2_session_consume_stream(handle, stream, bytes.count)
        }
        entry.fetch.received(ByteBuffer(bytes: bytes))
    }

    private func complete(_ stream: Int32) {
        guard let entry = incoming.removeValue(forKey: stream) else { return }
        entry.fetch.end()
    }

    override func streamClosed(_ stream: Int32, code: UInt32) {
        guard let entry = incoming.removeValue(forKey: stream) else { return }
        if code == NGHTTP2_REFUSED_STREAM.rawValue {
            entry.fetch.fail(.overloaded)
        } else {
            entry.fetch.fail(.reset(code: code))
        }
    }

    override func nextBody(stream: Int32, mark: UnsafeMutableRawPointer?, limit: Int) -> BodyStep {
        guard let entry = incoming[stream] else { return .failed }
        let count = min(limit, entry.requestBody.readableBytes)
        return .bytes(count: count, isLast: count == entry.requestBody.readableBytes)
    }

    override func sendBody(stream: Int32, mark: UnsafeMutableRawPointer?, count: Int) {
        guard let piece = incoming[stream]?.requestBody.readSlice(length: count) else { return }
        output.append(body: piece)
    }
}
