import Cache
import HTTP
import Relay

/// What is worth a file: segments and objects on demand. Parts and live playlists are old before a disk has them.
enum DiskAdmission {
    static func isAdmitted(_ target: HTTPBytes, _ head: ResponseHead) -> Bool {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        if target.begins(with: "/live/") {
            guard case .media(_, _, let name) = LiveTarget.read(path: path)?.target else { return false }
            if case .part = name { return false }
            return true
        }
        // A playlist that says nothing of a minute may be another within one.
        return !isPlaylist(path, head) || (CacheControl(head.fields).maxAge ?? 0) >= 60
    }

    private static func isPlaylist(_ path: HTTPBytes, _ head: ResponseHead) -> Bool {
        if path.suffix(5).isEqualIgnoringCase(to: ".m3u8") || path.suffix(4).isEqualIgnoringCase(to: ".mpd") {
            return true
        }
        let type = head.fields.first("content-type") ?? []
        return type.text.lowercased().contains("mpegurl") || type.text.lowercased().contains("dash+xml")
    }
}
