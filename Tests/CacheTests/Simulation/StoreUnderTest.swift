import HTTP
import NIOCore
import Seeded

@testable import Cache

/// The store as a simulation meets it: as it is, or with one rule broken, which the simulation must find.
final class StoreUnderTest {
    enum Mutation: CaseIterable, Sendable {
        case fetchesForEach
        case answersTwice
        case losesAnAnswer
        case answersAtTheEnd
        case mixesBodies
        case endsTornBodiesCleanly

        var breaks: Invariant {
            switch self {
            case .fetchesForEach: .oneFill
            case .answersTwice, .losesAnAnswer: .answeredOnce
            case .answersAtTheEnd: .boundedWait
            case .mixesBodies, .endsTornBodiesCleanly: .ownBytes
            }
        }
    }

    let store: CacheStore
    private let mutation: Mutation?
    private var forged: FillID = 1 << 40
    private var heldBack: [FillID: [CacheStore.Effect]] = [:]

    init(_ store: CacheStore, _ mutation: Mutation?) {
        self.store = store
        self.mutation = mutation
    }

    func look(up request: RequestHead, waiter: WaiterID, at now: ContinuousClock.Instant) -> CacheStore.Lookup {
        let lookup = store.look(up: request, waiter: waiter, at: now)
        guard mutation == .fetchesForEach, case .joined = lookup else { return lookup }
        store.leave(waiter)
        forged += 1
        return .lead(forged, RequestHead(target: request.target))
    }

    func head(
        _ fill: FillID, _ head: ResponseHead, at now: ContinuousClock.Instant, unixSeconds: Int64
    ) -> [CacheStore.Effect] {
        let effects = mutated(store.head(fill, head, at: now, unixSeconds: unixSeconds))
        guard mutation == .answersAtTheEnd else { return effects }
        heldBack[fill] = effects
        return []
    }

    func body(_ fill: FillID, _ bytes: ByteBuffer) -> [CacheStore.Effect] {
        guard mutation == .mixesBodies else { return store.body(fill, bytes) }
        let other = store.fills.keys.sorted().first { $0 != fill && store.fills[$0]?.response != nil }
        return store.body(other ?? fill, bytes)
    }

    func finish(_ fill: FillID, at now: ContinuousClock.Instant) -> [CacheStore.Effect] {
        (heldBack.removeValue(forKey: fill) ?? []) + mutated(store.finish(fill, at: now))
    }

    func fail(_ fill: FillID, at now: ContinuousClock.Instant) -> [CacheStore.Effect] {
        if mutation == .endsTornBodiesCleanly { return store.finish(fill, at: now) }
        return (heldBack.removeValue(forKey: fill) ?? []) + mutated(store.fail(fill, at: now))
    }

    private func mutated(_ effects: [CacheStore.Effect]) -> [CacheStore.Effect] {
        switch mutation {
        case .answersTwice: effects + effects
        case .losesAnAnswer where effects.count > 1: effects.dropLast()
        default: effects
        }
    }
}
