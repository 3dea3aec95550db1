import Foundation
import Logging
import Testing

@testable import Node

/// Listening sockets that change hands between processes, here within one.
@Suite struct TakeOverTests {
    /// A folder for the socket's file, and a TCP listener.
    private final class Stage {
        let path: String
        private let folder: URL
        let listener: Int32
        let port: UInt16

        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent(String(UUID().uuidString.prefix(8)))
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            path = folder.appendingPathComponent("s").path
            (listener, port) = try Self.listen()
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        static func listen() throws -> (Int32, UInt16) {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, size) == 0 && Foundation.listen(descriptor, 8) == 0
                        ? getsockname(descriptor, $0, &size) : -1
                }
            }
            try #require(code == 0)
            return (descriptor, UInt16(bigEndian: address.sin_port))
        }

        /// Connects to the TCP listener.
        func connect() -> Int32 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(code == 0)
            return descriptor
        }

        func offer() throws -> ListenerOffer {
            try ListenerOffer(
                at: path, sockets: [.init(name: "http 127.0.0.1:0 1", descriptor: listener)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
    }

    @Test("what has connected and is not accepted yet is accepted by who takes over")
    func handOver() async throws {
        let stage = try Stage()
        let offer = try stage.offer()
        // In the queue before anybody takes anything.
        let early = stage.connect()
        let takeOver = try #require(try TakeOver.ask(at: stage.path))
        #expect(takeOver.socket("https 127.0.0.1:0 1") == nil)
        let taken = try #require(takeOver.socket("http 127.0.0.1:0 1"))
        #expect(takeOver.socket("http 127.0.0.1:0 1") == nil, "a socket is taken once")
        async let left: Void = Task.detached { try takeOver.complete() }.value
        for await _ in offer.taken { break }
        await offer.end()
        try await left
        // Its own descriptor is closed; the socket is not.
        let late = stage.connect()
        for _ in 0..<2 {
            let accepted = accept(taken, nil, nil)
            #expect(accepted >= 0)
            close(accepted)
        }
        for descriptor in [early, late, taken] { close(descriptor) }
        // The path is the next one's, who would have put its own there.
        #expect(FileManager.default.fileExists(atPath: stage.path))
    }

    @Test("who asks and gives up, or talks nonsense, changes nothing")
    func givenUp() async throws {
        let stage = try Stage()
        let offer = try stage.offer()
        do {
            let takeOver = try #require(try TakeOver.ask(at: stage.path))
            _ = takeOver
        }
        let stranger = try #require(try UnixSocket.connect(to: stage.path))
        try DescriptorMessage.send(Array("GET / HTTP/1.1\r\n".utf8), over: stranger)
        close(stranger)
        let second = try #require(try TakeOver.ask(at: stage.path))
        #expect(second.socket("http 127.0.0.1:0 1") != nil)
        await offer.end()
        #expect(!FileManager.default.fileExists(atPath: stage.path))
    }

    @Test("the next offer takes the place of the last, which then leaves it there")
    func successors() async throws {
        let stage = try Stage()
        let first = try stage.offer()
        let (other, _) = try Stage.listen()
        let second = try ListenerOffer(
            at: stage.path, sockets: [.init(name: "other", descriptor: other)],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await first.end()
        let takeOver = try #require(try TakeOver.ask(at: stage.path))
        #expect(takeOver.socket("other") != nil)
        await second.end()
    }

    @Test func nobodyOffers() throws {
        let stage = try Stage()
        #expect(try TakeOver.ask(at: stage.path) == nil)
        #expect(throws: TakeOverFailure.self) { try TakeOver.ask(at: String(repeating: "a", count: 200)) }
        // A file that was left behind by a process that was killed.
        let left = try UnixSocket.listen(at: stage.path)
        close(left)
        #expect(try TakeOver.ask(at: stage.path) == nil)
        // Only its owner may connect.
        var status = stat()
        #expect(stat(stage.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        close(stage.listener)
    }

    @Test("descriptors cross beside the bytes, however many", arguments: [0, 1, 3, 100])
    func descriptors(count: Int) throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var pipes: [[Int32]] = []
        for _ in 0..<count {
            var made: [Int32] = [-1, -1]
            try #require(pipe(&made) == 0)
            pipes.append(made)
        }
        try DescriptorMessage.send(Array("words".utf8), descriptors: pipes.map { $0[1] }, over: ends[0])
        let message = try DescriptorMessage.receive(from: ends[1])
        #expect(message.bytes == Array("words".utf8))
        #expect(message.descriptors.count == count)
        for (index, descriptor) in message.descriptors.enumerated() {
            #expect([UInt8(index)].withUnsafeBytes { write(descriptor, $0.baseAddress, 1) } == 1)
            var byte: UInt8 = 255
            #expect(read(pipes[index][0], &byte, 1) == 1 && byte == UInt8(index))
            close(descriptor)
        }
        for descriptor in pipes.flatMap({ $0 }) + ends { close(descriptor) }
    }

    @Test(
        "an offer is whole with its empty line",
        arguments: [
            ("a\n\n", ["a"]), ("a\nb c:1 1\n\n", ["a", "b c:1 1"]), ("\n", []), ("", nil), ("a\n", nil), ("a", nil),
        ])
    func words(text: String, names: [String]?) throws {
        #expect(try TakeOverWords.names(in: Array(text.utf8)) == names)
        if let names { #expect(TakeOverWords.offer(names) == Array(text.utf8)) }
    }
}
