import LoadtestCore
import NIOCore
import NIOPosix
import RTMP

/// Publishes a clip over and over, each message at its time, and remembers when each picture left.
final class ClipPublisher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let clip: Clip
    private let ledger: PublishLedger
    /// Every picture carries its times in its bitstream, and the ledger keeps no list of them.
    private let isStamped: Bool
    /// Wall clock less the loop's, in microseconds.
    private let wallOffset: Int64
    private var session: OutgoingPublish
    private var effects: [OutgoingPublish.Effect] = []
    private var start: NIODeadline?
    private var next = 0
    private var round = 0

    private init(clip: Clip, app: String, key: String, url: String, isStamped: Bool, ledger: PublishLedger) {
        self.clip = clip
        self.ledger = ledger
        self.isStamped = isStamped
        wallOffset = RunClock.now() - Int64(NIODeadline.now().uptimeNanoseconds / 1_000)
        session = OutgoingPublish(app: app, streamKey: key, url: url)
    }

    /// Connects and publishes until the channel is closed.
    static func connect(
        clip: Clip, host: String = "127.0.0.1", port: Int, app: String = "live", key: String, isStamped: Bool = false,
        on group: any EventLoopGroup
    ) throws -> (channel: any Channel, ledger: PublishLedger) {
        let ledger = PublishLedger()
        let channel = try ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ClipPublisher(
                            clip: clip, app: app, key: key, url: "rtmp://\(host):\(port)/\(app)", isStamped: isStamped,
                            ledger: ledger))
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

    func channelInactive(context: ChannelHandlerContext) {
        ledger.state.withLock { $0.isClosed = true }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

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

    private func wallMicroseconds(_ deadline: NIODeadline) -> Int64 {
        Int64(deadline.uptimeNanoseconds / 1_000) + wallOffset
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
            var payload = message.payload
            if isStamped, message.type == 9 {
                // Age counts from when a picture was due, so that a late sender cannot flatter its server.
                payload = clip.stamped(
                    message, FrameStamp(capturedAt: wallMicroseconds(due), sentAt: wallMicroseconds(.now())))
            }
            context.write(
                NIOAny(session.message(type: message.type, timestamp: timestamp, payload: payload)), promise: nil)
            wroteAny = true
            if message.type == 9 {
                let late = now - due
                ledger.state.withLock { state in
                    if !isStamped { state.sentAt[timestamp] = due }
                    state.latestLateness = max(state.latestLateness, .nanoseconds(late.nanoseconds))
                    state.lateness.record(late.nanoseconds / 1_000)
                }
            }
            next += 1
            if next == clip.messages.count { (next, round) = (0, round + 1) }
        }
    }
}
