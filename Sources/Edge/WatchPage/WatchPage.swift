import HTTP
import NIOCore
import Wire

/// The page at `/watch/{channel}` and its assets, built into the program; the player is a file of the operator's.
final class WatchPage {
    private struct Asset {
        let head: ResponseHead
        let bytes: ByteBuffer
    }

    private let page: Asset
    private let script: Asset
    private let style: Asset
    private let player: Asset?
    private let playerURL: String?

    /// `player` is the text of hls.js; `playerURL` an address to load it from instead.
    init(player: ByteBuffer?, playerURL: String?) {
        page = Self.asset(PackageResources.watch_html, "text/html; charset=utf-8")
        script = Self.asset(PackageResources.watch_js, "text/javascript; charset=utf-8")
        style = Self.asset(PackageResources.watch_css, "text/css; charset=utf-8")
        self.player = player.map { Self.asset(Array($0.readableBytesView), "text/javascript; charset=utf-8") }
        self.playerURL = playerURL
    }

    convenience init(_ settings: EdgeSettings, player: ByteBuffer?) {
        var playerURL: String?
        if case .url(let url) = settings.player { playerURL = url }
        self.init(player: player, playerURL: playerURL)
    }

    private static func asset(_ bytes: [UInt8], _ contentType: String) -> Asset {
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", contentType)
        head.fields.append("cache-control", "max-age=60")
        return Asset(head: head, bytes: ByteBuffer(bytes: bytes))
    }

    /// Answers if the path is the page's. Returns false when it is somebody else's.
    func respond(to request: RequestHead, on exchange: Exchange) -> Bool {
        guard request.target.begins(with: "/watch/"), request.method == .get || request.method == .head else {
            return false
        }
        let rest = request.path.dropFirst("/watch/".utf8.count)
        if rest.isEqual(to: "assets/watch.js") {
            send(script, on: exchange)
        } else if rest.isEqual(to: "assets/watch.css") {
            send(style, on: exchange)
        } else if rest.isEqual(to: "assets/hls.js") {
            sendPlayer(on: exchange)
        } else if !rest.isEmpty, !rest.contains(UInt8(ascii: "/")) {
            send(page, on: exchange)
        } else {
            exchange.refuse(
                Problem(
                    name: "not-found", title: "Not found", status: 404,
                    detail: "Watch a channel at /watch/{channel}."))
        }
        return true
    }

    private func send(_ asset: Asset, on exchange: Exchange) {
        exchange.respond(asset.head, body: .bytes(asset.bytes))
    }

    private func sendPlayer(on exchange: Exchange) {
        if let playerURL {
            var head = ResponseHead(status: 302)
            head.fields.append("location", playerURL)
            exchange.respond(head)
        } else if let player {
            send(player, on: exchange)
        } else {
            exchange.refuse(
                Problem(
                    name: "no-player", title: "hls.js is not installed", status: 404,
                    detail: "The file that watch.hls_js names is missing; ./dev demo fetches it."))
        }
    }
}
