import Cache
import HLS
import HTTP

/// One rendition as an edge holds it: media by place, playlist states by revision, and who waits.
struct Rendition {
    /// A playlist that no viewer has asked for in this time is not pushed any more; nil before the first request.
    var lastAsked: ContinuousClock.Instant?
    var track: LiveTrack<RelayObject>
    var inits: [RelayObject] = []
    /// States that came after the one that is shown, oldest first.
    var pending: [PlaylistState] = []
    private(set) var shown: PlaylistState?
    var holds = HoldGroups()
    /// Targets that are being fetched because they are listed and were not pushed.
    var filling: Set<HTTPBytes> = []

    private static let pendingLimit = 32
    private static let initLimit = 8

    init(budgetBytes: Int) { track = LiveTrack(budgetBytes: budgetBytes) }

    /// The newest part that is here: where a new subscription goes on.
    var resume: RelayRequest.Held? {
        guard let last = track.last else { return nil }
        var sequence = last
        while sequence >= track.first {
            var newest: RelayRequest.Held?
            var index = 0
            // A row of parts ends at the first hole; what lies behind it comes again.
            while let object = track[group: sequence, index: index], object.body.isComplete {
                if case .part(let epoch, let position) = object.kind {
                    newest = .init(epoch: epoch, position: position)
                }
                index += 1
            }
            if let newest { return newest }
            sequence -= 1
        }
        return nil
    }

    /// The object of that target, whole or on its way.
    func object(_ target: HTTPBytes, _ name: MediaName) -> RelayObject? {
        switch name {
        case .initSection: inits.first { $0.target == target }
        case .segment: nil
        case .part(let sequence, let part):
            track[group: sequence, index: part].flatMap { $0.target == target ? $0 : nil }
        }
    }

    func object(_ target: HTTPBytes) -> RelayObject? {
        guard case .media(_, _, let name)? = LiveTarget.read(path: target)?.target else { return nil }
        return object(target, name)
    }

    mutating func keep(_ object: RelayObject) -> Bool {
        switch object.kind {
        case .part(_, let position):
            return track.put(object, group: position.sequence, index: position.part, bytes: object.body.byteCount)
        case .initSection:
            inits.removeAll { $0.target == object.target }
            inits.append(object)
            if inits.count > Self.initLimit { inits.removeFirst() }
            return true
        case .multivariant, .state:
            return false
        }
    }

    /// Its size is known now.
    mutating func weigh(_ object: RelayObject) {
        guard case .part(_, let position) = object.kind,
            track[group: position.sequence, index: position.part] === object
        else { return }
        track.put(object, group: position.sequence, index: position.part, bytes: object.body.byteCount)
    }

    mutating func forget(_ object: RelayObject) {
        switch object.kind {
        case .part(_, let position):
            if track[group: position.sequence, index: position.part] === object {
                track.remove(group: position.sequence, index: position.part)
            }
        case .initSection: inits.removeAll { $0 === object }
        case .state(let revision, let form):
            guard let index = pending.firstIndex(where: { $0.revision == revision }) else { return }
            if pending[index].forms[form] === object { pending[index].forms[form] = nil }
        case .multivariant: break
        }
    }

    /// The state that a form belongs to, made where there is none; nil when a newer one is shown.
    mutating func place(ofRevision revision: UInt64, at now: ContinuousClock.Instant) -> Int? {
        if let shown, revision <= shown.revision { return nil }
        if let index = pending.firstIndex(where: { $0.revision == revision }) { return index }
        let index = pending.firstIndex { $0.revision > revision } ?? pending.endIndex
        pending.insert(PlaylistState(revision: revision, since: now), at: index)
        guard pending.count > Self.pendingLimit else { return index }
        pending.removeFirst()
        return index > 0 ? index - 1 : nil
    }

    // MARK: The barrier

    /// Whether a state lists anything that is not wholly here.
    private func isMissing(_ contents: PlaylistState.Contents) -> Bool {
        contents.listed.contains { object($0.target, $0.name).map { !$0.body.isComplete } ?? true }
    }

    /// Shows the newest state all of whose parts are held. Returns true when there is a new one.
    mutating func advance() -> Bool {
        let found = pending.lastIndex { state in
            guard let contents = state.contents, !state.isOpen else { return false }
            return !isMissing(contents)
        }
        guard let found else { return false }
        let state = pending[found]
        pending.removeFirst(found + 1)
        shown = state
        guard let contents = state.contents else { return true }
        for (sequence, parts) in contents.whole { track.close(group: sequence, count: parts) }
        // Media stays for a playlist's length after it was listed last (6.2.2).
        track.drop(before: contents.reload.mediaSequence - contents.segments)
        return true
    }

    /// What the newest state lists that is neither here nor on its way, nor asked for yet.
    mutating func toFill() -> [HTTPBytes] {
        guard let contents = pending.last(where: { $0.contents != nil })?.contents else { return [] }
        let absent = contents.listed.filter { listed in
            // What came now would not be kept.
            if case .part(let sequence, _) = listed.name, track.hasPassed(sequence) { return false }
            return object(listed.target, listed.name).map { $0.body.isFailed } ?? true
                && !filling.contains(listed.target)
        }.map(\.target)
        filling.formUnion(absent)
        return absent
    }

    /// Whether an upstream that is being fed keeps the shown state up to date: nothing newer waits for long.
    func isCurrent(at now: ContinuousClock.Instant, patience: Duration) -> Bool {
        guard shown != nil else { return false }
        guard let oldest = pending.first else { return true }
        return oldest.since.duration(to: now) < patience
    }
}
