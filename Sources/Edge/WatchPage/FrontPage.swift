import HTTP
import NIOCore
import Wire

/// The page at `/`: what this server is, and the way to a channel whose name one knows. It names none: who may know of a
/// channel is its publisher's affair.
enum FrontPage {
    private static let head: ResponseHead = {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", "text/html; charset=utf-8")
        head.fields.append("cache-control", "max-age=60")
        return head
    }()

    /// Answers if the request is for the page, or comes from its form. Returns false when it is somebody else's.
    static func respond(to request: RequestHead, on exchange: Exchange) -> Bool {
        guard request.method == .get || request.method == .head else { return false }
        if request.target.isEqual(to: "/") {
            exchange.respond(head, body: .bytes(ByteBuffer(bytes: PackageResources.front_html)))
            return true
        }
        guard request.path.isEqual(to: "/watch/"), let channel = channel(in: request.query) else { return false }
        var head = ResponseHead(status: 303)
        head.fields.append("location", "/watch/\(channel)")
        exchange.respond(head)
        return true
    }

    /// The name in a query that is `channel=NAME` and nothing else; nil for one that no channel can have.
    private static func channel(in query: HTTPBytes?) -> String? {
        guard let query, query.starts(with: "channel=".utf8) else { return nil }
        let name = query.dropFirst("channel=".utf8.count).text
        let isName = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isName && !name.isEmpty ? name : nil
    }
}
