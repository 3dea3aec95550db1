import HLS
import HTTP
import Media
import NIOCore
import Node
import Wire

/// Response heads of the live paths: content types, CORS and the cache lifetimes of RFC 8216bis, appendix B.1.
struct LiveHeads {
    /// Whole seconds.
    let targetDuration: Int
    let partTarget: Duration

    /// Where nothing is live there are no targets: what may exist soon is not cached at all.
    static let nothingLive = LiveHeads(targetDuration: 1, partTarget: .zero)

    func playlist(isBlocking: Bool, isGzipped: Bool) -> ResponseHead {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", "application/vnd.apple.mpegurl")
        head.fields.append("cache-control", value(isBlocking ? .blockingPlaylist : .playlist))
        if isGzipped { head.fields.append("content-encoding", "gzip") }
        head.fields.append("vary", "accept-encoding")
        head.fields.append("priority", "u=1")
        Self.appendCommon(&head)
        return head
    }

    /// `urgency` is 2 to 6 (RFC 9218): the lower bit rates have the lower numbers, which are more urgent.
    func media(_ kind: MediaKind, urgency: Int) -> ResponseHead {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", kind == .video ? "video/mp4" : "audio/mp4")
        head.fields.append("cache-control", value(.media))
        head.fields.append("priority", "u=\(min(max(2, urgency), 6))")
        Self.appendCommon(&head)
        return head
    }

    func problem(_ refusal: LiveRefusal) -> ResponseHead {
        var head = refusal.problem.head
        head.fields.set("cache-control", value(refusal.isTooEarly ? .tooEarly(partTarget: partTarget) : .failure))
        switch refusal.problem.status {
        case 503, 429: head.fields.append("retry-after", "\(max(1, partTarget.roundedUpSeconds))")
        case 405: head.fields.append("allow", "GET, HEAD, OPTIONS")
        default: break
        }
        Self.appendCommon(&head)
        return head
    }

    private func value(_ lifetime: CacheLifetime) -> String { lifetime.value(targetDuration: targetDuration) }

    static func appendCommon(_ head: inout ResponseHead) {
        CORS.append(to: &head.fields)
        head.fields.append("date", HTTPDate.format(unixSeconds: WallClock.now() / 1_000_000))
        head.fields.append("server", "needletail")
    }
}

/// The refusals that viewers of the live paths can meet.
enum LiveRefusal {
    /// It may exist soon.
    case notYet(String)
    /// The channel exists, and there is nothing to play: nobody publishes to it, or has only just begun to.
    case notLive(String)
    /// It never will, or never again.
    case notFound(String)
    case malformedDirective(String)
    /// It asks for more of the future than the rules allow, which may be the present soon.
    case tooFarAhead(String)
    case holdExpired(after: Duration)
    case tooManyParked(ParkingIndex.Excess)
    case methodNotAllowed

    /// A later request may well be answered otherwise: caches must not hide that.
    var isTooEarly: Bool {
        switch self {
        case .notYet, .notLive, .tooFarAhead, .holdExpired, .tooManyParked: true
        case .notFound, .malformedDirective, .methodNotAllowed: false
        }
    }

    var problem: Problem {
        switch self {
        case .notYet(let detail), .notFound(let detail):
            Problem(name: "not-found", title: "Not found", status: 404, detail: detail)
        case .notLive(let detail):
            Problem(name: "not-live", title: "Not live", status: 404, detail: detail)
        case .malformedDirective(let detail), .tooFarAhead(let detail):
            Problem(name: "bad-directive", title: "Malformed delivery directive", status: 400, detail: detail)
        case .holdExpired(let limit):
            Problem(
                name: "hold-expired", title: "Nothing new came in time", status: 503,
                detail: "The stream did not advance for \(limit.components.seconds) s. Ask again.")
        case .tooManyParked(let excess):
            Problem(
                name: "too-many-parked", title: "Too many requests wait", status: 429,
                detail: "As many requests wait \(excess.place) as the origin's configuration allows. Ask again.")
        case .methodNotAllowed:
            Problem(name: "method-not-allowed", title: "Method not allowed", status: 405, detail: "Use GET or HEAD.")
        }
    }
}

extension ParkingIndex.Excess {
    fileprivate var place: String {
        switch self {
        case .node: "on this node"
        case .channel: "for this channel"
        case .address: "for this address"
        }
    }
}

extension Exchange {
    /// Answers with a problem document.
    func refuse(_ refusal: LiveRefusal, _ heads: LiveHeads) {
        respond(heads.problem(refusal), body: .bytes(refusal.problem.body))
    }
}

extension Duration {
    fileprivate var roundedUpSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
