import HLS

/// One viewer: joins by the multivariant playlist, follows its renditions, and says when each part would be on the glass.
/// Sans-IO: answers and time in, requests and measurements out. Times are microseconds since 1970.
package struct ViewerModel: Sendable {
    /// Names a request, so that its answer finds its way back.
    package enum Tag: Hashable, Sendable {
        case multivariant
        case playlist(Int)
        case media(Int)
    }

    package enum Effect: Equatable, Sendable {
        case fetch(Tag, path: String)
        case cancel(Tag)
        /// Media of any rendition is here, and continues the time line of `follows`.
        case arrived(path: String, follows: String?)
        /// A part of the first rendition was shown.
        case shown(ShownPart)
        /// The first picture, so long after the viewer came.
        case joined(after: Int64)
        case stalled(from: Int64, until: Int64)
        case skipped(Int)
        case violation(Violation)
        case wake(at: Int64)
        /// The stream is over or gone: whoever still wants it comes again.
        case ended
    }

    package struct ShownPart: Equatable, Sendable {
        package var path: String
        /// When the playlist that lists it reached the viewer.
        package var listedAt: Int64
        /// When its last byte did.
        package var arrivedAt: Int64
        package var shownAt: Int64
    }

    private enum Phase {
        case idle
        case asking
        case following
        case over
    }

    package let path: String
    private let rendition: ViewerPlan.Rendition
    private let policy: PlayerPolicy
    private var phase = Phase.idle
    private var followers: [RenditionFollower] = []
    private var playback: Playback?
    private var cameAt: Int64 = 0
    private var hasJoined = false
    private var retryAt: Int64?
    private var failures = 0
    /// Parts of the first rendition that wait to be shown, by the playback's tokens.
    private var waiting: [Int: ShownPart] = [:]
    private var nextToken = 0
    private var edge: (media: Int64, at: Int64, holdBack: Int64)?
    private var followed: [RenditionFollower.Effect] = []

    /// `path` is the absolute path of the multivariant playlist, or of a media playlist.
    package init(path: String, rendition: ViewerPlan.Rendition = .highest, policy: PlayerPolicy = PlayerPolicy()) {
        self.path = path
        self.rendition = rendition
        self.policy = policy
    }

    package var isStalled: Bool { playback?.isStalled ?? false }
    package var isPlaying: Bool { playback?.isPlaying ?? false }

    /// The viewer came at `intended`, whenever that could be acted on.
    package mutating func start(intended: Int64, into effects: inout [Effect]) {
        cameAt = intended
        phase = .asking
        effects.append(.fetch(.multivariant, path: path))
    }

    package mutating func received(
        multivariant playlist: MultivariantPlaylist, at now: Int64, into effects: inout [Effect]
    ) {
        guard case .asking = phase else { return }
        let paths = Self.renditions(of: playlist, for: rendition).map { ListedPlaylist.resolve($0, against: path) }
        guard !paths.isEmpty else { return failed(.multivariant, at: now, into: &effects) }
        follow(paths, at: now, into: &effects)
    }

    /// The path names a media playlist: there is no choice of renditions.
    package mutating func received(single playlist: ListedPlaylist, at now: Int64, into effects: inout [Effect]) {
        guard case .asking = phase else { return }
        phase = .following
        followers = [RenditionFollower(path: path)]
        received(playlist, rendition: 0, at: now, into: &effects)
    }

    private mutating func follow(_ paths: [String], at now: Int64, into effects: inout [Effect]) {
        phase = .following
        followers = paths.map { RenditionFollower(path: $0) }
        for index in followers.indices {
            followers[index].start(into: &followed)
            settle(index, at: now, into: &effects)
        }
    }

    /// URIs of what a player would load: one variant, and the sound that goes with it.
    package static func renditions(of playlist: MultivariantPlaylist, for choice: ViewerPlan.Rendition) -> [String] {
        let byRate = playlist.variants.sorted { $0.bandwidth < $1.bandwidth }
        let sounds = playlist.audio
        guard let variant = choice == .lowest ? byRate.first : byRate.last else { return [] }
        let sound = sounds.first { $0.group == variant.audioGroup && $0.uri != nil }?.uri
        switch choice {
        case .audio: return [sound ?? variant.uri]
        case .video: return [variant.uri]
        case .highest, .lowest: return [variant.uri] + (sound.map { $0 == variant.uri ? [] : [$0] } ?? [])
        }
    }

    package mutating func received(
        _ playlist: ListedPlaylist, rendition index: Int, at now: Int64, into effects: inout [Effect]
    ) {
        guard followers.indices.contains(index) else { return }
        followers[index].received(playlist, at: now, into: &followed)
        settle(index, at: now, into: &effects)
    }

    /// The whole of the media that was asked for is here.
    package mutating func mediaArrived(rendition index: Int, at now: Int64, into effects: inout [Effect]) {
        guard followers.indices.contains(index) else { return }
        followers[index].mediaArrived(at: now, into: &followed)
        settle(index, at: now, into: &effects)
    }

    /// An answer other than 200, or none at all (0).
    package mutating func failed(_ tag: Tag, status: Int = 0, at now: Int64, into effects: inout [Effect]) {
        let isGone = status == 404 || status == 410
        switch tag {
        case .multivariant:
            guard case .asking = phase else { return }
            failures += 1
            retryAt = now + min(2_000_000, 250_000 << Int64(min(failures - 1, 3)))
            effects.append(.wake(at: retryAt ?? now))
        case .playlist(let index):
            guard followers.indices.contains(index) else { return }
            followers[index].playlistFailed(isGone: isGone, at: now, into: &followed)
            settle(index, at: now, into: &effects)
        case .media(let index):
            guard followers.indices.contains(index) else { return }
            if isGone {
                followers[index].mediaMissing(status: status, at: now, into: &followed)
            } else {
                followers[index].mediaFailed(at: now, into: &followed)
            }
            settle(index, at: now, into: &effects)
        }
    }

    package mutating func tick(at now: Int64, into effects: inout [Effect]) {
        if let at = retryAt, at <= now, case .asking = phase {
            retryAt = nil
            effects.append(.fetch(.multivariant, path: path))
        }
        for index in followers.indices {
            followers[index].tick(at: now, into: &followed)
            settle(index, at: now, into: &effects)
        }
        advance(to: now, into: &effects)
    }

    /// Shows what is due, at the end of a visit or of the measurement. A stall that goes on is told up to now.
    package mutating func finish(at now: Int64, into effects: inout [Effect]) {
        advance(to: now, into: &effects)
        if let since = playback?.stalledSince { effects.append(.stalled(from: since, until: now)) }
        phase = .over
    }

    // MARK: Effects of the followers

    private mutating func settle(_ index: Int, at now: Int64, into effects: inout [Effect]) {
        let todo = followed
        followed.removeAll(keepingCapacity: true)
        if case .over = phase { return }
        for effect in todo {
            switch effect {
            case .fetchPlaylist(let path): effects.append(.fetch(.playlist(index), path: path))
            case .fetchMedia(let path): effects.append(.fetch(.media(index), path: path))
            case .cancelMedia: effects.append(.cancel(.media(index)))
            case .violation(let violation): effects.append(.violation(violation))
            case .wake(let at): effects.append(.wake(at: at))
            case .ended:
                guard index == 0 else { continue }
                advance(to: now, into: &effects)
                phase = .over
                effects.append(.ended)
            case .begin, .media, .jump, .edge:
                if case .media(let arrival) = effect {
                    effects.append(.arrived(path: arrival.path, follows: arrival.follows))
                }
                // The first rendition is what is seen; the sound is fetched and checked beside it.
                if index == 0 { play(effect, at: now, into: &effects) }
            }
        }
    }

    private mutating func play(_ effect: RenditionFollower.Effect, at now: Int64, into effects: inout [Effect]) {
        var shown: [Playback.Shown] = []
        switch effect {
        case .begin(let first, let from, _):
            playback = Playback(first: first, bufferedFrom: from, policy: policy, at: now)
        case .media(let arrival):
            let token = nextToken
            nextToken += 1
            waiting[token] = ShownPart(
                path: arrival.path, listedAt: arrival.listedAt, arrivedAt: arrival.arrivedAt, shownAt: 0)
            let stall = playback?.append(
                start: arrival.start, duration: arrival.duration, token: token, at: now, into: &shown)
            if let stall { effects.append(.stalled(from: stall.from, until: stall.until)) }
            if !hasJoined, let startedAt = playback?.startedAt {
                hasJoined = true
                effects.append(.joined(after: max(0, startedAt - cameAt)))
            }
        case .jump(let to, let skipped):
            let dropped = playback?.jump(to: to, at: now, into: &shown) ?? 0
            effects.append(.skipped(skipped + dropped))
        case .edge(let media, let holdBack): edge = (media, now, holdBack)
        default: break
        }
        if let edge {
            playback?.steer(edge: edge.media, edgeAt: edge.at, holdBack: edge.holdBack, at: now, into: &shown)
        }
        emit(shown, into: &effects)
    }

    private mutating func advance(to now: Int64, into effects: inout [Effect]) {
        var shown: [Playback.Shown] = []
        playback?.advance(to: now, into: &shown)
        emit(shown, into: &effects)
    }

    private mutating func emit(_ shown: [Playback.Shown], into effects: inout [Effect]) {
        for one in shown {
            guard var part = waiting[one.token] else { continue }
            part.shownAt = one.at
            effects.append(.shown(part))
        }
        if let last = shown.last?.token {
            // What was decoded and not shown is before it.
            for token in waiting.keys where token <= last { waiting[token] = nil }
        }
    }
}
