import NIOCore
import NIOPosix
import RTMP
import Synchronization

/// Publishes a clip over and over, each message at its time, and remembers when each picture left.
final class ClipPublisher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// What other threads may ask of a publisher.
    final class Ledger: Sendable {
        struct State {
            var sentAt: [UInt32: NIODeadline] = [:]
            var acceptedAt: NIODeadline?
            var refusal: String?
            var latestLateness = Duration.zero
        }
        let state = Mutex(State())
    }

    private let clip: Clip
    private let ledger: Ledger
    private var session: OutgoingPublish
    private var effects: [OutgoingPublish.Effect] = []
    private var start: NIODeadline?
    private var next = 0
    private var round = 0

    private init(clip: Clip, key: String, url: String, ledger: Ledger) {
        self.clip = clip
        self.ledger = ledger
        session = OutgoingPublish(app: "live", streamKey: key, url: url)
    }

    /// Connects and publishes until the channel is closed.
    static func connect(
        clip: Clip, host: String = "127.0.0.1", port: Int, key: String, on group: any EventLoopGroup
    ) throws -> (channel: any Channel, ledger: Ledger) {
        let ledger = Ledger()
        let channel = try ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ClipPublisher(clip: clip, key: key, url: "rtmp://\(host):\(port)/live", ledger: ledger))
                }
            }
            .connect(host: host, port: port).wait()
        return (channel, ledger)
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(session.start()), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        session.receive(unwrapInboundIn(data), into: &effects)
        for effect in effects {
            switch effect {
            case .send(let bytes): context.writeAndFlush(NIOAny(bytes), promise: nil)
            case .accepted: begin(context)
            case .refused(let reason):
                ledger.state.withLock { $0.refusal = reason }
                context.close(promise: nil)
            }
        }
        effects.removeAll(keepingCapacity: true)
    }

    private func begin(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        start = now
        ledger.state.withLock { $0.acceptedAt = now }
        for header in clip.headers {
            context.write(
                NIOAny(session.message(type: header.type, timestamp: 0, payload: header.payload)), promise: nil)
        }
        send(context)
    }

    /// Sends all that is due, then sleeps until the next is.
    private func send(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, let start else { return }
        let now = NIODeadline.now()
        var wroteAny = false
        while true {
            let message = clip.messages[next]
            let milliseconds = message.milliseconds + Double(round) * clip.duration * 1_000
            let due = start + .nanoseconds(Int64(milliseconds * 1_000_000))
            guard due <= now else {
                if wroteAny { context.flush() }
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                context.eventLoop.scheduleTask(deadline: due) { bound.value.0.send(bound.value.1) }
                return
            }
            let timestamp = UInt32(truncatingIfNeeded: Int64(milliseconds.rounded()))
            context.write(
                NIOAny(session.message(type: message.type, timestamp: timestamp, payload: message.payload)),
                promise: nil)
            wroteAny = true
            if message.type == 9 {
                ledger.state.withLock { state in
                    // Age counts from when a picture was due, so that a late sender cannot flatter its server.
                    state.sentAt[timestamp] = due
                    let late = now - due
                    state.latestLateness = max(state.latestLateness, .nanoseconds(late.nanoseconds))
                }
            }
            next += 1
            if next == clip.messages.count { (next, round) = (0, round + 1) }
        }
    }
}
