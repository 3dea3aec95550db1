import Cache
import HLS
import HTTP
import NIOCore

/// One channel as an edge is pushed it: what is held, what is on its way, and who waits for what.
///
/// It knows no connection and no clock. Pushes come in by `promised`, `head`, `body`, `ended` and `failed`, viewers by
/// `ask` and `leave`; what follows is appended to `effects`. A playlist state is shown only when every part that it
/// lists is wholly here.
package struct RelayReceiver {
    struct Push {
        let object: RelayObject
        let source: SourceID
        var lastProgress: ContinuousClock.Instant
    }

    /// What an edge allows a channel.
    package struct Limits: Sendable {
        /// Media bytes held for one rendition.
        package var renditionBytes = 64 << 20
        /// Largest object that is taken.
        package var objectBytes = 64 << 20
        /// Requests that wait for one channel.
        package var holds = 50_000
        package init() {}
    }

    package let channel: String
    let limits: Limits
    var renditions: [String: Rendition] = [:]
    /// The multivariant playlist, plain and with gzip, by whether it is the latter.
    var multivariants: [Bool: RelayObject] = [:]
    var pushes: [PushID: Push] = [:]
    /// Where each held request waits.
    var places: [WaiterID: (rendition: String, want: HoldWant)] = [:]
    private var lastPush: PushID = 0
    /// Upstreams that push, at least one of which is needed to answer for the live edge.
    private var sources: Set<SourceID> = []
    /// Since when nobody pushes.
    private var starvedSince: ContinuousClock.Instant?
    package private(set) var counters = RelayCounters()

    private static let renditionLimit = 64
    private static let pushLimit = 4_096
    /// A push that brings nothing for this long may be taken over by another upstream's push of the same.
    private static let idlePush = Duration.milliseconds(150)

    package init(channel: String, limits: Limits = Limits()) {
        self.channel = channel
        self.limits = limits
    }

    package var heldCount: Int { places.count }
    package var openPushes: Int { pushes.count }
    package var storedBytes: Int { renditions.values.reduce(0) { $0 + $1.track.bytes } }

    /// Part target of the channel, once a playlist has told it.
    package var partTarget: Duration? { renditions.values.lazy.compactMap { $0.shown?.contents?.partTarget }.first }

    /// Whether something new is expected within a part target.
    package var isLive: Bool { renditions.values.contains { $0.shown?.contents?.reload.hasEnded == false } }

    /// How long viewers wait for an upstream to come back, or for a listed part, before they are sent past this.
    var patience: Duration { max((partTarget ?? .milliseconds(500)) * 2, .seconds(1)) }

    // MARK: Interest

    /// Someone asks for the rendition. Returns true when nobody had before.
    package mutating func touch(_ rendition: String, at now: ContinuousClock.Instant) -> Bool {
        guard renditions[rendition] != nil || renditions.count < Self.renditionLimit else { return false }
        var asked = renditions[rendition] ?? Rendition(budgetBytes: limits.renditionBytes)
        let isNew = asked.lastAsked == nil
        asked.lastAsked = now
        renditions[rendition] = asked
        return isNew
    }

    /// The renditions that were asked for since `instant`, or that someone waits for.
    package func wanted(since instant: ContinuousClock.Instant) -> Set<String> {
        Set(
            renditions.filter { _, rendition in
                !rendition.holds.isEmpty || rendition.lastAsked.map { $0 >= instant } ?? false
            }.keys)
    }

    /// What to ask an upstream for.
    package func request(for wanted: Set<String>) -> RelayRequest {
        var request = RelayRequest(channel: channel)
        for name in wanted { request.wants[name] = .some(renditions[name]?.resume) }
        return request
    }

    /// A rendition that nobody wants is let go of; who asks again begins anew.
    package mutating func release(_ names: Set<String>, effects: inout [RelayEffect]) {
        for name in names {
            guard var gone = renditions.removeValue(forKey: name) else { continue }
            for want in Array(gone.holds.wants) {
                for waiter in gone.holds.release(want) {
                    places[waiter] = nil
                    effects.append(.pull(waiter))
                }
            }
            for (id, push) in pushes where push.object.rendition == name {
                pushes[id] = nil
                push.object.body.fail()
                effects.append(.cancel(id))
                effects.append(.grew(push.object))
            }
        }
    }

    /// Everything that a subscriber needs of a rendition before what comes next: init sections, listed parts after the
    /// one it holds, and the newest state.
    package func snapshot(_ name: String, after held: RelayRequest.Held?) -> [RelayObject] {
        guard let rendition = renditions[name] else { return [] }
        var objects = rendition.inits.filter { $0.hasBegun && !$0.body.isFailed }
        if let last = rendition.track.last, rendition.track.first <= last {
            let floor = rendition.shown?.contents.map { $0.reload.mediaSequence } ?? rendition.track.first
            for sequence in max(floor, rendition.track.first)...max(last, floor, rendition.track.first) {
                var index = 0
                while let object = rendition.track[group: sequence, index: index] {
                    index += 1
                    guard case .part(let epoch, let position) = object.kind, object.hasBegun, !object.body.isFailed
                    else { continue }
                    if let held, held.epoch == epoch, position <= held.position { continue }
                    objects.append(object)
                }
            }
        }
        let states = rendition.pending + [rendition.shown].compactMap { $0 }
        if let newest = states.filter({ $0.forms[PlaylistState.plain]?.hasBegun == true }).max(by: {
            $0.revision < $1.revision
        }) {
            objects += newest.forms.filter { $0.key != PlaylistState.plain && $0.value.hasBegun }.map(\.value)
            if let plain = newest.forms[PlaylistState.plain] { objects.append(plain) }
        }
        return objects
    }

    package var multivariantObjects: [RelayObject] { multivariants.values.filter { !$0.body.isFailed } }

    // MARK: Sources

    /// An upstream has taken the subscription on.
    package mutating func opened(_ source: SourceID) {
        sources.insert(source)
        starvedSince = nil
    }

    /// An upstream does not push any more: what it had begun fails.
    package mutating func closed(
        _ source: SourceID, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) {
        guard sources.remove(source) != nil || pushes.values.contains(where: { $0.source == source }) else { return }
        for id in pushes.keys.sorted() where pushes[id]?.source == source {
            effects.append(.cancel(id))
            failed(id, at: now, effects: &effects)
        }
        if sources.isEmpty { starvedSince = starvedSince ?? now }
    }

    func isFed(_ rendition: Rendition, at now: ContinuousClock.Instant) -> Bool {
        if let starvedSince, starvedSince.duration(to: now) >= patience { return false }
        return rendition.isCurrent(at: now, patience: patience)
    }

    // MARK: Pushes

    /// An upstream promises something. Nil when it is not wanted: it is held, is on its way, or has no place here.
    package mutating func promised(
        _ request: RequestHead, from source: SourceID, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) -> PushID? {
        guard pushes.count < Self.pushLimit, let (kind, name) = RelayObject.kind(of: request, channel: channel),
            isWanted(request.target, kind, name, from: source, at: now, effects: &effects)
        else {
            counters.refused += 1
            return nil
        }
        let object = RelayObject(
            kind, rendition: name, target: request.target, head: ResponseHead(status: 200), body: SharedBody(), at: now)
        object.hasBegun = false
        if let name {
            if renditions[name] == nil, renditions.count >= Self.renditionLimit { return nil }
            var rendition = renditions[name] ?? Rendition(budgetBytes: limits.renditionBytes)
            switch kind {
            case .state(let revision, let form):
                guard let index = rendition.place(ofRevision: revision, at: now) else {
                    counters.refused += 1
                    return nil
                }
                rendition.pending[index].forms[form] = object
            case .part, .initSection:
                guard rendition.keep(object) else {
                    counters.refused += 1
                    return nil
                }
                // It takes a fetch's place. Should it fail, that has to be asked for anew.
                rendition.filling.remove(object.target)
            case .multivariant: break
            }
            renditions[name] = rendition
        }
        lastPush += 1
        pushes[lastPush] = Push(object: object, source: source, lastProgress: now)
        counters.accepted += 1
        return lastPush
    }

    private mutating func isWanted(
        _ target: HTTPBytes, _ kind: RelayObject.Kind, _ name: String?, from source: SourceID,
        at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) -> Bool {
        let known: RelayObject?
        switch kind {
        // It has no revision: each is as good as the last, and one at a time is enough.
        case .multivariant:
            return !pushes.values.contains { $0.object.kind == kind }
        case .initSection, .part:
            known = name.flatMap { renditions[$0]?.object(target) }
        case .state(let revision, let form):
            guard let rendition = name.flatMap({ renditions[$0] }) else { return true }
            if let shown = rendition.shown, revision <= shown.revision { return false }
            known = rendition.pending.first { $0.revision == revision }?.forms[form]
        }
        guard let known, !known.body.isFailed else { return true }
        if known.body.isComplete { return false }
        guard let (id, push) = pushes.first(where: { $0.value.object === known }) else { return false }
        guard push.source != source, push.lastProgress.duration(to: now) >= Self.idlePush else { return false }
        // The other upstream has stopped in the middle: this one's push takes its place, and whoever waits waits on.
        effects.append(.cancel(id))
        _ = drop(id, isReplaced: true, effects: &effects)
        return true
    }

    /// The promised answer begins.
    package mutating func head(
        _ id: PushID, _ head: ResponseHead, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) {
        guard let push = pushes[id] else { return }
        guard head.status == 200 else {
            effects.append(.cancel(id))
            return failed(id, at: now, effects: &effects)
        }
        pushes[id]?.lastProgress = now
        push.object.head = head
        push.object.hasBegun = true
        push.object.head.fields.remove("connection")
        effects.append(.publish(push.object))
    }

    package mutating func body(
        _ id: PushID, _ bytes: ByteBuffer, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) {
        guard let push = pushes[id] else { return }
        guard push.object.body.byteCount + bytes.readableBytes <= limits.objectBytes else {
            effects.append(.cancel(id))
            return failed(id, at: now, effects: &effects)
        }
        pushes[id]?.lastProgress = now
        push.object.body.append(bytes)
        counters.bytes += UInt64(bytes.readableBytes)
        effects.append(.grew(push.object))
    }

    /// All of it has come.
    package mutating func ended(
        _ id: PushID, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) {
        guard let push = pushes.removeValue(forKey: id) else { return }
        complete(push.object, at: now, effects: &effects)
    }

    private mutating func complete(
        _ object: RelayObject, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) {
        object.arrivedAt = now
        object.body.complete()
        effects.append(.grew(object))
        guard let name = object.rendition, var rendition = renditions[name] else {
            if case .multivariant(let isGzipped) = object.kind { multivariants[isGzipped] = object }
            return
        }
        switch object.kind {
        case .state(let revision, let form):
            if form == PlaylistState.plain,
                let index = rendition.pending.firstIndex(where: { $0.revision == revision }),
                rendition.pending[index].forms[form] === object
            {
                confirmMultivariants(at: now)
                let directory = HTTPBytes("/live/\(channel)/\(name)/")
                if (try? rendition.pending[index].read(object, directory: directory)) == nil {
                    rendition.pending.remove(at: index)
                    counters.malformed += 1
                }
            }
        case .part, .initSection:
            rendition.weigh(object)
            rendition.filling.remove(object.target)
        case .multivariant: break
        }
        renditions[name] = rendition
        answerMedia(of: name, object, effects: &effects)
        settle(name, effects: &effects)
    }

    /// Whoever pushes states pushes the multivariant playlist when it changes: what is here was current a moment ago.
    private func confirmMultivariants(at now: ContinuousClock.Instant) {
        for object in multivariants.values where object.body.isComplete {
            object.arrivedAt = now
            object.served = nil
        }
    }

    /// It will not come whole. Whoever needs it gets it another way.
    package mutating func failed(
        _ id: PushID, at now: ContinuousClock.Instant, effects: inout [RelayEffect]
    ) {
        guard let object = drop(id, effects: &effects), let name = object.rendition else { return }
        // Who waits for this part asks upstream; the barrier asks by itself.
        pullMedia(of: name, object.target, effects: &effects)
        settle(name, effects: &effects)
    }

    /// Takes a push out, and what it had begun. One that `isReplaced` leaves its place to another push of the same.
    private mutating func drop(
        _ id: PushID, isReplaced: Bool = false, effects: inout [RelayEffect]
    ) -> RelayObject? {
        guard let object = pushes.removeValue(forKey: id)?.object else { return nil }
        counters.failed += 1
        object.body.fail()
        effects.append(.grew(object))
        guard let name = object.rendition else { return object }
        // Without its plain text a state cannot be read, so it can never be shown.
        if !isReplaced, case .state(let revision, PlaylistState.plain) = object.kind,
            let index = renditions[name]?.pending.firstIndex(where: { $0.revision == revision }),
            renditions[name]?.pending[index].forms[PlaylistState.plain] === object
        {
            renditions[name]?.pending.remove(at: index)
        }
        renditions[name]?.forget(object)
        return object
    }

    /// What was listed and not pushed has been fetched, or is in the cache already.
    package mutating func filled(
        _ target: HTTPBytes, head: ResponseHead, body: SharedBody, at now: ContinuousClock.Instant,
        effects: inout [RelayEffect]
    ) {
        guard let (kind, name) = RelayObject.kind(of: RequestHead(target: target), channel: channel), let name,
            var rendition = renditions[name], rendition.object(target).map({ $0.body.isFailed }) ?? true
        else { return }
        let object = RelayObject(kind, rendition: name, target: target, head: head, body: body, at: now)
        rendition.filling.remove(target)
        let isKept = rendition.keep(object)
        renditions[name] = rendition
        // Where the window has passed it, those who wait for it have it all the same.
        guard isKept else { return answerMedia(of: name, object, effects: &effects) }
        effects.append(.publish(object))
        answerMedia(of: name, object, effects: &effects)
        settle(name, effects: &effects)
    }

    /// A fetch of `fill` brought nothing.
    package mutating func fillFailed(_ target: HTTPBytes) {
        guard let name = LiveTarget.read(path: target)?.target.rendition else { return }
        renditions[name]?.filling.remove(target)
    }
}

/// Counts of a receiver since its start.
package struct RelayCounters: Sendable {
    package var accepted: UInt64 = 0
    package var refused: UInt64 = 0
    package var failed: UInt64 = 0
    package var malformed: UInt64 = 0
    package var bytes: UInt64 = 0
    package init() {}

    package mutating func add(_ other: RelayCounters) {
        accepted += other.accepted
        refused += other.refused
        failed += other.failed
        malformed += other.malformed
        bytes += other.bytes
    }
}
