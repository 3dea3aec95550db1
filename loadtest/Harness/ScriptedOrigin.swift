import Foundation
import Synchronization

/// An HTTP/1.1 server that answers from a script and keeps every byte of what it was asked: what an edge really sends.
package final class ScriptedOrigin: Sendable {
    /// A request as it came over the wire.
    package struct Request: Sendable {
        /// Request line and fields, each as it came, without their line ends.
        package let lines: [String]
        package let body: String
        package var method: String { lines.first.map { String($0.prefix { $0 != " " }) } ?? "" }
        package var target: String {
            let words = (lines.first ?? "").split(separator: " ")
            return words.count > 1 ? String(words[1]) : ""
        }
        /// The values of a field; `name` in lower case.
        package func values(_ name: String) -> [String] {
            lines.dropFirst().compactMap { line in
                let pair = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard pair.count == 2, pair[0].lowercased() == name else { return nil }
                return pair[1].trimmingCharacters(in: .whitespaces)
            }
        }
    }

    package let port: Int
    private let listener: Int32
    private let answer: @Sendable (Request) -> String
    private let log = Mutex<[Request]>([])
    private let refused = Mutex<[String]>([])

    /// `answer` returns the bytes to send, head and all; `ScriptedOrigin.message` writes them.
    package init(_ answer: @escaping @Sendable (Request) -> String) throws {
        self.answer = answer
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, size) == 0 && listen(descriptor, 64) == 0
                    ? getsockname(descriptor, generic, &size) : -1
            }
        }
        guard code == 0 else { throw TimedOut(description: "no port for a scripted origin: errno \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let accepted = accept(descriptor, nil, nil)
                guard accepted >= 0, let self else { return }
                Thread.detachNewThread { self.serve(accepted) }
            }
        }
    }

    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// First lines of connections that began in HTTP/2, which it does not speak.
    package var prefaces: [String] { refused.withLock { $0 } }

    /// What was asked, in order.
    package var requests: [Request] { log.withLock { $0 } }

    package func requests(for target: String) -> [Request] { requests.filter { $0.target == target } }

    /// An answer with its length.
    package static func message(_ status: String = "200 OK", _ fields: [String] = [], body: String = "") -> String {
        let length = status.hasPrefix("304") || status.hasPrefix("204") ? [] : ["Content-Length: \(body.utf8.count)"]
        return (["HTTP/1.1 \(status)"] + fields + length).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var input: [UInt8] = []
        while let request = read(&input, from: connection) {
            if request.method == "PRI" {
                refused.withLock { $0.append(request.lines.first ?? "") }
                send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", to: connection)
                return
            }
            log.withLock { $0.append(request) }
            send(answer(request), to: connection)
        }
    }

    private func send(_ text: String, to connection: Int32) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    private func read(_ input: inout [UInt8], from connection: Int32) -> Request? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let head = input.firstRange(of: end) {
                let lines = String(decoding: input[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                let length = Request(lines: lines, body: "").values("content-length").first.flatMap { Int($0) } ?? 0
                if input.count >= head.upperBound + length {
                    let body = String(decoding: input[head.upperBound..<head.upperBound + length], as: UTF8.self)
                    input.removeFirst(head.upperBound + length)
                    return Request(lines: lines, body: body)
                }
            }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            input += buffer.prefix(count)
        }
    }
}
