import Foundation
import HLS
import Harness
import NIOCore
import NIOPosix
import NIOSSL

/// Many requests that wait on one origin for the same segment: what each costs in memory, and how long after the
/// segment's end its answer comes.
struct HoldsMeasure {
    let clip: Clip
    let group: any EventLoopGroup

    struct Figures {
        /// Milliseconds from when the frame that ends the segment was due at its publisher to the answer's first byte.
        let unblocked: Spread
        /// The same from the first of all answers.
        let behindFirst: Spread
        /// Resident bytes of the origin for one hold, its share of a connection included.
        let bytesPerHold: Double
        /// Microseconds of the origin's processor time for each answer of a release, what the stream costs included.
        let processorMicroseconds: Double
        let connections: Int
    }

    /// Streams of one HTTP/2 connection.
    private static let streams = 100

    /// `count` requests at once, in `rounds` rounds.
    func run(count: Int, isHTTP2: Bool, rounds: Int) throws -> Figures {
        let connections = isHTTP2 ? (count + Self.streams - 1) / Self.streams : count
        try OpenFiles.need(connections + 500)
        let limits = "http.limits"
        let fleet = try Fleet(
            packaging: "{segment: 4s, maximum_segment: 4s}",
            origin: [
                "\(limits).connections=\(count + 1_000)", "\(limits).connections_per_address=\(count + 1_000)",
                "\(limits).parked_requests=\(count + 1_000)", "\(limits).parked_requests_per_channel=\(count + 1_000)",
                "\(limits).parked_requests_per_address=\(count + 1_000)", "\(limits).idle_timeout=10m",
                "\(limits).request_timeout=2m",
            ])
        let (channel, ledger) = try ClipPublisher.connect(clip: clip, port: fleet.rtmpPort, key: "demo", on: group)
        defer { channel.close(promise: nil) }
        _ = try fleet.waitForChannel()
        let viewer = try Viewer(port: fleet.originPort, on: group)
        defer { viewer.stop() }
        let times = try StreamTimes(clip: clip, ledger: ledger, viewer: viewer)
        // One answer first, so that nothing is counted that a single request would make.
        _ = try viewer.get(Self.path)
        let before = fleet.origin.residentBytes ?? 0
        let holders: any Holders =
            isHTTP2
            ? try StreamHolders(port: fleet.originPort, connections: connections, on: group)
            : try ConnectionHolders(port: fleet.originPort, connections: connections, on: group)
        defer { holders.stop() }
        var unblocked: [Double] = []
        var behindFirst: [Double] = []
        var bytesPerHold = Double.nan
        var processorSeconds = 0.0
        for _ in 0..<rounds {
            let playlist = try MediaPlaylist(
                parsing: Array(try viewer.get(Self.path).body.readableBytesView))
            guard let last = playlist.segments.last?.sequence else { continue }
            // Two ahead is the furthest that may be asked for: time enough to ask ten thousand times.
            let answers = try holders.ask("\(Self.path)?_HLS_msn=\(last + 2)", count: count)
            let parked = try eventually("\(count) requests wait", within: 30) { () -> Int? in
                let parked = try self.parked(viewer)
                return parked >= count ? parked : nil
            }
            if parked >= count {
                let bytes = Double((fleet.origin.residentBytes ?? 0) - before) / Double(count)
                bytesPerHold = bytesPerHold.isNaN ? bytes : max(bytesPerHold, bytes)
            }
            let used = fleet.origin.cpuSeconds ?? 0
            let arrivals = try answers.map { try $0.wait() }
            processorSeconds += (fleet.origin.cpuSeconds ?? 0) - used
            guard let due = try times.dueOfFirstFrame(ofSegment: last + 3), let first = arrivals.min() else { continue }
            unblocked += arrivals.map { Double(($0 - due).nanoseconds) / 1e6 }
            behindFirst += arrivals.map { Double(($0 - first).nanoseconds) / 1e6 }
        }
        return Figures(
            unblocked: Spread(unblocked), behindFirst: Spread(behindFirst), bytesPerHold: bytesPerHold,
            processorMicroseconds: processorSeconds * 1e6 / Double(rounds * count), connections: connections)
    }

    static let path = "/live/demo/video/playlist.m3u8"

    private func parked(_ viewer: Viewer) throws -> Int {
        let text = String(buffer: try viewer.get("/metrics").body)
        return text.split(separator: "\n").first { $0.hasPrefix("needletail_origin_parked_requests ") }
            .flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
    }
}

/// Clients whose requests wait.
protocol Holders {
    /// The moments at which the first byte of each answer arrived.
    func ask(_ path: String, count: Int) throws -> [EventLoopFuture<NIODeadline>]
    func stop()
}

/// Each request on a connection of HTTP/1.1 of its own.
final class ConnectionHolders: Holders {
    private let channels: [any Channel]

