import CNghttp2
import NIOCore

/// Slow readers: each is judged by its own stream.
extension HTTP2Server {
    /// Called about once a second. Resets streams whose window the client has left shut for `stallTimeout`: what waits for
    /// them is held in memory. A client that takes much on one stream holds nothing by another.
    func resetUnread(at now: NIODeadline) {
        guard sendingStreams > 0 else { return }
        for stream in streams where stream.isSending {
            if stream.trail.bodyBytes != stream.seenBytes {
                stream.seenBytes = stream.trail.bodyBytes
                stream.progressedAt = now
                lastProgress = now
            } else if now - stream.progressedAt > TimeAmount(stallTimeout), isShut(stream) {
                end(unread: stream)
            }
        }
    }

    /// Whether the client has given the stream no window, which is in its hands alone. A stream that waits for others, or
    /// for the connection's window, is not to blame for it.
    private func isShut(_ stream: HTTP2Stream) -> Bool {
        nghttp2_session_get_stream_remote_window_size(handle, stream.id) <= 0
    }

    private func end(unread stream: HTTP2Stream) {
        connection.registry.counters.stalledStreams &+= 1
        stopSending(stream)
        reset(stream: stream.id, code: NGHTTP2_CANCEL)
        if stream.isPush {
            connection.responder.pushStalled(Exchange(connection: connection, stream: stream.id))
        }
        connection.pumpSoon()
    }
}
