import Foundation

/// A TCP connection that sends whatever a test wants: slow, silent and malformed clients.
package final class RawConnection {
    private let descriptor: Int32
    /// The front of a frame that has not come whole.
    private var torn: [UInt8] = []

    package init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(clamping: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw TimedOut(description: "no connection to \(port): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// Ends it by RST when it is given up, in place of FIN.
    package func reset() {
        var linger = Foundation.linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Foundation.linger>.size))
    }

    package func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    package func send(_ text: String) { send(Array(text.utf8)) }

    /// One answer that tells its length, or comes in chunks; nil when it is torn, or not whole within `seconds`. What comes
    /// after it is dropped: a client that asks one thing at a time.
    package func answer(within seconds: Int) -> (head: String, body: [UInt8])? {
        var received: [UInt8] = []
        let deadline = Date().addingTimeInterval(Double(seconds))
        while true {
            if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
                let body = Array(received[end.upperBound...])
                let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
                if let length, body.count >= length { return (head, Array(body.prefix(length))) }
                if length == nil, body.suffix(5) == Array("0\r\n\r\n".utf8) { return (head, body) }
            }
            guard let bytes = bytes(before: deadline), !bytes.isEmpty else { return nil }
            received += bytes
        }
    }

    /// The whole frames of HTTP/2 that have come since the last call.
    package func frames() -> [HTTP2Frame] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
            torn += buffer.prefix(count)
        }
        let frames = HTTP2Frame.all(in: torn)
        torn.removeFirst(frames.reduce(0) { $0 + 9 + $1.payload.count })
        return frames
    }

    /// What arrives until the other side closes; nil if it has not closed within `seconds`.
    package func receivedUntilClosed(within seconds: Int) -> [UInt8]? {
        var received: [UInt8] = []
        let deadline = Date().addingTimeInterval(Double(seconds))
        while let bytes = bytes(before: deadline) {
            if bytes.isEmpty { return received }
            received += bytes
        }
        return nil
    }

    /// The bytes that arrive next: none where the other side has closed, nil where nothing has come by `deadline`.
    package func bytes(before deadline: Date) -> [UInt8]? {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let left = deadline.timeIntervalSinceNow
        guard left > 0, Foundation.poll(&poll, 1, Int32(left * 1_000) + 1) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        // A reset is a close too.
        return Array(buffer.prefix(max(0, count)))
    }
}
