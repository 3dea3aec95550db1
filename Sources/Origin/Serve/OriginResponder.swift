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
        if status.respond(to: request, on: exchange) { return }
        let path = request.path.text
        guard path.hasPrefix("/live/") else {
            return exchange.refuse(.notFound("Nothing is served at this path."), cacheFor: .seconds(1))
        }
        switch request.method {
        case .get, .head: break
        case .options: return exchange.respond(CORS.preflight)
        default: return exchange.refuse(.methodNotAllowed, cacheFor: .zero)
        }
        let steps = path.dropFirst("/live/".count).split(separator: "/", omittingEmptySubsequences: false)
        guard let name = steps.first, let channel = hub.channel(name), let presentation = channel.presentation else {
            return exchange.refuse(.notFound("No such channel is live."), cacheFor: .seconds(1))
        }
        if steps.count == 2, steps[1] == "index.m3u8" { return multivariant(presentation, request, exchange) }
        guard steps.count >= 3, let rendition = presentation.rendition(named: steps[1]) else {
            return exchange.refuse(.notFound("The channel has no such rendition."), cacheFor: .seconds(1))
        }
        if steps.count == 3, steps[2] == "playlist.m3u8" {
            playlist(channel, presentation, rendition, request, exchange)
        } else {
            media(steps.dropFirst(2).joined(separator: "/"), channel, presentation, rendition, exchange)
        }
    }

    func cancelled(_ exchange: Exchange) {
        hub.parking.cancel(exchange)
    }

    // MARK: Playlists

    private func multivariant(_ presentation: Presentation, _ request: RequestHead, _ exchange: Exchange) {
        guard presentation.isPlayable else {
            return exchange.refuse(.notFound("The channel has just started; ask again."), cacheFor: .zero)
        }
        exchange.respond(
            LiveHeads.playlist(blocking: false, gzipped: false, targetDuration: presentation.targetDuration),
            body: .bytes(presentation.multivariant()))
    }

    private func playlist(
        _ channel: LiveChannel, _ presentation: Presentation, _ rendition: LiveRendition, _ request: RequestHead,
        _ exchange: Exchange
    ) {
        let directives: DeliveryDirectives
        do throws(DirectiveError) {
            directives = try DeliveryDirectives.parse(query: request.query ?? [])
        } catch {
            return exchange.refuse(
                .badRequest("\(error)"), cacheFor: .seconds(presentation.targetDuration))
        }
        guard rendition.hasMedia else {
            return exchange.refuse(.notFound("The rendition has just started; ask again."), cacheFor: .zero)
        }
        let form = PlaylistForm(
            skip: directives.skip, isGzipped: ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip)
        switch rendition.timeline.decide(directives) {
        case .ready:
            let blocking = directives.msn != nil
            exchange.respond(
                LiveHeads.playlist(
                    blocking: blocking, gzipped: form.isGzipped, targetDuration: presentation.targetDuration),
                body: .bytes(rendition.playlist(form, reports: presentation.reports(for: rendition))))
        case .hold(let target):
            park(exchange, .playlist(form), until: target, channel, presentation, rendition)
        case .badRequest(let reason):
            // It may be a good request soon: caches keep the refusal no longer than a part.
            exchange.refuse(.badRequest("\(reason)"), cacheFor: .zero)
        }
    }

    // MARK: Media

    private func media(
        _ name: String, _ channel: LiveChannel, _ presentation: Presentation, _ rendition: LiveRendition,
        _ exchange: Exchange
    ) {
        let found: ResponseBody?
        switch rendition.timeline.media(name) {
        case .initSection(let number): found = rendition.initSection(number).map { .bytes($0) }
        case .segment(let sequence): found = rendition.segment(sequence).map { .slices($0) }
        case .part(let position): found = rendition.part(position.sequence, position.part).map { .bytes($0) }
        case .hinted(let position, let target):
            let want = ParkedRequests.Want.part(sequence: position.sequence, index: position.part)
            return park(exchange, want, until: target, channel, presentation, rendition)
        case .gone: return exchange.refuse(.notFound("This media has left the window."), cacheFor: .seconds(1))
        case .unknown: found = nil
        }
        guard let found else {
            return exchange.refuse(.notFound("No such media in this rendition."), cacheFor: .zero)
        }
        exchange.respond(LiveHeads.media(rendition.kind, targetDuration: presentation.targetDuration), body: found)
    }

    // MARK: Holds

    private func park(
        _ exchange: Exchange, _ want: ParkedRequests.Want, until target: HoldTarget, _ channel: LiveChannel,
        _ presentation: Presentation, _ rendition: LiveRendition
    ) {
        guard presentation.parkedCount < channel.settings.parkedRequests else {
            return exchange.refuse(.tooManyParked, cacheFor: .zero)
        }
        let deadline = NIODeadline.now() + TimeAmount(presentation.holdLimit)
        rendition.park(.init(exchange: exchange, want: want, target: target, deadline: deadline))
    }
}
