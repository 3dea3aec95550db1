import CNghttp2
import NIOCore

/// A libnghttp2 session that owns no socket: bytes go in through `receive`, bytes come out through `drain`.
///
/// Server and client subclass it; the C callbacks recover the session here and nowhere else. The subclass overrides the
/// events that its side needs. All calls are made on the connection's event loop.
package class HTTP2Session {
    /// Which end of the connection this session is.
    package enum Role { case server, client }

    /// What a body source answers when the session asks for DATA.
    enum BodyStep {
        /// This many bytes are ready; `sendBody` will be asked to hand over exactly these.
        case bytes(count: Int, isLast: Bool)
        /// Nothing now: the stream sleeps until `resume`.
        case pending
        /// The body cannot be completed: the stream is reset, never ended cleanly.
        case failed
    }

    private(set) var handle: OpaquePointer?
    /// Where frames are collected while `drain` runs.
    var output: OutputQueue

    init(role: Role, output: OutputQueue) {
        self.output = output
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        defer { nghttp2_option_del(options) }
        // Closed streams are kept for priority only, which is RFC 9218's business now.
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_settings(options, 16)
        // Frames that only a flood queues answers to (CVE-2019-9512, CVE-2019-9515), and heads in countless pieces
        // (CVE-2024-28182).
        // The budget of glitches runs out first, and says why it ends the connection.
        nghttp2_option_set_max_outbound_ack(options, 2 * GlitchBudget.capacity)
        nghttp2_option_set_max_continuations(options, 8)
        if role == .server {
            nghttp2_option_set_builtin_recv_extension_type(options, UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue))
        }
        // A client gives windows back as its readers take the bytes; a server's requests are small and bounded.
        if role == .client {
            nghttp2_option_set_no_auto_window_update(options, 1)
            nghttp2_option_set_max_reserved_remote_streams(options, PushLimits.promises)
        }
        var session: OpaquePointer?
        let identity = Unmanaged.passUnretained(self).toOpaque()
        let result =
            switch role {
            case .server: nghttp2_session_server_new2(&session, HTTP2Callbacks.table, identity, options)
            case .client: nghttp2_session_client_new2(&session, HTTP2Callbacks.table, identity, options)
            }
        // It fails only when memory is out.
        precondition(result == 0 && session != nil, "libnghttp2 could not make a session: error \(result)")
        handle = session
    }

    deinit {
        nghttp2_session_del(handle)
    }

    /// Takes bytes from the peer. Returns false when the connection is beyond repair; what explains it is in `drain`.
    final func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let taken = nghttp2_session_mem_recv(
            handle, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        return taken == bytes.count
    }

    /// Moves frames that are ready into `output` until it holds a burst or nothing is left.
    final func drain() {
        while !output.isFull {
            var pointer: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(handle, &pointer)
            guard count > 0, let pointer else {
                if count < 0 { _ = nghttp2_session_terminate_session(handle, NGHTTP2_INTERNAL_ERROR.rawValue) }
                return
            }
            output.append(UnsafeRawBufferPointer(start: pointer, count: count))
        }
    }

    /// True while frames wait to be sent.
    final var wantsWrite: Bool { nghttp2_session_want_write(handle) != 0 }

    /// False once both directions have said goodbye and nothing is left to do.
    final var isAlive: Bool { nghttp2_session_want_read(handle) != 0 || nghttp2_session_want_write(handle) != 0 }

    /// Queues RST_STREAM.
    final func reset(stream: Int32, code: nghttp2_error_code) {
        nghttp2_submit_rst_stream(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// Wakes a stream whose body was `pending`.
    final func resume(stream: Int32) {
        nghttp2_session_resume_data(handle, stream)
    }

    /// Says that GOAWAY is to come (RFC 9113, 6.8), and asks for a sign that this was heard: streams that the peer has
    /// opened by then are taken.
    final func noticeOfLeave() {
        nghttp2_submit_shutdown_notice(handle)
        _ = Self.leavePing.withUnsafeBufferPointer {
            nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress)
        }
    }

    /// Whether a frame is the answer to that.
    final func hearsLeave(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let hd = frame.pointee.hd
        guard UInt32(hd.type) == NGHTTP2_PING.rawValue, UInt32(hd.flags) & NGHTTP2_FLAG_ACK.rawValue != 0 else {
            return false
        }
        return withUnsafeBytes(of: frame.pointee.ping.opaque_data) { $0.elementsEqual(Self.leavePing) }
    }

    private static let leavePing = Array("leaving.".utf8)

    /// Sends GOAWAY: no new stream is taken, those under way are finished.
    final func goAway() {
        nghttp2_submit_goaway(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(handle),
            NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// Ends the connection with GOAWAY and an error code.
    final func terminate(code: nghttp2_error_code) {
        _ = nghttp2_session_terminate_session(handle, code.rawValue)
    }

    // Events, overridden by the side that needs them.

    /// A frame's head has come, before anything is made of it: the only sign of frames that are passed over.
    func frameBegan(_ head: nghttp2_frame_hd) {}
    func beginHeaders(frame: UnsafePointer<nghttp2_frame>) -> Bool { true }
    /// Returns false to reset the stream.
    func header(
        frame: UnsafePointer<nghttp2_frame>, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Bool { true }
    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// A frame broke a rule of its stream, or of the connection.
    func frameRefused(_ frame: UnsafePointer<nghttp2_frame>, code: Int32) {}
    func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {}
    func dataReceived(stream: Int32, bytes: UnsafeRawBufferPointer) {}
    func streamClosed(_ stream: Int32, code: UInt32) {}
    /// `mark` is what the body was submitted with.
    func nextBody(stream: Int32, mark: UnsafeMutableRawPointer?, limit: Int) -> BodyStep { .failed }
    /// Hands over the `count` bytes that `nextBody` announced.
    func sendBody(stream: Int32, mark: UnsafeMutableRawPointer?, count: Int) {}
}

/// What two nodes of ours agree on about server push.
enum PushLimits {
    /// Announced by a server that pushes on request. Identifiers that a peer does not know are ignored (RFC 9113, 6.5.2),
    /// so nobody but us ever sees it.
    static let setting: Int32 = 0xF4E1
    /// Promises that may be open at once on one connection, as the client announces.
    static let promises: UInt32 = 1_024
}

/// The C callback table, made once: it holds no state, so every session of the process shares it.
private enum HTTP2Callbacks {
    nonisolated(unsafe) static let table: OpaquePointer? = {
        var callbacks: OpaquePointer?
        precondition(nghttp2_session_callbacks_new(&callbacks) == 0, "libnghttp2 could not make its callback table")
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, head, identity in
            if let head { with(identity) { $0.frameBegan(head.pointee) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, identity in
            guard let frame else { return 0 }
            return with(identity) { $0.beginHeaders(frame: frame) } ?? true
                ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, identity in
            guard let frame else { return 0 }
            let isAccepted = with(identity) {
                $0.header(
                    frame: frame, name: UnsafeRawBufferPointer(start: name, count: nameLength),
                    value: UnsafeRawBufferPointer(start: value, count: valueLength))
            }
            return isAccepted ?? true ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, identity in
            if let frame { with(identity) { $0.frameReceived(frame) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, code, identity in
            if let frame { with(identity) { $0.frameRefused(frame, code: code) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, identity in
            if let frame { with(identity) { $0.frameSent(frame) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, identity in
            with(identity) {
                $0.dataReceived(stream: stream, bytes: UnsafeRawBufferPointer(start: bytes, count: count))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, identity in
            with(identity) { $0.streamClosed(stream, code: code) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, count, source, identity in
            guard let frame, let source else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return with(identity) {
                // One call of `mem_send` goes on from DATA to DATA until there is no more: here it is told to wait.
                guard !$0.output.isFull else { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
                $0.output.append(UnsafeRawBufferPointer(start: header, count: 9))
                $0.sendBody(stream: frame.pointee.hd.stream_id, mark: source.pointee.ptr, count: count)
                return 0
            } ?? NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        }
        return callbacks
    }()

    /// Calls `body` with the session that a callback is for. It is alive as long as its handle is: nothing is retained.
    @discardableResult
    fileprivate static func with<Result>(
        _ identity: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Result
    ) -> Result? {
        identity.map { Unmanaged<HTTP2Session>.fromOpaque($0)._withUnsafeGuaranteedRef(body) }
    }
}

/// Where libnghttp2 gets bodies from: the session that the callback recovers knows them, by their stream or their mark.
enum HTTP2BodyProvider {
    static func provider(mark: UnsafeMutableRawPointer? = nil) -> nghttp2_data_provider {
        nghttp2_data_provider(source: nghttp2_data_source(ptr: mark)) {
            _, stream, _, limit, flags, source, identity in
            guard let flags, let source else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            let mark = source.pointee.ptr
            switch HTTP2Callbacks.with(identity, { $0.nextBody(stream: stream, mark: mark, limit: limit) }) {
            case .bytes(let count, let isLast)?:
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
                if isLast { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
                return count
            case .pending?: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            case .failed?: return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
            case nil: return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
        }
    }
}
