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

    /// What the connection holds of a channel. It has nothing once it has ended, whatever is answered then.
    private enum Hold {
        case nothing
        case asked(PublishLease)
        case granted(ActivePublish)
    }

    private let gateway: IngestGateway
    private let registry: PublisherRegistry
    private var logger: Logger
    private var session: PublisherSession
    private var effects: [PublisherSession.Effect] = []
    private var hold = Hold.nothing
    private var context: ChannelHandlerContext?
    private var wake: Scheduled<Void>?
    private var wakeAt: ContinuousClock.Instant?
    private var failure: String?

    /// How long a publisher that was told why the connection ends may take to close it: what it still sends is read, for
    /// unread bytes would make the kernel throw the reason away.
    private static let leaveTaking = TimeAmount.seconds(2)

    init(gateway: IngestGateway, registry: PublisherRegistry, logger: Logger) {
        self.gateway = gateway
        self.registry = registry
        self.logger = logger
        session = PublisherSession(
            limits: gateway.limits, at: .now, randomSeed: UInt64.random(in: .min ... .max))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        logger[metadataKey: "peer"] = "\(context.remoteAddress?.description ?? "unknown")"
        registry.opened()
        schedule()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        endHold(.lost, by: .connection, reason: "the connection ended")
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
        endHold(.lost, by: .connection, reason: failure ?? "it was closed without an end of the publish")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = "it failed: \(error)"
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
            case .fault(let fault): publish?.note(fault)
            case .unpublished: endHold(.finished, by: .publisher, reason: "the publisher finished")
            case .close(let reason): close(reason)
            }
        }
    }

    private var publish: ActivePublish? { if case .granted(let publish) = hold { publish } else { nil } }

    private func authorize(_ request: PublishRequest) {
        guard let context else { return }
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        // A takeover reaches this connection through its ticket, from the data plane's loop.
        let ticket = PublishTicket { reason in
            eventLoop.execute { bound.value.dismiss(reason) }
        }
        let (lease, answer) = gateway.claim(request, ticket: ticket)
        hold = .asked(lease)
        answer.hop(to: eventLoop).whenComplete { result in
            bound.value.answer(request, lease, result)
        }
    }

    private func answer(
        _ request: PublishRequest, _ lease: PublishLease, _ result: Result<PublishGrant, any Error>
    ) {
        // An answer to a connection that has ended: its lease has too.
        guard case .asked(let asked) = hold, asked === lease, let context else { return }
        switch result {
        case .success(let grant):
            logger[metadataKey: "channel"] = "\(grant.channel)"
            logger.info("publish started", metadata: ["encoder": "\(request.publisher)"])
            registry.publishStarted()
            hold = .granted(
                ActivePublish(
                    grant: grant, lease: lease, gateway: gateway, registry: registry, eventLoop: context.eventLoop,
                    logger: logger))
            session.authorized(.accepted, at: .now, into: &effects)
        case .failure(let error):
            hold = .nothing
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

    // MARK: End

    /// The origin ends this publish: another publisher took over, it stops, or what came cannot be packaged.
    private func dismiss(_ reason: String) {
        session.stop(reason: reason, at: .now, into: &effects)
        perform()
    }

    private func refuse(_ sentence: String) {
        logger.notice("publish refused", metadata: ["reason": "\(sentence)"])
        registry.refused()
        endHold(.unusable, by: .origin, reason: sentence)
        dismiss(sentence)
    }

    private func close(_ reason: CloseReason) {
        if reason.isViolation { registry.violated() }
        switch (hold, reason) {
        case (.granted, .dismissed(let sentence)): endHold(.dismissed, by: .origin, reason: sentence)
        case (.granted, .silent): endHold(.lost, by: .connection, reason: "\(reason)")
        case (.granted, _): endHold(.lost, by: .origin, reason: "\(reason)")
        case (.asked, _), (.nothing, _):
            endHold(.lost, by: .origin, reason: "\(reason)")
            logger.log(
                level: reason.isViolation ? .notice : .info, "publisher's connection closed",
                metadata: ["reason": "\(reason)"])
        }
        guard let context else { return }
        guard reason.mayBeHeard else { return context.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        wake?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        wake = context.eventLoop.scheduleTask(in: Self.leaveTaking) {
            bound.value.context?.close(promise: nil)
        }
    }

    /// Gives the channel back, granted or asked for.
    private func endHold(_ end: PublishEnd, by actor: PublishEnding.Actor, reason: String) {
        let ended = hold
        hold = .nothing
        switch ended {
        case .nothing: return
        case .asked(let lease): lease.end(end)
        case .granted(let publish):
            registry.publishEnded()
            publish.finish(PublishEnding(end: end, actor: actor, reason: reason))
        }
    }

    // MARK: Time

    private func schedule() {
        guard let context else { return }
        publish?.tick()
        if let sentence = publish?.refusal() { refuse(sentence) }
        guard var next = session.nextDeadline else { return }
        if let left = publish?.timeToDecide { next = min(next, .now + left) }
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
