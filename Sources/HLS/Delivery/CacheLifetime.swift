/// How long caches may keep what an LL-HLS server answers (appendix B.1).
package enum CacheLifetime: Sendable {
    /// A playlist asked for with a directive never changes: it is one state.
    case blockingPlaylist
    /// A plain playlist changes with every part.
    case playlist
    /// Media never changes under its name.
    case media

    /// The Cache-Control value for a target duration in seconds.
    package func value(targetDuration: Int) -> String {
        switch self {
        case .blockingPlaylist: "max-age=\(6 * targetDuration)"
        case .playlist: "max-age=\(max(1, targetDuration / 2))"
        case .media: "max-age=\(max(3_600, 6 * targetDuration)), immutable"
        }
    }
}
