import HLS
import HTTP
import Logging
import NIOCore
import NIOEmbedded
import Node
import Prometheus

@testable import Media
@testable import Origin
@testable import Wire

/// The data plane of an origin: media in by the part and, on a loop that only turns when it is told to, requests in and
/// answers out as bytes of HTTP/1.1.
final class LiveOrigin {
    let loop: any EventLoop
    let hub: ChannelHub
    let registry: ConnectionRegistry
    let responder: OriginResponder
    private(set) var publish: Publish

    /// `parking` bounds the node and an address, `perChannel` a channel. Parts have half a second, segments two.
    init(
        on loop: any EventLoop = EmbeddedEventLoop(), window: Duration = .seconds(30),
        parking: ParkingIndex.Limits = .init(), perChannel: Int = .max,
        configure: (inout ChannelSettings) -> Void = { _ in }
    ) throws {
        self.loop = loop
        var packaging = PackagerConfiguration()
        packaging.partDuration = .milliseconds(500)
        packaging.maximumSegmentDuration = .seconds(2)
        var settings = ChannelSettings(
            name: "demo", keys: ["demo"], policy: .takeover, packaging: packaging, window: window,
            parkedRequests: perChannel)
        configure(&settings)
        hub = ChannelHub(
            channels: [settings], openChannel: { _ in nil },
            parking: ParkingIndex(limits: parking, eventLoop: loop),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        registry = ConnectionRegistry(limits: ServerLimits(), eventLoop: loop)
        let status = NodeStatus(prometheus: PrometheusFactory(), registry: registry) { _ in }
        responder = OriginResponder(hub: hub, status: status)
        publish = try Publish(hub)
    }

    /// Lets the loop do what it was told to do in its next turn.
    func turn() { (loop as? EmbeddedEventLoop)?.run() }

    var channel: LiveChannel? { hub.channel("demo") }
    var presentation: Presentation? { channel?.presentation }
    var epoch: String { presentation?.epoch ?? "" }
    var first: Int64 { publish.first }

    /// A second publisher takes the channel over.
    func publishAgain() throws { publish = try Publish(hub, after: publish.end) }

    func connect(from host: String = "192.0.2.1") throws -> Client {
        try Client(self, SocketAddress(ipAddress: host, port: 4_000))
    }

    /// One publish, which makes media up.
    final class Publish {
        private let hub: ChannelHub
        let grant: PublishGrant
        let first: Int64
        private static let start: Int64 = 1_767_225_600_000_000
        private var date: Int64
        /// Where the last part ends.
        fileprivate private(set) var end: Int64
        private(set) var sequence: Int64
        private(set) var parts = 0

        fileprivate init(_ hub: ChannelHub, after last: Int64? = nil) throws {
            self.hub = hub
            date = last ?? Self.start
            end = date
            grant = try hub.claim(app: "live", key: "demo", ticket: PublishTicket { _ in })
            first = grant.firstSequence
            sequence = first - 1
        }

        func track(_ kind: MediaKind = .video) {
            let section = InitSection(
                kind: kind, number: 0, bytes: ByteBuffer(string: "\(kind) init"),
                format: TrackFormat(codecs: kind == .video ? "avc1.64001f" : "mp4a.40.2"))
            hub.apply([.track(section)], of: grant)
        }

        /// Begins a segment and adds parts of half a second.
        func open(parts: Int = 0, bytes: Int = 100, kind: MediaKind = .video) {
            if kind == .video { sequence += 1 }
            self.parts = 0
            hub.apply(
                [
                    .segment(
                        SegmentStart(
                            kind: kind, sequence: max(sequence, first), isDiscontinuity: false,
                            programDateTimeMicroseconds: date, startsIndependent: true))
                ], of: grant)
            for _ in 0..<parts { part(bytes: bytes, kind: kind) }
        }

        func part(bytes: Int = 100, kind: MediaKind = .video) {
            let part = Part(
                kind: kind, sequence: max(sequence, first), index: parts,
                bytes: Self.media(kind, sequence, parts, count: bytes), duration: 0.5, isIndependent: parts == 0,
                isLikelyLast: false, sampleCount: 15,
                decodeTime: (date - Self.start) * 9 / 100 + Int64(parts) * 45_000, timescale: 90_000)
            parts += 1
            end = date + Int64(parts) * 500_000
            hub.apply([.part(part)], of: grant)
        }

        func close(kind: MediaKind = .video) {
            hub.apply([.segmentEnd(kind, sequence: max(sequence, first), duration: Double(parts) * 0.5)], of: grant)
            if kind == .video { date += Int64(parts) * 500_000 }
        }

        /// Whole segments of four parts.
        func add(_ segments: Int, bytes: Int = 100) {
            for _ in 0..<segments {
                open(parts: 4, bytes: bytes)
                close()
            }
        }

        func leave() { hub.release(grant.number, end: .finished) }

        /// Bytes that are a part's own.
        static func media(_ kind: MediaKind, _ sequence: Int64, _ part: Int, count: Int) -> ByteBuffer {
            var bytes = ByteBuffer(string: "\(kind) \(sequence).\(part) ")
            bytes.writeRepeatingByte(UInt8(truncatingIfNeeded: part), count: max(0, count - bytes.readableBytes))
            return bytes
        }
    }

    /// A connection of HTTP/1.1.
    final class Client {
        private let channel: EmbeddedChannel
        private var received = ByteBuffer()

        fileprivate init(_ origin: LiveOrigin, _ address: SocketAddress) throws {
            guard let loop = origin.loop as? EmbeddedEventLoop else { throw ChannelError.operationUnsupported }
            channel = EmbeddedChannel(loop: loop)
            try channel.connect(to: address).wait()
            try channel.pipeline.syncOperations.addHandler(
                ServerConnection(
                    responder: origin.responder, limits: origin.registry.limits, isTLS: false,
                    registry: origin.registry))
        }

        func send(_ path: String, method: String = "GET", fields: [String] = []) throws {
            let lines = ["\(method) \(path) HTTP/1.1", "host: origin"] + fields
            try channel.writeInbound(ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n"))
        }

        /// What has been answered by now, nil when the request is held.
        func answer() throws -> Answer? {
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received.writeImmutableBuffer(bytes) }
            guard received.readableBytes > 0 else { return nil }
            defer { received.clear() }
            return Answer(received)
        }

        func get(_ path: String, method: String = "GET", fields: [String] = []) throws -> Answer? {
            try send(path, method: method, fields: fields)
            return try answer()
        }

        /// Goes without a word.
        func vanish() { _ = try? channel.finish(acceptAlreadyClosed: true) }
    }

    struct Answer {
        let status: Int
        let fields: [String: String]
        let body: ByteBuffer
        var text: String { String(buffer: body) }

        /// One response, whole.
        init?(_ bytes: ByteBuffer) {
            var rest = bytes
            var lines: [String] = []
            while let end = rest.readableBytesView.firstRange(of: [13, 10]) {
                let line = rest.readString(length: end.lowerBound - rest.readerIndex) ?? ""
                rest.moveReaderIndex(forwardBy: 2)
                if line.isEmpty { break }
                lines.append(line)
            }
            guard let words = lines.first?.split(separator: " "), words.count > 1, let code = Int(words[1]) else {
                return nil
            }
            status = code
            var found: [String: String] = [:]
            for line in lines.dropFirst() {
                let pair = line.split(separator: ":", maxSplits: 1)
                if pair.count == 2 { found[String(pair[0])] = pair[1].drop { $0 == " " }.description }
            }
            fields = found
            body = rest
        }
    }
}
