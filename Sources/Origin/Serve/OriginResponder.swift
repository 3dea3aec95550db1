import Compression
import HLS
import HTTP
import Logging
import Media
import NIOCore
import Node
import Wire

/// Answers viewers and edges on the origin's data plane.
final class OriginResponder: Responder {
    private let hub: ChannelHub
    private let status: NodeStatus

    init(hub: ChannelHub, status: NodeStatus) {
        self.hub = hub
        self.status = status
    }

    func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
        if status.respond(to: request, on: exchange) || hub.push.desk.respond(to: request, on: exchange) { return }
        let path = request.path.text
        guard path.hasPrefix("/live/") else {
            return exchange.refuse(.notFound("Nothing is served at this path."), .nothingLive)
        }
        switch request.method {
        case .get, .head: break
        case .options: return exchange.respond(CORS.preflight)
        default: return exchange.refuse(.methodNotAllowed, .nothingLive)
        }
        let steps = path.dropFirst("/live/".count).split(separator: "/", omittingEmptySubsequences: false)
        guard let name = steps.first, let channel = hub.channel(name), let presentation = channel.presentation else {
            let isKnown = steps.first.map { hub.mayBeLive($0) } ?? false
            return exchange.refuse(
                isKnown ? .notLive("Nobody publishes to this channel now.") : .notYet("There is no such channel."),
                .nothingLive)
        }
        if steps.count == 2, steps[1] == "index.m3u8" { return multivariant(presentation, request, exchange) }
        guard steps.count >= 3, let rendition = presentation.rendition(named: steps[1]) else {
            return exchange.refuse(.notYet("The channel has no such rendition."), presentation.heads)
        }
        if steps.count == 3, steps[2] == "playlist.m3u8" {
            playlist(channel, presentation, rendition, request, exchange)
        } else {
            media(steps.dropFirst(2).joined(separator: "/"), channel, presentation, rendition, exchange)
        }
    }

    func cancelled(_ exchange: Exchange) {
        hub.parking.cancel(exchange)
        hub.push.desk.cancelled(exchange)
    }

    var offersPush: Bool { true }

    func pushEnded(_ push: Exchange, wasSent: Bool) { hub.push.desk.pushEnded(push, wasSent: wasSent) }

    // MARK: Playlists

    private func multivariant(_ presentation: Presentation, _ request: RequestHead, _ exchange: Exchange) {
        guard presentation.isPlayable else {
            return exchange.refuse(.notLive("The channel has just started; ask again."), presentation.heads)
        }
        let isGzipped = isGzipWelcome(request)
        exchange.respond(
            presentation.heads.playlist(isBlocking: false, isGzipped: isGzipped),
            body: .bytes(isGzipped ? Gzip.compress(presentation.multivariant()) : presentation.multivariant()))
    }

    private func playlist(
        _ channel: LiveChannel, _ presentation: Presentation, _ rendition: LiveRendition, _ request: RequestHead,
        _ exchange: Exchange
    ) {
        let directives: DeliveryDirectives
        do throws(DirectiveError) {
            directives = try DeliveryDirectives.parse(query: request.query ?? [])
        } catch {
            return exchange.refuse(.malformedDirective("\(error)"), presentation.heads)
        }
        guard rendition.hasMedia else {
            return exchange.refuse(.notLive("The rendition has just started; ask again."), presentation.heads)
        }
        let form = PlaylistForm(skip: directives.skip, isGzipped: isGzipWelcome(request))
        switch rendition.timeline.decide(directives) {
        case .ready:
            exchange.respond(
                presentation.heads.playlist(isBlocking: directives.msn != nil, isGzipped: form.isGzipped),
                body: presentation.playlist(form, of: rendition))
        case .hold(let target):
            park(exchange, .playlist(form), until: target, channel, presentation, rendition)
        case .badRequest(let reason):
            exchange.refuse(.tooFarAhead("\(reason)"), presentation.heads)
        }
    }

    private func isGzipWelcome(_ request: RequestHead) -> Bool {
        ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip
    }

    // MARK: Media

    private func media(
        _ name: String, _ channel: LiveChannel, _ presentation: Presentation, _ rendition: LiveRendition,
        _ exchange: Exchange
    ) {
        let found: ResponseBody?
        switch rendition.timeline.media(name) {
        case .initSection(let number): found = rendition.initSection(number).map { .bytes($0) }
        case .segment(let sequence): found = body(rendition.segment(sequence), for: exchange)
        case .part(let position): found = body(rendition.part(position.sequence, position.part), for: exchange)
        case .hinted(let position, let target):
            let want = ParkedRequests.Want.part(sequence: position.sequence, index: position.part)
            return park(exchange, want, until: target, channel, presentation, rendition)
        case .gone: return exchange.refuse(.notFound("This media has left the window."), presentation.heads)
        case .unknown: found = nil
        }
        guard let found else {
            return exchange.refuse(.notYet("No such media in this rendition."), presentation.heads)
        }
        exchange.respond(presentation.mediaHead(of: rendition), body: found)
    }

    private func body(_ media: SegmentStore.Media?, for exchange: Exchange) -> ResponseBody? {
        media?.body(for: exchange, on: hub.parking.eventLoop)
    }

    // MARK: Holds

    private func park(
        _ exchange: Exchange, _ want: ParkedRequests.Want, until target: HoldTarget, _ channel: LiveChannel,
        _ presentation: Presentation, _ rendition: LiveRendition
    ) {
        if let excess = hub.parking.excess(exchange, on: channel.holds) {
            return exchange.refuse(.tooManyParked(excess), presentation.heads)
        }
        rendition.park(
            exchange, want, until: target, of: channel.holds,
            deadline: presentation.holdDeadline(on: rendition, at: .now()))
    }
}
