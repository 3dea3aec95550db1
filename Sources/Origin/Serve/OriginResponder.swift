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
            media(steps.dropFirst(2).joined(separator: "/"), channel, presentation, rendition, request, exchange)
        }
    }

    func cancelled(_ exchange: Exchange) {
        hub.parking.cancel(exchange)
        hub.push.desk.cancelled(exchange)
    }

    var offersPush: Bool { true }

    func pushEnded(_ push: Exchange, wasSent: Bool) { hub.push.desk.pushEnded(push, wasSent: wasSent) }

    func pushStalled(_ push: Exchange) { hub.push.desk.pushStalled(push) }

    // MARK: Playlists

    private func multivariant(_ presentation: Presentation, _ request: RequestHead, _ exchange: Exchange) {
        guard presentation.isPlayable else {
            return exchange.refuse(.notLive("The channel has just started; ask again."), presentation.heads)
        }
        let isGzipped = isGzipWelcome(request)
        respond(
            to: request, on: exchange, presentation.heads.playlist(isBlocking: false, isGzipped: isGzipped),
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
            respond(
                to: request, on: exchange,
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
        _ request: RequestHead, _ exchange: Exchange
    ) {
        let found: SegmentStore.Media?
        switch rendition.timeline.media(name) {
        case .initSection(let number): found = rendition.initSection(number).map { .memory([$0]) }
        case .segment(let sequence): found = rendition.segment(sequence)
        case .part(let position): found = rendition.part(position.sequence, position.part)
        case .hinted(let position, let target):
            let want = ParkedRequests.Want.part(sequence: position.sequence, index: position.part)
            return park(exchange, want, until: target, channel, presentation, rendition)
        case .gone: return exchange.refuse(.notFound("This media has left the window."), presentation.heads)
        case .unknown: found = nil
        }
        guard let found else {
            return exchange.refuse(.notYet("No such media in this rendition."), presentation.heads)
        }
        answer(found, head: presentation.mediaHead(of: rendition), to: request, on: exchange)
    }

    private func answer(
        _ media: SegmentStore.Media, head: ResponseHead, to request: RequestHead, on exchange: Exchange
    ) {
        let eventLoop = hub.parking.eventLoop
        guard !ConditionalRequest.holds(ifNoneMatch: request, head),
            let range = ByteRange(request, head: head, length: media.count)
        else { return respond(to: request, on: exchange, head, body: media.body(for: exchange, on: eventLoop)) }
        var head = head
        switch (range, media) {
        case (_, .memory(let pieces)): exchange.respond(range, of: pieces, head: head)
        case (.unsatisfiable, .file):
            head.becomeUnsatisfiable(of: media.count)
            exchange.respond(head)
        case (.single(let bounds), .file(let file, let place)):
            head.becomePartial(bounds, of: media.count)
            let part = place.lowerBound + bounds.lowerBound..<place.lowerBound + bounds.upperBound
            exchange.respond(head, body: SegmentStore.Media.file(file, part).body(for: exchange, on: eventLoop))
        // The whole is as good an answer as several ranges (RFC 9110, 14.2).
        case (.multiple, .file): exchange.respond(head, body: media.body(for: exchange, on: eventLoop))
        }
    }

    /// A 200, or a 304 to a client that wants nothing that exists: nothing here has a tag, but "*" names all of it.
    private func respond(
        to request: RequestHead, on exchange: Exchange, _ head: ResponseHead, body: @autoclosure () -> ResponseBody
    ) {
        guard ConditionalRequest.holds(ifNoneMatch: request, head) else { return exchange.respond(head, body: body()) }
        var head = head
        head.status = 304
        exchange.respond(head)
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
