import AccessLog
import CNghttp2
import HTTP
import NIOCore

/// Answers, interim ones, and pushes.
extension HTTP2Server {
    func respond(stream id: Int32, head: ResponseHead, body: ResponseBody, cache: CacheResult = .none) {
        guard let stream = stream(id), !stream.isAnswered else { return }
        stream.trail.status = head.status
        stream.trail.cache = cache
        let isHead = stream.head.method == .head
        let hasBody = start(stream, body, isSent: !isHead && head.allowsBody)
        var lines = HTTP2HeaderBlock()
        // An answer to HEAD may tell the length of a body that is not here; else what is sent is what is told.
        lines.append(head, length: body.length, keepsLength: isHead && head.fields.contains("content-length"))
        lines.withNameValues(scratch: &scratch) { submit($0, stream, hasBody: hasBody) }
    }

    func respond(stream id: Int32, prepared: PreparedHead, body: ResponseBody, cache: CacheResult) {
        guard let stream = stream(id), !stream.isAnswered else { return }
        guard stream.head.method != .head else {
            return respond(stream: id, head: prepared.head, body: body, cache: cache)
        }
        stream.trail.status = prepared.head.status
        stream.trail.cache = cache
        stream.prepared = prepared
        let hasBody = start(stream, body, isSent: prepared.head.allowsBody)
        submit(prepared.http2.pairs, stream, hasBody: hasBody)
    }

    /// Returns whether there is a body to send.
    private func start(_ stream: HTTP2Stream, _ body: ResponseBody, isSent: Bool) -> Bool {
        stream.isAnswered = true
        guard isSent, !body.isEmpty else {
            stream.isSent = true
            return false
        }
        stream.cursor = BodyCursor(body)
        startSending(stream)
        return true
    }

    private func submit(_ pairs: UnsafeBufferPointer<nghttp2_nv>, _ stream: HTTP2Stream, hasBody: Bool) {
        if hasBody {
            var provider = HTTP2BodyProvider.provider(mark: stream.mark)
            nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, &provider)
        } else {
            nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, nil)
        }
        // The answer may come before the request's end (a refusal): the rest of the request is not wanted.
        if !stream.isComplete { reset(stream: stream.id, code: NGHTTP2_NO_ERROR) }
    }

    // MARK: Pushes

    var takesPush: Bool { nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_ENABLE_PUSH) != 0 }

    /// Whether one more push may be open. The client says how many streams of this side it takes at once (RFC 9113, 6.5.2).
    var hasRoomForPush: Bool { pushes.hasRoom(clientLimit: clientLimit) }

    private var clientLimit: Int {
        Int(nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    func push(on parent: Int32, _ request: RequestHead, head: ResponseHead, body: ResponseBody) -> Int32? {
        guard takesPush, let parentStream = stream(parent) else { return nil }
        guard pushes.begin(clientLimit: clientLimit, now: nanoseconds) else {
            connection.registry.counters.refusedPushes &+= 1
            return nil
        }
        let stream = freeStream()
        var lines = HTTP2HeaderBlock()
        lines.append(":method", value: request.method.bytes)
        lines.append(":scheme", value: parentStream.head.scheme.bytes)
        lines.append(":authority", value: parentStream.head.authority)
        lines.append(":path", value: request.target)
        lines.append(request.fields)
        let promised = lines.withNameValues(scratch: &scratch) { pairs in
            nghttp2_submit_push_promise(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), parent, pairs.baseAddress, pairs.count, stream.mark)
        }
        guard promised > 0 else {
            pushes.ended()
            freeStreams.append(stream)
            return nil
        }
        stream.open(promised, at: connection.now)
        stream.isComplete = true
        stream.isPush = true
        openStreams += 1
        respond(stream: promised, head: head, body: body)
        return promised
    }

    func inform(stream id: Int32, head: ResponseHead) {
        guard let stream = stream(id), !stream.isAnswered else { return }
        var lines = HTTP2HeaderBlock()
        lines.append(head, length: nil)
        _ = lines.withNameValues(scratch: &scratch) { pairs in
            nghttp2_submit_headers(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, pairs.baseAddress, pairs.count, nil)
        }
    }

    func note(stream id: Int32, _ body: (inout ExchangeTrail) -> Void) {
        if let stream = stream(id) { body(&stream.trail) }
    }

    func resumeBody(stream id: Int32) {
        guard let stream = stream(id) else { return }
        startSending(stream)
        resume(stream: id)
    }

    func abort(stream id: Int32) {
        guard let stream = stream(id) else { return }
        stream.isAnswered = true
        reset(stream: id, code: NGHTTP2_INTERNAL_ERROR)
    }

    func startSending(_ stream: HTTP2Stream) {
        guard !stream.isSending else { return }
        stream.isSending = true
        sendingStreams += 1
        lastProgress = connection.now
        stream.progressedAt = lastProgress
    }

    func stopSending(_ stream: HTTP2Stream) {
        guard stream.isSending else { return }
        stream.isSending = false
        sendingStreams -= 1
    }
}
