import HTTP
import NIOCore
import Wire

/// A faulty site behind this project's HTTP server.
package final class FaultyResponder: Responder {
    private let site: FaultySite
    private let loop: any EventLoop
    private let startedAt = NIODeadline.now()
    private var tickets: [Exchange: Int] = [:]
    private var lastTicket = 0
    private var clock: RepeatedTask?

    package init(_ site: FaultySite, on loop: any EventLoop) {
        self.site = site
        self.loop = loop
    }

    package func start() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        clock = loop.scheduleRepeatedTask(initialDelay: .milliseconds(10), delay: .milliseconds(10)) { _ in
            let responder = bound.value
            responder.site.advance(to: (NIODeadline.now() - responder.startedAt).nanoseconds / 1_000)
        }
    }

    package func stop() { clock?.cancel() }

    package func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
        if request.path.isEqual(to: "/healthz"), exchange.offersClearHTTP2 {
            var head = ResponseHead(status: 204)
            head.fields.offerClearHTTP2()
            return exchange.respond(head)
        }
        lastTicket += 1
        tickets[exchange] = lastTicket
        let acceptsGzip = ContentCoding.negotiate(request.fields, offered: [.gzip]) == .gzip
        let range = request.fields.text("range").flatMap(Self.range)
        site.answer(request.target.text, range: range, acceptsGzip: acceptsGzip, ticket: lastTicket) {
            [self] head, body in
            tickets[exchange] = nil
            switch body {
            case .whole(let bytes): exchange.respond(head, body: .bytes(bytes))
            // How bytes trickle is judged in simulated time.
            case .trickled(let pieces): exchange.respond(head, body: .slices(pieces))
            }
        }
    }

    /// First and last byte of `bytes=…`.
    private static func range(_ text: String) -> ClosedRange<Int64>? {
        let ends = text.drop { !$0.isNumber }.split(separator: "-").compactMap { Int64($0) }
        return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
    }

    package func cancelled(_ exchange: Exchange) {
        if let ticket = tickets.removeValue(forKey: exchange) { site.cancel(ticket) }
    }
}
