import HLS
import HTTP
import NIOCore

/// One state of a rendition's playlist, in the forms that were pushed of it.
struct PlaylistState {
    let revision: UInt64
    /// Forms by what a client asks for.
    var forms: [PlaylistForm: RelayObject] = [:]
    /// When its first form was promised.
    let since: ContinuousClock.Instant
    /// The plain and full text, read; nil until it is whole.
    private(set) var contents: Contents?

    /// What the text says.
    struct Contents {
        let reload: ReloadState
        let targetDuration: Int
        let partTarget: Duration
        /// Targets of everything that it lists and that must be held before anyone sees it.
        let listed: [(target: HTTPBytes, name: MediaName)]
        /// Sequence number and parts of each whole segment that lists its parts.
        let whole: [(sequence: Int64, parts: Int)]
        let hinted: [HTTPBytes]
        /// How many segments it lists.
        let segments: Int64
    }

    /// Forms are promised that are not whole yet.
    var isOpen: Bool { forms.values.contains { !$0.body.isComplete } }

    static let plain = PlaylistForm(skip: nil, isGzipped: false)

    init(revision: UInt64, since: ContinuousClock.Instant) {
        self.revision = revision
        self.since = since
    }

    /// Reads the plain and full text, which decides whether the state can be shown. `directory` ends in `/`.
    mutating func read(_ object: RelayObject, directory: HTTPBytes) throws(PlaylistError) {
        var text = ByteBuffer()
        for chunk in object.body.chunks { text.writeImmutableBuffer(chunk) }
        let playlist = try MediaPlaylist(parsing: text.readableBytesView)
        var listed: [HTTPBytes] = []
        var maps: Set<String> = []
        for segment in playlist.segments where !segment.parts.isEmpty {
            if let map = segment.map?.uri, maps.insert(map).inserted { listed.append(directory + Array(map.utf8)) }
            for part in segment.parts where !part.isGap { listed.append(directory + Array(part.uri.utf8)) }
        }
        contents = Contents(
            reload: playlist.reloadState, targetDuration: max(1, playlist.targetDuration),
            partTarget: playlist.partTarget ?? .seconds(playlist.targetDuration),
            listed: listed.compactMap(Self.named),
            whole: playlist.segments.compactMap { segment in
                segment.duration == nil || segment.parts.isEmpty || segment.parts.contains(where: \.isGap)
                    ? nil : (segment.sequence, segment.parts.count)
            },
            hinted: playlist.hints.map { directory + Array($0.uri.utf8) }, segments: Int64(playlist.segments.count))
    }

    /// What a listed target names here. One that is on another host or path is nobody's to hold.
    private static func named(_ target: HTTPBytes) -> (target: HTTPBytes, name: MediaName)? {
        guard case .media(_, _, let name)? = LiveTarget.read(path: target)?.target else { return nil }
        return (target, name)
    }

    /// The text for a client, with the nearest that there is in place of one that was not pushed.
    func text(for form: PlaylistForm) -> RelayObject? {
        let skip: SkipRequest? = form.skip == nil ? nil : .segments
        return forms[PlaylistForm(skip: skip, isGzipped: form.isGzipped)]
            ?? forms[PlaylistForm(skip: nil, isGzipped: form.isGzipped)] ?? forms[Self.plain]
    }
}
