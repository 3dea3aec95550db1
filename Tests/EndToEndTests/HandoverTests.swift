import Foundation
import HLS
import HTTP
import Harness
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing
import Wire

/// One edge takes the place of another while viewers come, ask and wait.
extension EndToEnd {
    @Suite(.serialized) struct HandoverTests {
        @Test func threeTakeOversUnderLoadRefuseAndTearNothing() async throws {
            let fleet = try Fleet(edge: ["handover_socket=edge.sock"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video")
            let load = try ViewerLoad(port: fleet.edgePort, tlsPort: fleet.edgeTLSPort)
            _ = try eventually("every kind of viewer is served: \(load.summary)") { load.isWarm ? true : nil }

            var running = fleet.edge
            var started: [ChildProcess] = []
            defer { for edge in started { edge.stop() } }
            for number in 2...4 {
                load.mark()
                let next = try Fleet.start(
                    "edge", ["--take-over", "--set", "handover_socket=edge.sock"], in: fleet.directory,
                    name: "edge-\(number)")
                started.append(next)
                _ = try next.line(with: "took over")
                #expect(try Fleet.port("http", of: next) == fleet.edgePort)
                #expect(try Fleet.port("https", of: next) == fleet.edgeTLSPort)
                #expect(running.waitForExit() == 0)
                #expect(running.text.contains("another has taken over") && running.text.contains("cut_connections=0"))
                #expect(!running.text.contains("shut down"), "\(running.text)")
                _ = try eventually("every kind of viewer is served by the next: \(load.summary)") {
                    load.isWarm ? true : nil
                }
                running = next
            }
            load.stop()
            #expect(load.failures.isEmpty, "\(load.failures.prefix(10)) \(load.summary)")
            print("hand-overs: \(load.summary)")
        }

        /// Loops of a node end one before another: by then nothing may cross between them. SwiftNIO says it where something
        /// does, and will end the process for it.
        @Test func noEventLoopIsAskedForAnythingAfterItsEnd() throws {
            let fleet = try Fleet(edge: ["cores=2"])
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            let playlist = try fleet.waitForSegments("video")
            let position = try #require(try MediaPlaylist(parsing: Data(playlist.utf8)).position)
            var edge = fleet.edge
            for number in 1...3 {
                let load = try ViewerLoad(port: fleet.edgePort, tlsPort: fleet.edgeTLSPort)
                _ = try eventually("every kind of viewer is served: \(load.summary)") { load.isWarm ? true : nil }
                #expect(edge.stop() == 0)
                load.stop()
                #expect(edge.text.contains("edge stopped") && !edge.text.contains("shut down"), "\(edge.text)")
                guard number < 3 else { break }
                edge = try Fleet.start(
                    "edge",
                    [
                        "--set", "cores=2", "--http", "127.0.0.1:\(fleet.edgePort)", "--https",
                        "127.0.0.1:\(fleet.edgeTLSPort)",
                    ], in: fleet.directory, name: "edge-again-\(number)")
                _ = try edge.line(with: "upstream connected")
            }
            // The origin: one who publishes, and others who have said nothing yet.
            let silent = try (0..<4).map { _ in try RawConnection(port: fleet.rtmpPort) }
            let viewer = try ChildProcess(
                "curl",
                [
                    "-sk", "--max-time", "5",
                    "https://127.0.0.1:\(fleet.originTLSPort)/live/demo/video/playlist.m3u8?_HLS_msn=\(position.sequence + 1)",
                ], in: fleet.directory, name: "held-by-the-origin")
            defer { viewer.stop() }
            #expect(fleet.origin.stop() == 0)
            #expect(fleet.origin.text.contains("origin stopped") && !fleet.origin.text.contains("shut down"))
            for connection in silent { #expect(connection.receivedUntilClosed(within: 5) != nil) }
        }

        @Test func whoCannotServeTakesNothing() throws {
            let fleet = try Fleet(edge: ["handover_socket=edge.sock"])
            // Its configuration is mistaken.
            let mistaken = try run(
                Fleet.program,
                [
                    "edge", "--config", "edge.yaml", "--take-over", "--set", "handover_socket=edge.sock", "--set",
                    "nme=x",
                ],
                in: fleet.directory)
            #expect(mistaken.status == 78)
            // Its upstream is not there: it waits for it, and gives up.
            let cutOff = try Fleet.start(
                "edge",
                ["--take-over", "--set", "handover_socket=edge.sock", "--set", "upstreams.0.url=https://127.0.0.1:1"],
                in: fleet.directory, name: "cut-off")
            #expect(cutOff.waitForExit() == 1)
            #expect(cutOff.text.contains("not ready"))
            // Nobody has noticed.
            #expect(try curl("http://127.0.0.1:\(fleet.edgePort)/readyz").status == 200)
            #expect(fleet.edge.isRunning && !fleet.edge.text.contains("edge stopping"))
        }
    }
}

/// Viewers of every kind who never stop asking, and count what they are refused or do not get whole.
private final class ViewerLoad: Sendable {
    private struct Counts {
        var answers: [String: Int] = [:]
        var marked: [String: Int] = [:]
        var failures: [String] = []
        var isStopped = false
        var running = 0
    }

    private static let path = "/live/demo/video/playlist.m3u8"
    private let counts = Mutex(Counts())
    private let port: Int
    private let tlsPort: Int
    private let clients: [(name: String, client: NIOLoopBound<HTTPClient>)]

    init(port: Int, tlsPort: Int) throws {
        self.port = port
        self.tlsPort = tlsPort
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let tls = try TLSMaterial.client(authorityPath: nil, verifies: false)
        clients = try [("h2c kept", port, nil), ("h2 TLS kept", tlsPort, tls)].map { name, port, tls in
            let client = try loop.submit {
                NIOLoopBound(
                    HTTPClient(
                        address: UpstreamAddress(isSecure: tls != nil, host: "127.0.0.1", port: port), tls: tls,
                        limits: ClientLimits(), eventLoop: loop), eventLoop: loop)
            }.wait()
            return (name, client)
        }
        run("HTTP/1.1 kept") { [self] in keepAsking("HTTP/1.1 kept", isParked: false) }
        run("HTTP/1.1 parked") { [self] in keepAsking("HTTP/1.1 parked", isParked: true) }
        run("HTTP/1.1 new") { [self] in askAnew("HTTP/1.1 new") }
        let clear = "http://127.0.0.1:\(port)", secure = "https://127.0.0.1:\(tlsPort)"
        run("curl h2c new") { [self] in askWithCurl("curl h2c new", clear, "--http2-prior-knowledge") }
        run("curl h2 TLS new") { [self] in askWithCurl("curl h2 TLS new", secure, "--http2") }
        for (name, client) in clients {
            run(name) { [self] in fetch(name, client, isParked: false) }
            run("\(name), parked") { [self] in fetch("\(name), parked", client, isParked: true) }
        }
    }

    private func run(_ name: String, _ body: @escaping @Sendable () -> Void) {
        counts.withLock {
            $0.answers[name] = 0
            $0.running += 1
        }
        Thread.detachNewThread { [self] in
            while !isStopped { body() }
            counts.withLock { $0.running -= 1 }
        }
    }

    // MARK: What is counted

    private var isStopped: Bool { counts.withLock { $0.isStopped } }
    private func answered(_ name: String) { counts.withLock { $0.answers[name, default: 0] += 1 } }
    private func failed(_ name: String, _ why: String) { counts.withLock { $0.failures.append("\(name): \(why)") } }

    var failures: [String] { counts.withLock { $0.failures } }
    func mark() { counts.withLock { $0.marked = $0.answers } }

    /// Whether every kind of viewer has had some answers since the mark.
    var isWarm: Bool {
        counts.withLock { counts in
            counts.answers.allSatisfy { $0.value >= (counts.marked[$0.key] ?? 0) + 3 }
        }
    }

    var summary: String {
        counts.withLock { counts in
            counts.answers.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
                + ", failed \(counts.failures.count)"
        }
    }

    /// Stops when every viewer has its last answer.
    func stop() {
        counts.withLock { $0.isStopped = true }
        _ = try? eventually("viewers end") { counts.withLock { $0.running } == 0 ? true : nil }
        for (_, client) in clients { client.eventLoop.execute { client.value.stop() } }
    }

    /// The part after the last that a playlist lists.
    private func next(after playlist: [UInt8]) -> String {
        guard let position = try? MediaPlaylist(parsing: Data(playlist)).position else { return "" }
        return "?_HLS_msn=\(position.sequence)&_HLS_part=\(position.part + 1)"
    }

    // MARK: Viewers

    /// One connection until the server says that it is the last answer.
    private func keepAsking(_ name: String, isParked: Bool) {
        guard let connection = try? RawConnection(port: port) else { return failed(name, "refused") }
        var query = ""
        while !isStopped {
            connection.send("GET \(Self.path)\(query) HTTP/1.1\r\nHost: a\r\n\r\n")
            guard let answer = connection.answer(within: 15) else { return failed(name, "torn or late") }
            guard answer.head.hasPrefix("HTTP/1.1 200") else { return failed(name, answer.head) }
            answered(name)
            if isParked { query = next(after: answer.body) }
            if answer.head.lowercased().contains("connection: close") { return }
        }
    }

    private func askAnew(_ name: String) {
        guard let connection = try? RawConnection(port: port) else { return failed(name, "refused") }
        connection.send("GET \(Self.path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        guard let answer = connection.answer(within: 15), answer.head.hasPrefix("HTTP/1.1 200") else {
            return failed(name, "torn or late")
        }
        answered(name)
    }

    private func askWithCurl(_ name: String, _ server: String, _ version: String) {
        guard let answer = try? curl("\(server)\(Self.path)", version), answer.status == 200, answer.version == "HTTP/2"
        else { return failed(name, "no answer") }
        answered(name)
    }

    private final class Receiver: FetchReceiver {
        let done: EventLoopPromise<(UInt16, [UInt8])>
        private var status: UInt16 = 0
        private var body: [UInt8] = []
        init(_ done: EventLoopPromise<(UInt16, [UInt8])>) { self.done = done }
        func fetch(_ fetch: Fetch, received head: ResponseHead) { status = head.status }
        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) { body += bytes.readableBytesView }
        func fetchEnded(_ fetch: Fetch) { done.succeed((status, body)) }
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) { done.fail(failure) }
    }

    /// Over a client that heeds GOAWAY.
    private func fetch(_ name: String, _ client: NIOLoopBound<HTTPClient>, isParked: Bool) {
        var query = ""
        while !isStopped {
            let target = Self.path + query
            let answer = Result {
                try client.eventLoop.flatSubmit {
                    let done = client.eventLoop.makePromise(of: (UInt16, [UInt8]).self)
                    _ = client.value.fetch(
                        RequestHead(method: .get, target: HTTPBytes(target)), body: ByteBuffer(),
                        receiver: Receiver(done))
                    return done.futureResult
                }.wait()
            }
            switch answer {
            case .success((200, let body)):
                answered(name)
                if isParked { query = next(after: body) }
            case .success((let status, _)): return failed(name, "\(status) for \(query)")
            case .failure(let error): return failed(name, "\(error)")
            }
        }
    }
}
