/// Media types of what is served, by the ending of its path.
package enum ContentType {
    package static let playlist: StaticString = "application/vnd.apple.mpegurl"
    package static let videoMP4: StaticString = "video/mp4"
    package static let audioMP4: StaticString = "audio/mp4"
    package static let problem: StaticString = "application/problem+json"
    package static let metrics: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    /// The media type of a path by what follows its last dot, in letters of either case;
    /// `application/octet-stream` for anything unknown.
    ///
    /// `.mp4` and `.m4s` do not tell video from audio: both are called video here, and whoever knows a rendition better
    /// says `audioMP4`.
    package static func of(path: HTTPBytes) -> StaticString {
        guard let dot = path.lastIndex(of: UInt8(ascii: ".")) else { return "application/octet-stream" }
        let ending = path[path.index(after: dot)...]
        for (known, type) in endings where ending.isEqualIgnoringCase(to: known) { return type }
        return "application/octet-stream"
    }

    private static let endings: [(StaticString, StaticString)] = [
        ("m3u8", playlist),
        ("m4s", videoMP4),
        ("mp4", videoMP4),
        ("m4v", videoMP4),
        ("cmfv", videoMP4),
        ("m4a", audioMP4),
        ("cmfa", audioMP4),
        ("ts", "video/mp2t"),
        ("vtt", "text/vtt; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("mjs", "text/javascript; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("json", "application/json"),
        ("txt", "text/plain; charset=utf-8"),
        ("svg", "image/svg+xml"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("webp", "image/webp"),
        ("ico", "image/x-icon"),
        ("wasm", "application/wasm"),
    ]
}
