import Foundation
import HLS
import Logging
import Media
import NIOCore
import NIOEmbedded
import Node
import RTMP
import Testing

@testable import Origin

/// One of two origins beside one book: a channel, and the publish that its publisher's connection would hold.
final class TwinOrigin {
    private let loop = EmbeddedEventLoop()
    private let hub: ChannelHub
    private let gateway: IngestGateway
    private let registry = PublisherRegistry(limit: 8, halfOpenLimit: 8)
    private let logger = Logger(label: "twin") { _ in SwiftLogNoOpLogHandler() }
    private var publish: ActivePublish?
    private var grants: UInt64 = 0
    /// Microseconds since 1970.
    private var now: Int64 {
        get { time.now }
        set { time.now = newValue }
    }
    private let time = Time()

    private final class Time { var now: Int64 = 0 }

    /// `name` is the origin's in the book, and the same after a restart.
    init(_ name: String, book: String, keeper: StateKeeper? = nil, at now: Int64 = 0) throws {
        time.now = now
        hub = ChannelHub(
            channels: [.staged], openChannel: { _ in nil },
            parking: ParkingIndex(limits: .init(), eventLoop: loop), keeper: keeper,
            book: try EpochBook(
                path: book, origin: name, interval: 0, pool: nil, clock: { [time] in time.now }, logger: logger),
            logger: logger)
        gateway = IngestGateway(limits: RTMPLimits(), hub: NIOLoopBound(hub, eventLoop: loop), dataPlane: loop)
    }

    var channel: LiveChannel? { hub.channel("demo") }
    var presentation: Presentation? { channel?.presentation }
    var epoch: String? { presentation?.epoch }
    var isPublishing: Bool { publish != nil }

    func begin(at now: Int64) throws {
        self.now = now
        let ticket = PublishTicket { _ in }
        let grant = try hub.claim(app: "live", key: "demo", ticket: ticket)
        publish = ActivePublish(
            grant: grant, lease: PublishLease(number: ticket.number, gateway: gateway), gateway: gateway,
            registry: registry, eventLoop: loop, logger: logger, clock: { [unowned self] in self.now })
    }

    func take(_ packet: HeldPackets.Packet, at now: Int64) {
        self.now = now
        publish?.take(packet, at: now)
        publish?.tick()
        loop.run()
    }

    func lose(_ end: PublishEnd = .lost) {
        publish?.finish(PublishEnding(end: end, actor: .connection, reason: "the test's"))
        publish = nil
        loop.run()
    }

    /// Gaps on the clock.
    func keepAlive(at now: Int64) {
        presentation?.keepAlive(at: now)
        channel?.noteNumbers()
    }

    // MARK: What is listed

    /// The whole text of a playlist.
    func playlist(_ kind: MediaKind) -> String {
        guard let presentation, let rendition = presentation.rendition(of: kind) else { return "" }
        var text = ByteBuffer()
        rendition.timeline.write(delta: nil, reports: presentation.reports(for: rendition), into: &text)
        return String(buffer: text)
    }

    /// All that can be fetched, by its name.
    func media() -> [String: ByteBuffer] {
        var found: [String: ByteBuffer] = [:]
        for rendition in presentation?.renditions ?? [] {
            let name = "\(rendition.id.rawValue)/\(epoch ?? "")"
            for segment in rendition.timeline.segments {
                found["\(name)/init \(segment.initNumber)"] = rendition.initSection(segment.initNumber)
                for index in segment.parts.indices {
                    found["\(name)/\(segment.sequence).\(index)"] = rendition.recentPart(
                        MediaPosition(sequence: segment.sequence, part: index))
                }
                guard case .memory(let pieces)? = rendition.segment(segment.sequence) else { continue }
                found["\(name)/\(segment.sequence)"] = ByteBuffer(bytes: pieces.flatMap { Array($0.readableBytesView) })
            }
        }
        return found
    }

    /// The number of the first segment that is listed.
    func first(_ kind: MediaKind) -> Int64? {
        presentation?.rendition(of: kind)?.timeline.segments.first?.sequence
    }
}
