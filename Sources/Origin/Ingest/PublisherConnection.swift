import Logging
import Media
import NIOCore
import RTMP

/// The one handler of a publisher's connection: bytes and time into the RTMP session, its effects out again.
///
/// Packaging happens here too, on the publisher's own event loop; what it yields crosses to the data plane once per
/// batch of parts.
final class PublisherConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let desk: PublishDesk
    private let registry: PublisherRegistry
    private var logger: Logger
    private var session: PublisherSession
    private var effects: [PublisherSession.Effect] = []
    private var publish: ActivePublish?
    private var context: ChannelHandlerContext?
    private var wake: Scheduled<Void>?
    private var wakeAt: ContinuousClock.Instant?
    private var closeNote: String?

    init(desk: PublishDesk, registry: PublisherRegistry, logger: Logger) {
        self.desk = desk
        self.registry = registry
        self.logger = logger
        session = PublisherSession(
            limits: desk.limits, at: .now, randomSeed: UInt64.random(in: .min ... .max))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        logger[metadataKey: "peer"] = "\(context.remoteAddress?.description ?? "unknown")"
        registry.opened()
        schedule()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        wake?.cancel()
        registry.closed()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        session.receive(unwrapInboundIn(data), at: .now, into: &effects)
        perform()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        publish?.flush()
        schedule()
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        endPublish(.lost, reason: closeNote ?? "the publisher closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        closeNote = "the connection failed: \(error)"
        context.close(promise: nil)
    }

    // MARK: Effects

    private func perform() {
        guard !effects.isEmpty else { return }
        let batch = effects
        effects.removeAll(keepingCapacity: true)
        for effect in batch {
            switch effect {
            case .send(let bytes): context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            case .authorize(let request): authorize(request)
            case .metadata(let metadata): publish?.declare(metadata)
            case .video(let tag): publish?.video(tag)
            case .audio(let tag): publish?.audio(tag)
            case .unpublished: endPublish(.finished, reason: "the publisher ended the publish")
            case .close(let reason): close(reason)
            }
        }
    }

    private func authorize(_ request: PublishRequest) {
        guard let context else { return }
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        // A takeover reaches this connection through its ticket, from the data plane's loop.
        let ticket = PublishTicket { reason in
            eventLoop.execute { bound.value.dismiss(reason) }
        }
        desk.claim(request, ticket: ticket).hop(to: eventLoop).whenComplete { result in
            bound.value.answer(request, ticket: ticket, result)
        }
    }

    private func answer(
        _ request: PublishRequest, ticket: PublishTicket, _ result: Result<PublishGrant, any Error>
    ) {
        switch result {
        case .success(let grant):
            guard let context else { return desk.release(grant, end: .lost) }
            logger[metadataKey: "channel"] = "\(grant.channel)"
            logger.info("publish started", metadata: ["encoder": "\(request.publisher)"])
            registry.publishStarted()
            publish = ActivePublish(grant: grant, desk: desk, eventLoop: context.eventLoop, logger: logger)
            session.authorized(.accepted, at: .now, into: &effects)
        case .failure(let error):
            let refusal = error as? PublishRefusal ?? .unavailable
            logger.notice("publish refused", metadata: ["reason": "\(refusal)"])
            registry.refused()
            session.authorized(
                .refused(code: refusal.code, description: refusal.description), at: .now, into: &effects)
        }
        perform()
        publish?.flush()
        schedule()
    }

    /// The origin ends this publish: another publisher took over, or what it sends cannot be packaged.
    private func dismiss(_ reason: String) {
        closeNote = reason
        session.stop(reason: reason, at: .now, into: &effects)
        perform()
    }

    private func close(_ reason: CloseReason) {
        closeNote = "\(reason)"
        if reason.isViolation {
            registry.violated()
            logger.notice("publisher's connection closed", metadata: ["reason": "\(reason)"])
        } else {
            logger.info("publisher's connection closed", metadata: ["reason": "\(reason)"])
        }
        endPublish(reason == .finished ? .finished : .lost, reason: "\(reason)")
        // Close after the status reply is out: the flushed write stands before the close.
        context?.close(promise: nil)
    }

    private func endPublish(_ end: PublishEnd, reason: String) {
        guard let publish else { return }
        self.publish = nil
        registry.publishEnded()
        publish.finish(end, reason: reason)
    }

    // MARK: Time

    private func schedule() {
        guard let context else { return }
        publish?.tick()
        guard let next = session.nextDeadline else { return }
        // Idle deadlines move with every read: a timer that fires early is cheaper than one re-armed each time.
        if let wakeAt, wakeAt <= next { return }
        wake?.cancel()
        wakeAt = next
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        wake = context.eventLoop.scheduleTask(in: TimeAmount(max(.zero, next - .now))) { bound.value.wakeUp() }
    }

    private func wakeUp() {
        wake = nil
        wakeAt = nil
        session.tick(at: .now, into: &effects)
        perform()
        publish?.flush()
        schedule()
    }
}
