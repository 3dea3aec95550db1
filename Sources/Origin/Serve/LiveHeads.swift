import HLS
import HTTP
import Media
import NIOCore
import Node
import Wire

/// Response heads of the live paths: content types, CORS and the cache lifetimes of RFC 8216bis, appendix B.1.
enum LiveHeads {
    static func playlist(blocking: Bool, gzipped: Bool, targetDuration: Int) -> ResponseHead {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", "application/vnd.apple.mpegurl")
        let lifetime = blocking ? CacheLifetime.blockingPlaylist : .playlist
        head.fields.append("cache-control", lifetime.value(targetDuration: targetDuration))
        if gzipped { head.fields.append("content-encoding", "gzip") }
        head.fields.append("vary", "accept-encoding")
        head.fields.append("priority", "u=1")
        appendCommon(&head)
        return head
    }

    static func media(_ kind: MediaKind, targetDuration: Int) -> ResponseHead {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", kind == .video ? "video/mp4" : "audio/mp4")
        head.fields.append("cache-control", CacheLifetime.media.value(targetDuration: targetDuration))
        head.fields.append("priority", "u=3")
        appendCommon(&head)
        return head
    }

    static func problem(_ problem: Problem, cacheFor lifetime: Duration) -> ResponseHead {
        var head = problem.head
        let seconds = lifetime.components.seconds
        head.fields.set("cache-control", seconds > 0 ? "max-age=\(seconds)" : "no-store")
        appendCommon(&head)
        return head
    }

    static func appendCommon(_ head: inout ResponseHead) {
        CORS.append(to: &head.fields)
        head.fields.append("date", HTTPDate.format(unixSeconds: WallClock.now() / 1_000_000))
        head.fields.append("server", "needletail")
    }
}

/// The refusals that viewers of the live paths can meet.
enum LiveRefusal {
    case notFound(String)
    case badRequest(String)
    case holdExpired(after: Duration)
    case tooManyParked
    case methodNotAllowed
    case stopping

    var problem: Problem {
        switch self {
        case .notFound(let detail): Problem(name: "not-found", title: "Not found", status: 404, detail: detail)
        case .badRequest(let detail):
            Problem(name: "bad-directive", title: "Malformed delivery directive", status: 400, detail: detail)
        case .holdExpired(let limit):
            Problem(
                name: "hold-expired", title: "Nothing new came in time", status: 503,
                detail: "The request was held for \(limit.components.seconds) s and the stream did not advance.")
        case .tooManyParked:
            Problem(
                name: "too-many-parked", title: "Too many requests wait", status: 429,
                detail: "As many requests wait for this channel as its configuration allows.")
        case .methodNotAllowed:
            Problem(name: "method-not-allowed", title: "Method not allowed", status: 405, detail: "Use GET or HEAD.")
        case .stopping:
            Problem(name: "stopping", title: "The origin is stopping", status: 503, detail: "Ask another origin.")
        }
    }
}

extension Exchange {
    /// Answers with a problem document.
    func refuse(_ refusal: LiveRefusal, cacheFor lifetime: Duration) {
        let problem = refusal.problem
        var head = LiveHeads.problem(problem, cacheFor: lifetime)
        switch problem.status {
        case 503, 429: head.fields.append("retry-after", "1")
        case 405: head.fields.append("allow", "GET, HEAD, OPTIONS")
        default: break
        }
        respond(head, body: .bytes(problem.body))
    }
}
