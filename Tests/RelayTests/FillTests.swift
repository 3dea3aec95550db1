import Cache
import HLS
import HTTP
import NIOCore
import Testing

@testable import Relay

/// Fetches of what a state lists and nobody pushed, where a push or the window overtakes them.
@Suite struct FillTests {
    private var now = ContinuousClock.now
    private var origin = LiveOrigin()
    private var edge = RelayReceiver(channel: "demo")

    /// Pushes what comes next but for its part; returns that part and what is to be fetched.
    private mutating func advanceWithoutPart() -> (part: RelayObject?, fills: [HTTPBytes]) {
        var part: RelayObject?
        var effects: [RelayEffect] = []
        for object in origin.advance(at: now) {
            if case .part = object.kind {
                part = object
            } else {
                push(object, &effects)
            }
        }
        return (part, fills(effects))
    }

    private mutating func push(_ object: RelayObject, _ effects: inout [RelayEffect]) {
        guard let id = edge.promised(object.promise, from: 0, at: now, effects: &effects) else { return }
        edge.head(id, object.head, at: now, effects: &effects)
        for chunk in object.body.chunks { edge.body(id, chunk, at: now, effects: &effects) }
        edge.ended(id, at: now, effects: &effects)
    }

    private func fills(_ effects: [RelayEffect]) -> [HTTPBytes] {
        effects.compactMap { if case .fill(let target) = $0 { target } else { nil } }
    }

    init() {
        _ = edge.touch("video", at: now)
        edge.opened(0)
        var effects: [RelayEffect] = []
        for object in origin.advance(at: now) { push(object, &effects) }
    }

    /// A push takes a fetch's place. When it fails in turn, the fetch is asked for again, or the barrier never opens.
    @Test mutating func aPushThatTookAFetchsPlaceAndFailedIsFetched() throws {
        let (object, asked) = advanceWithoutPart()
        let part = try #require(object)
        #expect(asked == [part.target])
        var effects: [RelayEffect] = []
        let id = try #require(edge.promised(part.promise, from: 0, at: now, effects: &effects))
        edge.head(id, part.head, at: now, effects: &effects)
        #expect(fills(effects).isEmpty)
        edge.failed(id, at: now, effects: &effects)
        #expect(fills(effects) == [part.target])
    }

    /// Of two upstreams one falls silent in the middle of a part: the other's push takes its place, those who wait wait on,
    /// and nothing is fetched beside it.
    @Test mutating func aPushThatTakesAnotherOverIsNotFetchedBeside() throws {
        var effects: [RelayEffect] = []
        edge.opened(1)
        let objects = origin.advance(at: now)
        let part = try #require(objects.first)
        let silent = try #require(edge.promised(part.promise, from: 0, at: now, effects: &effects))
        for object in objects.dropFirst() { push(object, &effects) }
        guard case .held = ask(part, waiter: 1) else {
            Issue.record("it is not waited for")
            return
        }
        effects = []
        now += .milliseconds(200)
        let taken = edge.promised(part.promise, from: 1, at: now, effects: &effects)
        #expect(taken != nil && taken != silent)
        #expect(fills(effects).isEmpty && edge.heldCount == 1)
    }

    /// A fetch ends when the window has passed its part: who waits for it is answered, who asks later asks upstream, and it
    /// is not fetched again.
    @Test mutating func aFetchThatTheWindowHasPassedAnswersThoseWhoWait() throws {
        _ = advanceWithoutPart()
        let (object, asked) = advanceWithoutPart()
        let part = try #require(object)
        #expect(asked == [part.target])
        guard case .held = ask(part, waiter: 1) else {
            Issue.record("it is not waited for")
            return
        }
        edge.renditions["video"]?.track.drop(before: 200)
        var effects: [RelayEffect] = []
        edge.filled(part.target, head: part.head, body: part.body, at: now, effects: &effects)
        #expect(edge.heldCount == 0)
        #expect(effects.contains { if case .answer(1, .object) = $0 { true } else { false } })
        guard case .pull = ask(part, waiter: 2) else {
            Issue.record("it is waited for in vain")
            return
        }
        effects = []
        edge.settle("video", effects: &effects)
        #expect(fills(effects).isEmpty)
    }

    private mutating func ask(_ object: RelayObject, waiter: WaiterID) -> RelayDecision {
        guard let target = LiveTarget.read(path: object.target)?.target else { return .pull }
        return edge.ask(
            target, path: object.target, directives: .success(DeliveryDirectives()), takesGzip: false, waiter: waiter,
            at: now, canPull: true)
    }
}
