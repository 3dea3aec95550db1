/// How long caches may keep what an LL-HLS server answers (appendix B.1).
package enum CacheLifetime: Hashable, Sendable {
    /// 200 to a playlist request with `_HLS_msn`: that request is never answered otherwise again. Six target durations.
    case blockingPlaylist
    /// 200 to a plain playlist request, the multivariant playlist's too. Half a target duration.
    case playlist
    /// 200 for media: it never changes under its name.
    case media
    /// Anything but 200 that will stay so: a malformed directive, media that has gone. One target duration.
    case failure
    /// 404, 400 or 503 for what may exist soon: no longer than one part target, or it hides the real thing.
    case tooEarly(partTarget: Duration)

    /// The Cache-Control value for a target duration in seconds.
    package func value(targetDuration: Int) -> String {
        let target = min(max(1, targetDuration), 3_600)
        return switch self {
        case .blockingPlaylist: "max-age=\(6 * target)"
        // Lifetimes are whole seconds; half of one second is rounded up, or every viewer's request would go through.
        case .playlist: "max-age=\(max(1, target / 2))"
        case .media: "max-age=\(max(3_600, 6 * target)), immutable"
        case .failure: "max-age=\(target)"
        case .tooEarly(let partTarget):
            partTarget < .seconds(1) ? "no-store" : "max-age=\(min(partTarget.components.seconds, Int64(target)))"
        }
    }
}
