import Cache
import HLS
import HTTP
import NIOCore
import Seeded

@testable import Relay

/// The edge's receiver as a simulation meets it: as it is, or with one rule broken, which the simulation must find.
struct EdgeUnderTest {
    enum Mutation: CaseIterable, Sendable {
        case forgetsWhatItFetches
        case forgetsWhoLeft
        case hasNoClock
        case mixesBodies
        case takesPromisesForMedia
        case closesTheWindowEarly

        var breaks: Invariant {
            switch self {
            case .forgetsWhatItFetches: .oneFill
            case .forgetsWhoLeft: .answeredOnce
            case .hasNoClock: .boundedWait
            case .mixesBodies: .ownBytes
            case .takesPromisesForMedia, .closesTheWindowEarly: .listedIsHeld
            }
        }
    }

    private(set) var receiver = RelayReceiver(channel: "demo")
    private let mutation: Mutation?

    init(_ mutation: Mutation?) { self.mutation = mutation }

    var shownRevision: UInt64? { receiver.renditions["video"]?.shown?.revision }
    func holds(_ target: HTTPBytes) -> Bool {
        receiver.renditions["video"]?.object(target)?.body.isComplete ?? false
    }

    func isComing(_ target: HTTPBytes) -> Bool { receiver.pushes.values.contains { $0.object.target == target } }

    // MARK: Sources

    mutating func touch(at now: ContinuousClock.Instant) { _ = receiver.touch("video", at: now) }
    mutating func opened(_ source: SourceID) { receiver.opened(source) }

    mutating func closed(_ source: SourceID, at now: ContinuousClock.Instant) -> [RelayEffect] {
        collect { receiver, effects in receiver.closed(source, at: now, effects: &effects) }
    }

    mutating func release() -> [RelayEffect] {
        collect { receiver, effects in receiver.release(["video"], effects: &effects) }
    }

    // MARK: Pushes

    mutating func promised(
        _ promise: RequestHead, from source: SourceID, at now: ContinuousClock.Instant
    ) -> (PushID?, [RelayEffect]) {
        var id: PushID?
        let effects = collect { receiver, effects in
            id = receiver.promised(promise, from: source, at: now, effects: &effects)
        }
        if mutation == .takesPromisesForMedia, let id, let object = receiver.pushes[id]?.object,
            case .part = object.kind
        {
            object.body.complete()
        }
        return (id, effects)
    }

    mutating func head(_ id: PushID, _ head: ResponseHead, at now: ContinuousClock.Instant) -> [RelayEffect] {
        collect { receiver, effects in receiver.head(id, head, at: now, effects: &effects) }
    }

    mutating func body(_ id: PushID, _ bytes: ByteBuffer, at now: ContinuousClock.Instant) -> [RelayEffect] {
        let other = mutation == .mixesBodies ? receiver.pushes.keys.filter { $0 != id }.min() : nil
        return collect { receiver, effects in receiver.body(other ?? id, bytes, at: now, effects: &effects) }
    }

    mutating func ended(_ id: PushID, at now: ContinuousClock.Instant) -> [RelayEffect] {
        let effects = collect { receiver, effects in receiver.ended(id, at: now, effects: &effects) }
        if mutation == .closesTheWindowEarly, let shown = receiver.renditions["video"]?.shown?.contents {
            receiver.renditions["video"]?.track.drop(before: shown.reload.mediaSequence + 2)
        }
        return effects
    }

    mutating func failed(_ id: PushID, at now: ContinuousClock.Instant) -> [RelayEffect] {
        collect { receiver, effects in receiver.failed(id, at: now, effects: &effects) }
    }

    // MARK: Fills

    mutating func filled(_ target: HTTPBytes, _ bytes: ByteBuffer, at now: ContinuousClock.Instant) -> [RelayEffect] {
        collect { receiver, effects in
            receiver.filled(
                target, head: ResponseHead(status: 200), body: SharedBody(whole: [bytes]), at: now, effects: &effects)
        }
    }

    mutating func fillFailed(_ target: HTTPBytes) { receiver.fillFailed(target) }

    // MARK: Viewers and time

    mutating func ask(
        _ path: HTTPBytes, _ query: HTTPBytes, takesGzip: Bool, waiter: WaiterID, at now: ContinuousClock.Instant
    ) -> RelayDecision {
        guard let target = LiveTarget.read(path: path)?.target else { return .pull }
        let directives = Result { () throws(DirectiveError) in try DeliveryDirectives.parse(query: query) }
        return receiver.ask(
            target, path: path, directives: directives, takesGzip: takesGzip, waiter: waiter, at: now, canPull: true)
    }

    mutating func leave(_ waiter: WaiterID) {
        if mutation != .forgetsWhoLeft { receiver.leave(waiter) }
    }

    mutating func tick(at now: ContinuousClock.Instant) -> [RelayEffect] {
        guard mutation != .hasNoClock else { return [] }
        return collect { receiver, effects in receiver.tick(at: now, canPull: true, effects: &effects) }
    }

    private mutating func collect(_ call: (inout RelayReceiver, inout [RelayEffect]) -> Void) -> [RelayEffect] {
        var effects: [RelayEffect] = []
        call(&receiver, &effects)
        if mutation == .forgetsWhatItFetches {
            for case .fill(let target) in effects { receiver.fillFailed(target) }
        }
        return effects
    }
}
