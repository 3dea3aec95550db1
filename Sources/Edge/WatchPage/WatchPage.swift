import HTTP
import NIOCore
import Wire

/// The page at `/watch/{channel}` and its assets, built into the program; the player is a file of the operator's.
struct WatchPage: Sendable {
    private var assets = WatchAssets()
    private let page: ByteBuffer
    private let playerURL: String?

    /// `player` is the text of hls.js; `playerURL` an address to load it from instead.
    init(player: ByteBuffer?, playerURL: String?) {
        let script = "text/javascript; charset=utf-8"
        if let player { assets.add("hls.js", bytes: player, script) }
        // Whoever imports comes after what it imports: the name of that is part of its bytes.
        assets.add("live-distance.js", text: PackageResources.live_distance_js, contentType: script)
        assets.add("player-state.js", text: PackageResources.player_state_js, contentType: script)
        assets.add("playlist-look.js", text: PackageResources.playlist_look_js, contentType: script)
        assets.add("words.js", text: PackageResources.words_js, contentType: script)
        assets.add("watch.js", text: PackageResources.watch_js, contentType: script)
        assets.add("watch.css", text: PackageResources.watch_css, contentType: "text/css; charset=utf-8")
        var text = assets.withHashedNames(String(decoding: PackageResources.watch_html, as: UTF8.self))
        if let playerURL {
            text.replace("\"/watch/assets/hls.js\"", with: "\"\(Self.attribute(playerURL))\"")
        }
        page = ByteBuffer(string: text)
        self.playerURL = playerURL
    }

    init(_ settings: EdgeSettings, player: ByteBuffer?) {
        var playerURL: String?
        if case .url(let url) = settings.player { playerURL = url }
        self.init(player: player, playerURL: playerURL)
    }

    /// `text` as the value of an attribute in HTML.
    private static func attribute(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
    }

    /// Answers if the path is the page's. Returns false when it is somebody else's.
    func respond(to request: RequestHead, on exchange: Exchange) -> Bool {
        guard request.target.begins(with: "/watch/"), request.method == .get || request.method == .head else {
            return false
        }
        let rest = request.path.dropFirst("/watch/".utf8.count)
        if rest.begins(with: "assets/") {
            sendAsset(rest.dropFirst("assets/".utf8.count), request, on: exchange)
        } else if !rest.isEmpty, !rest.contains(UInt8(ascii: "/")) {
            var head = ResponseHead(status: 200)
            head.fields.append("content-type", "text/html; charset=utf-8")
            // It names its assets by their hashes: a page of yesterday would ask for files that are not here any more.
            head.fields.append("cache-control", "no-cache")
            exchange.respond(head, body: .bytes(page))
        } else {
            refuse("Watch a channel at /watch/{channel}.", on: exchange)
        }
        return true
    }

    private func sendAsset(_ name: HTTPBytes, _ request: RequestHead, on exchange: Exchange) {
        if let (head, body) = assets.answer(for: name, fields: request.fields) {
            exchange.respond(head, body: .bytes(body))
        } else if name.isEqual(to: "hls.js"), let playerURL {
            var head = ResponseHead(status: 302)
            head.fields.append("location", playerURL)
            head.fields.append("cache-control", "no-cache")
            exchange.respond(head)
        } else if name.isEqual(to: "hls.js") {
            exchange.refuse(
                Problem(
                    name: "no-player", title: "hls.js is not installed", status: 404,
                    detail: "The file that watch.hls_js names is missing; ./dev demo fetches it."))
        } else {
            refuse("The page has no such file; load the page again for the names of those that it has.", on: exchange)
        }
    }

    private func refuse(_ detail: String, on exchange: Exchange) {
        exchange.refuse(Problem(name: "not-found", title: "Not found", status: 404, detail: detail))
    }
}
