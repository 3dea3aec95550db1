import HTTP
import NIOCore
import Seeded
import Testing

@testable import Cache

/// Schedules of joins, leaves, answers, refusals and deaths, drawn from a seed. A failure names its seed.
@Suite struct CacheSimulation {
    /// What the outside is: clients that wait, and fetches under way.
    private struct World {
        let store: CacheStore
        let budget: Int
        var random: SeededGenerator
        var now = ContinuousClock.now
        var waiter: WaiterID = 0
        /// Who waits, and for which object.
        var waiting: [WaiterID: String] = [:]
        var answered: Set<WaiterID> = []
        /// Fetches under way: their object, and how many bytes they have brought.
        var fills: [FillID: (object: String, hasHead: Bool)] = [:]
        var faults: [String] = []

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            budget = Int.random(in: 4_000...40_000, using: &random)
            store = CacheStore(budgetBytes: budget, objectBytes: 8_000)
        }

        mutating func ask() {
            waiter += 1
            let object = "/\(Bool.random(using: &random) ? "live" : "vod")/\(Int.random(in: 0..<6, using: &random))"
            var request = RequestHead(target: HTTPBytes(object))
            if Int.random(in: 0..<20, using: &random) == 0 { request.fields.append("cache-control", "no-cache") }
            switch store.look(up: request, waiter: waiter, at: now) {
            case .serve(let response, _): check(response, is: object, for: waiter, answers: true)
            case .joined(let fill):
                if fills[fill]?.object != object { faults.append("\(waiter) joined another object's fill") }
                waiting[waiter] = object
            case .lead(let fill, let upstream):
                if fills.values.contains(where: { $0.object == object && !$0.hasHead }) {
                    faults.append("two fills of \(object)")
                }
                if !upstream.target.elementsEqual(object.utf8) { faults.append("asked for another object") }
                fills[fill] = (object, false)
                waiting[waiter] = object
            case .refresh(let response, let fill, let upstream):
                check(response, is: object, for: waiter, answers: true)
                if !upstream.target.elementsEqual(object.utf8) { faults.append("asked for another object") }
                fills[fill] = (object, false)
            case .pass, .notCached: answered.insert(waiter)
            case .load, .file: faults.append("there is no disk")
            }
        }

        mutating func leave() {
            guard let gone = waiting.keys.sorted().randomElement(using: &random) else { return }
            waiting[gone] = nil
            store.leave(gone)
        }

        mutating func advanceFill() {
            guard let fill = fills.keys.sorted().randomElement(using: &random), let state = fills[fill] else { return }
            switch (state.hasHead, Int.random(in: 0..<10, using: &random)) {
            case (false, 0...6):
                var head = ResponseHead(status: [200, 200, 200, 200, 404, 500].randomElement(using: &random) ?? 200)
                head.fields.append(
                    "cache-control",
                    ["max-age=1", "max-age=60", "no-store", "private", "no-cache", "max-age=1, stale-if-error=5"]
                        .randomElement(using: &random) ?? "no-store")
                head.fields.append("x-object", state.object)
                head.fields.append("etag", "\"1\"")
                fills[fill]?.hasHead = true
                perform(store.head(fill, head, at: now, unixSeconds: 1_000))
            case (false, _), (true, 0):
                fills[fill] = nil
                perform(store.fail(fill, at: now))
            case (true, 1...6):
                let text = String(repeating: state.object, count: Int.random(in: 1...300, using: &random))
                perform(store.body(fill, ByteBuffer(string: text)))
            case (true, _):
                fills[fill] = nil
                perform(store.finish(fill, at: now))
            }
            // A fill that the store has ended by itself takes no more from upstream.
            if !state.hasHead, store.fillCount < fills.count { fills[fill] = nil }
        }

        mutating func perform(_ effects: [CacheStore.Effect]) {
            for effect in effects {
                switch effect {
                case .deliver(let waiter, let response, _):
                    guard let object = waiting.removeValue(forKey: waiter) else {
                        faults.append("\(waiter) was answered and did not wait")
                        continue
                    }
                    check(response, is: object, for: waiter, answers: true)
                case .pass(let waiter), .again(let waiter), .fail(let waiter):
                    if waiting.removeValue(forKey: waiter) == nil { faults.append("\(waiter) did not wait") }
                    if !answered.insert(waiter).inserted { faults.append("\(waiter) was answered twice") }
                case .grew: break
                }
            }
        }

        mutating func check(_ response: StoredResponse, is object: String, for waiter: WaiterID, answers: Bool) {
            if !answered.insert(waiter).inserted { faults.append("\(waiter) was answered twice") }
            if response.head.fields.first("x-object").map({ String(decoding: $0, as: UTF8.self) }) != object {
                faults.append("\(waiter) wanted \(object) and got another's head")
            }
            let bytes = response.body.chunks.reduce(into: "") { $0 += String(buffer: $1) }
            if bytes != String(repeating: object, count: bytes.utf8.count / object.utf8.count) {
                faults.append("\(waiter) wanted \(object) and got another's bytes")
            }
        }

        mutating func step() {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3: ask()
            case 4: leave()
            case 5...8: advanceFill()
            default: now += .milliseconds(Int.random(in: 0...1_500, using: &random))
            }
            if store.storedBytes > budget { faults.append("\(store.storedBytes) bytes are held of \(budget)") }
            if store.waitingCount != waiting.count { faults.append("the store waits for other clients than wait") }
        }

        /// Ends every fetch: nobody may be left waiting.
        mutating func drain() {
            for fill in fills.keys.sorted() { perform(store.fail(fill, at: now)) }
            if !waiting.isEmpty { faults.append("\(waiting.count) were never answered") }
            if store.fillCount != 0 { faults.append("\(store.fillCount) fills are left") }
        }
    }

    @Test(arguments: 0..<20) func everyWaiterIsAnsweredOnceWithItsOwnBytes(block: Int) {
        for seed in block * 100..<(block + 1) * 100 {
            var world = World(seed: UInt64(seed))
            for _ in 0..<300 {
                world.step()
                if !world.faults.isEmpty { break }
            }
            if world.faults.isEmpty { world.drain() }
            #expect(world.faults.isEmpty, "seed \(seed)")
        }
    }
}
