import Cache
import HTTP
import Logging
import NIOCore
import Wire

/// What operators ask of an edge: `POST /v1/purge` with `url`, `prefix` or `key`, and `mode=soft` or `hard`. Nobody is
/// answered without the token, and each purge leaves a line in the log.
final class AdminResponder: Responder {
    private let planes: EdgePlanes
    private let eventLoop: any EventLoop
    private let isToken: ([UInt8]) -> Bool
    private let logger: Logger

    init(planes: EdgePlanes, eventLoop: any EventLoop, isToken: @escaping ([UInt8]) -> Bool, logger: Logger) {
        self.planes = planes
        self.eventLoop = eventLoop
        self.isToken = isToken
        self.logger = logger
    }

    func respond(to request: RequestHead, body: ByteBuffer, on exchange: Exchange) {
        let source = exchange.remoteAddress?.ipAddress ?? "?"
        guard let token = Self.bearer(request.fields), isToken(token) else {
            logger.warning("admin request refused", metadata: ["reason": "no valid token", "from": "\(source)"])
            return refuse(
                Problem(
                    name: "unauthorized", status: 401,
                    detail: "Send \"Authorization: Bearer TOKEN\" with the token of admin.token_file."), on: exchange)
        }
        guard request.path.isEqual(to: "/v1/purge") else {
            return refuse(
                Problem(name: "not-found", status: 404, detail: "The admin port knows POST /v1/purge."), on: exchange)
        }
        guard request.method == .post else {
            return refuse(Problem(name: "method-not-allowed", status: 405, detail: "Use POST."), on: exchange)
        }
        purge(request, from: source, on: exchange)
    }

    func cancelled(_ exchange: Exchange) {}

    private func purge(_ request: RequestHead, from source: String, on exchange: Exchange) {
        let asked = PurgeQuery(request)
        guard let selector = asked.selector, let mode = asked.mode else {
            return refuse(
                Problem(
                    name: "bad-purge", status: 400,
                    detail:
                        "Give exactly one of url=/PATH, prefix=/PATH and key=NAME, percent-encoded, and, if you like, "
                        + "mode=hard or mode=soft."), on: exchange)
        }
        let bound = NIOLoopBound((self, exchange), eventLoop: eventLoop)
        planes.purge(selector, mode, on: eventLoop).whenSuccess { purged in
            let (responder, exchange) = bound.value
            responder.purged(purged.count, selector, mode, from: source, on: exchange)
        }
    }

    private func purged(
        _ count: Int, _ selector: PurgeSelector, _ mode: PurgeMode, from source: String, on exchange: Exchange
    ) {
        let (kind, value) = PurgeQuery.words(selector)
        logger.notice(
            "purged",
            metadata: [
                "by": "\(kind)", "value": "\(value)", "mode": "\(mode)", "objects": "\(count)", "from": "\(source)",
            ])
        var json = ByteBuffer(string: "{\"purged\":\(count),\"mode\":\"\(mode)\",\"\(kind)\":")
        JSONText.write(value, into: &json)
        json.writeString("}\n")
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", "application/json")
        head.fields.append("cache-control", "no-store")
        exchange.respond(head, body: .bytes(json))
    }

    private func refuse(_ problem: Problem, on exchange: Exchange) {
        var head = problem.head
        if problem.status == 401 { head.fields.append("www-authenticate", "Bearer") }
        if problem.status == 405 { head.fields.append("allow", "POST") }
        exchange.respond(head, body: .bytes(problem.body))
    }

    private static func bearer(_ fields: HTTPFields) -> [UInt8]? {
        guard let value = fields.first("authorization"), value.prefix(7).isEqualIgnoringCase(to: "bearer ") else {
            return nil
        }
        return Array(value.dropFirst(7).trimmingBlanks())
    }
}

/// A purge as its query words it.
struct PurgeQuery {
    /// Nil unless exactly one thing is named.
    private(set) var selector: PurgeSelector?
    /// Nil for a mode that does not exist.
    private(set) var mode: PurgeMode? = .hard

    private static let valueBytes = 8_192

    init(_ request: RequestHead) {
        var found: [PurgeSelector] = []
        for item in request.queryItems {
            guard let value = PercentCoding.decode(item.value, limit: Self.valueBytes).map({ $0[...] }), !value.isEmpty
            else { return }
            if item.name.isEqual(to: "url") {
                found.append(.target(value))
            } else if item.name.isEqual(to: "prefix") {
                found.append(.prefix(value))
            } else if item.name.isEqual(to: "key") {
                found.append(.surrogateKey(value))
            } else if item.name.isEqual(to: "mode") {
                mode = value.isEqual(to: "hard") ? .hard : value.isEqual(to: "soft") ? .soft : nil
            } else {
                return
            }
        }
        guard found.count == 1, let only = found.first else { return }
        switch only {
        case .target(let path), .prefix(let path):
            guard path.first == UInt8(ascii: "/") else { return }
        case .surrogateKey: break
        }
        selector = only
    }

    static func words(_ selector: PurgeSelector) -> (kind: String, value: String) {
        switch selector {
        case .target(let target): ("url", target.text)
        case .prefix(let prefix): ("prefix", prefix.text)
        case .surrogateKey(let name): ("key", name.text)
        }
    }
}
