import AccessLog
import HTTP
import NIOCore

/// What exchanges ask of their connection goes to the engine of its protocol.
extension ServerConnection {
    func respond(stream: Int32, head: ResponseHead, body: ResponseBody, cache: CacheResult) {
        switch engine {
        case .http1(let server): server.respond(request: stream, head: head, body: body, cache: cache)
        case .http2(let server): server.respond(stream: stream, head: head, body: body, cache: cache)
        case .loop(let server): return server.respond(stream: stream, head: head, body: body)
        case .undecided, .closed: return
        }
        pumpSoon()
    }

    func respond(stream: Int32, prepared: PreparedHead, body: ResponseBody, cache: CacheResult) {
        switch engine {
        case .http1(let server): server.respond(request: stream, prepared: prepared, body: body, cache: cache)
        case .http2(let server): server.respond(stream: stream, prepared: prepared, body: body, cache: cache)
        case .loop(let server): return server.respond(stream: stream, head: prepared.head, body: body)
        case .undecided, .closed: return
        }
        pumpSoon()
    }

    /// Lets an exchange that is not over note something of itself, with the time.
    func note(stream: Int32, _ body: (inout ExchangeTrail, NIODeadline) -> Void) {
        switch engine {
        case .http1(let server): server.note(request: stream) { body(&$0, now) }
        case .http2(let server): server.note(stream: stream) { body(&$0, now) }
        case .loop, .undecided, .closed: return
        }
    }

    var takesPush: Bool {
        switch engine {
        case .http2(let server): server.takesPush
        case .loop: true
        case .http1, .undecided, .closed: false
        }
    }

    var hasRoomForPush: Bool {
        switch engine {
        case .http2(let server): server.hasRoomForPush
        // The loops of one process take what they have asked each other for.
        case .loop: true
        case .http1, .undecided, .closed: false
        }
    }

    func push(on stream: Int32, _ request: RequestHead, head: ResponseHead, body: ResponseBody) -> Int32? {
        if case .loop(let server) = engine { return server.push(on: stream, request, head: head, body: body) }
        guard case .http2(let server) = engine else { return nil }
        let promised = server.push(on: stream, request, head: head, body: body)
        // Its end must not be told before whoever pushes has heard its name, and pushes come in groups.
        pumpLater()
        return promised
    }

    func inform(stream: Int32, head: ResponseHead) {
        guard (102...199).contains(head.status) else { return }
        switch engine {
        case .http1(let server): server.inform(request: stream, head: head)
        case .http2(let server): server.inform(stream: stream, head: head)
        case .loop(let server): return server.inform(stream: stream, head: head)
        case .undecided, .closed: return
        }
        pumpSoon()
    }

    func resume(stream: Int32) {
        switch engine {
        case .http2(let server): server.resumeBody(stream: stream)
        case .loop(let server): return server.resumeBody(stream: stream)
        case .http1, .undecided, .closed: break
        }
        pumpSoon()
    }

    func abort(stream: Int32) {
        switch engine {
        case .http1(let server): server.abort(request: stream)
        case .http2(let server): server.abort(stream: stream)
        case .loop(let server): return server.abort(stream: stream)
        case .undecided, .closed: return
        }
        pumpSoon()
    }
}
