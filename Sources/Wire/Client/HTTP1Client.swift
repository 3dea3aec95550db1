import HTTP
import NIOCore

/// HTTP/1.1 towards an upstream that speaks nothing newer: one fetch at a time on a kept connection.
final class HTTP1Client {
    private unowned let connection: ClientConnection
    private var current: Fetch?
    private var parser: HTTP1ResponseParser?
    private var input = ByteBuffer()
    private var output = ByteBuffer()

    init(connection: ClientConnection) {
        self.connection = connection
    }

    var isBusy: Bool { current != nil }

    func send(_ fetch: Fetch) {
        current = fetch
        parser = HTTP1ResponseParser(requestMethod: fetch.request.method)
        HTTP1Writer.write(fetch.request, bodyLength: fetch.body.readableBytes, into: &output)
        output.writeImmutableBuffer(fetch.body)
    }

    /// The answer can only be left by leaving its connection. What of it still comes while that closes ends nothing: a
    /// connection on its way out must not be taken for an idle one.
    func abandon() {
        current = nil
        connection.close()
    }

    func takeOutput(_ write: (ByteBuffer) -> Void) -> Bool {
        guard output.readableBytes > 0 else { return false }
        write(output)
        output.clear()
        return true
    }

    func receive(_ bytes: ByteBuffer) {
        guard current != nil else {
            // Bytes that no request asked for: nothing after them can be trusted.
            return connection.close()
        }
        if input.readableBytes == 0 { input = bytes } else { input.writeImmutableBuffer(bytes) }
        do throws(HTTP1Violation) {
            while let fetch = current, let event = try parser?.feed(&input) {
                switch event {
                case .interim(let head): fetch.received(interim: head)
                case .head(let head): fetch.received(head)
                case .body(let piece): fetch.received(piece)
                case .end: finish(fetch)
                }
            }
        } catch {
            let fetch = current
            current = nil
            connection.close()
            fetch?.fail(.malformed(error.reason))
        }
    }

    private func finish(_ fetch: Fetch) {
        let keepsAlive = parser?.keepsAlive ?? false
        current = nil
        parser = nil
        if keepsAlive && input.readableBytes == 0 { connection.becameIdle() } else { connection.close() }
        fetch.end()
    }

    func connectionLost() {
        guard let fetch = current else { return }
        current = nil
        // A body without a length ends where its connection does (RFC 9112, 6.3).
        do throws(HTTP1Violation) {
            if try parser?.eof() == .end { return fetch.end() }
            fetch.fail(.connectionLost)
        } catch {
            fetch.fail(.connectionLost)
        }
    }

    func tick(at now: NIODeadline) {
        guard let fetch = current, fetch.deadline < now, !fetch.isPaused else { return }
        current = nil
        connection.close()
        fetch.fail(.timedOut)
    }
}
