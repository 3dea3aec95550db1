import Foundation
import Harness
import LoadtestCore
import NIOCore
import NIOPosix
import RTMP
import Synchronization

/// Encodes stamped pictures with ffmpeg while it publishes them: the time of capture stands in the picture, for browsers,
/// and in the bitstream, for protocol viewers. What ffmpeg encoded comes back over a socket and gets its stamp here.
final class EncodedPublisher: Sendable {
    /// Captures of the pictures that the encoder still has, oldest first.
    private final class Captures: Sendable { let times = Mutex<[Int64]>([]) }

    fileprivate let ledger = PublishLedger()
    private let listener: any Channel
    private let sender: any Channel
    private let encoder: ChildProcess
    private let feed: Mutex<PictureFeed?>

    static func start(
        _ plan: PublisherPlan, to target: RTMPTarget, key: String, in directory: URL, on group: any EventLoopGroup
    ) throws -> (stop: () -> Void, ledger: PublishLedger) {
        let publisher = try EncodedPublisher(plan, to: target, key: key, in: directory, on: group)
        return ({ publisher.stop() }, publisher.ledger)
    }

    private init(
        _ plan: PublisherPlan, to target: RTMPTarget, key: String, in directory: URL, on group: any EventLoopGroup
    ) throws {
        let loop = group.next()
        let captures = Captures()
        let ledger = ledger
        let state = try loop.submit {
            NIOLoopBound(
                Sender(
                    OutgoingPublish(app: target.app, streamKey: key, url: target.description), ledger: ledger
                ) {
                    captures.times.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                }, eventLoop: loop)
        }.wait()
        sender = try ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(state.value) }
            }
            .connect(host: target.host, port: target.port).wait()
        listener = try ServerBootstrap(group: loop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Encoded(state.value))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        let frames = max(1, Int((Double(plan.gop.microseconds) * Double(plan.frameRate) / 1e6).rounded()))
        var arguments = [
            "-hide_banner", "-loglevel", "warning", "-probesize", "32", "-analyzeduration", "0", "-f", "rawvideo",
            "-pix_fmt", "yuv420p", "-s", "\(plan.width)x\(plan.height)", "-r", "\(plan.frameRate)", "-i", "-",
        ]
        if plan.hasAudio { arguments += ["-f", "lavfi", "-i", "sine=sample_rate=48000"] }
        arguments += [
            "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-b:v", "\(plan.bitsPerSecond)", "-g",
            "\(frames)",
        ]
        if plan.hasAudio { arguments += ["-c:a", "aac", "-b:a", "64k"] }
        encoder = try ChildProcess(
            "ffmpeg",
            arguments + ["-flush_packets", "1", "-f", "flv", "tcp://127.0.0.1:\(listener.localAddress?.port ?? 0)"],
            in: directory, name: "encoder-\(key)", takesInput: true, hasOwnGroup: true)
        feed = Mutex(nil)
        let input = encoder.input?.fileDescriptor ?? -1
        feed.withLock {
            $0 = PictureFeed(width: plan.width, height: plan.height, rate: plan.frameRate, to: input) { captured in
                captures.times.withLock { $0.append(captured) }
            }
        }
    }

    private func stop() {
        feed.withLock { $0?.stop() }
        encoder.stop()
        sender.close(promise: nil)
        listener.close(promise: nil)
    }

    /// The RTMP connection. Tags that come before the server takes them wait.
    private final class Sender: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var session: OutgoingPublish
        private let ledger: PublishLedger
        private let nextCapture: () -> Int64?
        private var effects: [OutgoingPublish.Effect] = []
        private var waiting: [FLVStream.Tag] = []
        private var isAccepted = false
        private var lengthBytes = 4
        private var context: ChannelHandlerContext?

        init(_ session: OutgoingPublish, ledger: PublishLedger, nextCapture: @escaping () -> Int64?) {
            self.session = session
            self.ledger = ledger
            self.nextCapture = nextCapture
        }

        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

        func channelActive(context: ChannelHandlerContext) {
            self.context = context
            context.writeAndFlush(NIOAny(session.start()), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            session.receive(unwrapInboundIn(data), into: &effects)
            for effect in effects {
                switch effect {
                case .send(let bytes): context.writeAndFlush(NIOAny(bytes), promise: nil)
                case .accepted:
                    isAccepted = true
                    ledger.state.withLock { $0.acceptedAt = .now() }
                    for tag in waiting { write(tag) }
                    waiting.removeAll()
                    context.flush()
                case .refused(let reason):
                    ledger.state.withLock { $0.refusal = reason }
                    context.close(promise: nil)
                }
            }
            effects.removeAll(keepingCapacity: true)
        }

        func channelInactive(context: ChannelHandlerContext) { ledger.state.withLock { $0.isClosed = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func send(_ tag: FLVStream.Tag) {
            if isAccepted { write(tag) } else { waiting.append(tag) }
        }

        func flush() { context?.flush() }

        private func write(_ tag: FLVStream.Tag) {
            var body = tag.body
            if tag.isPictureHeader, let size = body.getInteger(at: body.readerIndex + 9, as: UInt8.self) {
                lengthBytes = Int(size & 3) + 1
            }
            if tag.isPicture, let captured = nextCapture() {
                // One picture in, one out, in order: this encoder has no B-frames.
                let stamp = FrameStamp(capturedAt: captured, sentAt: RunClock.now())
                body = Clip.stamped(body, stamp, lengthBytes: lengthBytes)
            }
            let message = session.message(type: tag.type, timestamp: tag.timestamp, payload: body)
            context?.write(NIOAny(message), promise: nil)
        }
    }

    /// What ffmpeg sends: FLV.
    private final class Encoded: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let sender: Sender
        private var stream = FLVStream()

        init(_ sender: Sender) { self.sender = sender }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            stream.receive(unwrapInboundIn(data))
            while let tag = stream.next() { sender.send(tag) }
            sender.flush()
        }
    }
}