    init(port: Int, connections: Int, on group: any EventLoopGroup) throws {
        let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(HoldConnection())
            }
        }
        var made: [any Channel] = []
        // A few hundred at a time: more would overflow the queue of connections to be accepted.
        while made.count < connections {
            let batch = (0..<min(256, connections - made.count)).map { _ in
                bootstrap.connect(host: "127.0.0.1", port: port)
            }
            made += try batch.map { try $0.wait() }
        }
        channels = made
    }

    func ask(_ path: String, count: Int) throws -> [EventLoopFuture<NIODeadline>] {
        channels.prefix(count).map { channel in
            channel.eventLoop.flatSubmit {
                let promise = channel.eventLoop.makePromise(of: NIODeadline.self)
                do {
                    try channel.pipeline.syncOperations.handler(type: HoldConnection.self)
                        .ask(path, on: channel, promise)
                } catch {
                    promise.fail(error)
                }
                return promise.futureResult
            }
        }
    }

    func stop() { for channel in channels { channel.close(promise: nil) } }
}

private final class HoldConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var waiting: EventLoopPromise<NIODeadline>?

    func ask(_ path: String, on channel: any Channel, _ promise: EventLoopPromise<NIODeadline>) {
        waiting = promise
        channel.writeAndFlush(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nhost: origin\r\n\r\n"), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data).readableBytesView
        // Other reads bring the rest of a body, which may still come when the next answer is waited for.
        guard bytes.starts(with: "HTTP/1.1 ".utf8), let promise = waiting else { return }
        waiting = nil
        if bytes.starts(with: "HTTP/1.1 200".utf8) {
            promise.succeed(.now())
        } else {
            let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
            promise.fail(TimedOut(description: "a hold was answered \(line)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        waiting?.fail(ChannelError.eof)
        waiting = nil
    }
}

/// Requests on connections of HTTP/2, in turn.
final class StreamHolders: Holders {
    private let viewers: [Viewer]

    init(port: Int, connections: Int, tls: NIOSSLContext? = nil, on group: any EventLoopGroup) throws {
        viewers = try (0..<connections).map { _ in try Viewer(port: port, tls: tls, on: group) }
        // A few at a time: more would overflow the queue of connections to be accepted.
        for start in stride(from: 0, to: connections, by: 64) {
            let batch = viewers[start..<min(start + 64, connections)].map { $0.request("/healthz") }
            for answer in batch { _ = try answer.wait() }
        }
    }

    func ask(_ path: String, count: Int) throws -> [EventLoopFuture<NIODeadline>] {
        (0..<count).map { index in
            viewers[index % viewers.count].request(path).flatMapThrowing { answer in
                guard answer.status == 200 else { throw TimedOut(description: "a hold got \(answer.status)") }
                return answer.arrivedAt
            }
        }
    }

    func stop() { for viewer in viewers { viewer.stop() } }
}

/// When frames of the stream were due at their publisher.
struct StreamTimes {
    private let ledger: PublishLedger
    private let viewer: Viewer
    /// Milliseconds from the clip's time to the stream's.
    private let offset: Double

    /// The first listed frame must be the first that was sent.
    init(clip: Clip, ledger: PublishLedger, viewer: Viewer) throws {
        self.ledger = ledger
        self.viewer = viewer
        let answer = try viewer.get(HoldsMeasure.path)
        let playlist = try MediaPlaylist(parsing: Array(answer.body.readableBytesView))
        guard let uri = playlist.segments.first?.parts.first?.uri,
            let times = PartTimes(try viewer.get("/live/demo/video/\(uri)").body),
            let sent = clip.messages.first(where: { $0.type == 9 })
        else { throw TimedOut(description: "the stream's first part cannot be read") }
        offset = Double(times.first) / 90 - sent.milliseconds
    }

    func dueOfFirstFrame(ofSegment sequence: Int64) throws -> NIODeadline? {
        // Wait until the segment has a part, then read that.
        let held = try viewer.get("\(HoldsMeasure.path)?_HLS_msn=\(sequence)&_HLS_part=0")
        let playlist = try MediaPlaylist(parsing: Array(held.body.readableBytesView))
        guard let uri = playlist.segments.first(where: { $0.sequence == sequence })?.parts.first?.uri,
            let times = PartTimes(try viewer.get("/live/demo/video/\(uri)").body)
        else { return nil }
        let stamp = Int64((Double(times.first) / 90 - offset).rounded())
        return ledger.state.withLock { state in
            for step in [0, 1, -1, 2, -2] as [Int64] {
                if let due = state.sentAt[UInt32(truncatingIfNeeded: stamp + step)] { return due }
            }
            return nil
        }
    }
}

/// The limit on open files of this process and those that it starts.
enum OpenFiles {
    /// Raises it to `count` if it is lower.
    static func need(_ count: Int) throws {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        if limit.rlim_cur >= count { return }
        limit.rlim_cur = rlim_t(count)
        limit.rlim_max = max(limit.rlim_max, rlim_t(count))
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw TimedOut(description: "this needs \(count) open files: run `ulimit -n \(count)` as root first")
        }
    }
}
