import HTTP
import NIOCore
import Seeded
import Testing

@testable import Cache

/// Schedules of requests, fills, purges, full and failing disks and deaths at any step, drawn from a seed. A failure names
/// its seed.
@Suite struct DiskSimulation {
    private struct World {
        /// What the upstream said last of an object, by a stamp that its answers carry.
        struct Word {
            let object: String
            let at: ContinuousClock.Instant
            let lifetime: Int
        }

        var random: SeededGenerator
        var now = ContinuousClock.now
        var unixMicroseconds: Int64 = 1_000_000_000_000
        let budget: Int
        let memory: Int

        var store: CacheStore
        var disk: SimulatedDisk
        var waiter: WaiterID = 0
        var waiting: [WaiterID: String] = [:]
        var answered: Set<WaiterID> = []
        var fills: [FillID: (object: String, asked: String?, hasHead: Bool, stamp: Int)] = [:]
        var loads: [(fill: FillID?, object: DiskTier.Object)] = []
        var versions: [String: Int] = [:]
        var words: [Int: Word] = [:]
        var stamp = 0
        /// Answers with an earlier stamp may not be served without the upstream's word.
        var floor: [String: Int] = [:]
        /// Purges whose work on the disk is not done: how many steps are before their end.
        var purges: [(object: String, stamp: Int, steps: Int)] = []
        var diskAnswers = 0
        var restarts = 0
        var faults: [String] = []

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            budget = Int.random(in: 20_000...200_000, using: &random)
            memory = Int.random(in: 8_000...40_000, using: &random)

            disk = SimulatedDisk(
                capacity: Bool.random(using: &random)
                    ? .max : Int.random(in: 12_000...budget, using: &random))
            store = Self.store(budget, memory)
            for number in 0..<UInt64.random(in: 0...3, using: &random) {
                disk.litter(number, ByteBuffer(repeating: 7, count: Int.random(in: 0...1_500, using: &random)))
            }
        }

        static func store(_ budget: Int, _ memory: Int) -> CacheStore {
            CacheStore(
                budgetBytes: memory, objectBytes: 6_000,
                disk: DiskTier(
                    budgetBytes: budget, objectBytes: 6_000, queueBytes: 30_000,
                    admits: { target, _ in !target.starts(with: Array("/live/part".utf8)) }))
        }

        static func object(_ number: Int) -> String {
            switch number {
            case 0..<2: "/live/part\(number)"
            case 2..<5: "/live/seg\(number)"
            default: "/vod/\(number)"
            }
        }

        // MARK: Clients

        mutating func ask(_ object: String) {
            waiter += 1
            var request = RequestHead(target: HTTPBytes(object))
            switch Int.random(in: 0..<20, using: &random) {
            case 0: request.fields.append("cache-control", "no-cache")
            case 1...4: request.fields.append("range", "bytes=0-9")
            case 5: request.method = .head
            default: break
            }
            look(up: request, object)
        }

        mutating func look(up request: RequestHead, _ object: String) {
            let asked = request.fields.first("range") == nil ? nil : object
            switch store.look(up: request, waiter: waiter, at: now) {
            case .serve(let response, let role):
                answer(waiter)
                check(response, is: object, role)
            case .refresh(let response, let fill, _):
                answer(waiter)
                check(response, is: object, .stale)
                begin(fill, object, asked)
            case .joined: waiting[waiter] = object
            case .lead(let fill, _):
                begin(fill, object, asked)
                waiting[waiter] = object
            case .load(let fill, let file):
                if loads.contains(where: { $0.object.file == file.file && $0.fill != nil }) {
                    faults.append("\(object) is read twice at once")
                }
                loads.append((fill, file))
                waiting[waiter] = object
            case .file(let file):
                answer(waiter)
                loads.append((nil, file))
                check(head: file.response.head, is: object, .disk)
            case .pass, .notCached: answer(waiter)
            }
        }

        mutating func begin(_ fill: FillID, _ object: String, _ asked: String?) {
            if fills.values.contains(where: { $0.object == object && !$0.hasHead }) {
                faults.append("two fills of \(object)")
            }
            fills[fill] = (object, asked, false, 0)
        }

        mutating func answer(_ waiter: WaiterID) {
            if !answered.insert(waiter).inserted { faults.append("\(waiter) was answered twice") }
        }

        mutating func leave() {
            guard let gone = waiting.keys.sorted().randomElement(using: &random) else { return }
            waiting[gone] = nil
            store.leave(gone)
        }

        // MARK: The upstream

        mutating func advanceFill() {
            guard let fill = fills.keys.sorted().randomElement(using: &random), let state = fills[fill] else { return }
            guard state.hasHead else { return begin(answering: fill, state.object) }
            switch Int.random(in: 0..<8, using: &random) {
            case 0:
                fills[fill] = nil
                perform(store.fail(fill, at: now))
            case 1...4:
                let text = "\(state.object)@\(versions[state.object] ?? 0);"
                guard words[state.stamp] != nil else { return }
                perform(store.body(fill, ByteBuffer(string: text)))
            default:
                fills[fill] = nil
                perform(store.finish(fill, at: now))
                heard(state.object, state.stamp)
            }
        }

        private mutating func begin(answering fill: FillID, _ object: String) {
            let before = store.fillCount
            stamp += 1
            if Int.random(in: 0..<12, using: &random) == 0 {
                fills[fill] = nil
                return perform(store.fail(fill, at: now))
            }
            let isChanged = !fills.values.contains { $0.object == object && $0.hasHead }
            if isChanged, Int.random(in: 0..<4, using: &random) == 0 { versions[object, default: 0] += 1 }
            let tag = "\"\(versions[object] ?? 0)\""
            let held = store.fills[fill]?.request.fields.first("if-none-match")?.text
            var head = ResponseHead(status: held == tag ? 304 : 200)
            let lifetime = [0, 20, 60, 600].randomElement(using: &random) ?? 0
            let isKept = Int.random(in: 0..<12, using: &random) > 0
            head.fields.append("cache-control", isKept ? "max-age=\(lifetime)" : "no-store")
            head.fields.append("x-object", object)
            head.fields.append("x-stamp", "\(stamp)")
            head.fields.append("etag", tag)
            head.fields.append("surrogate-key", "all \(object.hasPrefix("/vod") ? "vod" : "live")")
            head.fields.append("date", "Thu, 01 Jan 1970 00:16:40 GMT")
            words[stamp] = Word(object: object, at: now, lifetime: isKept ? lifetime : 0)
            fills[fill] = (object, nil, true, stamp)
            perform(store.head(fill, head, at: now, unixSeconds: 1_000))
            // A 304 ends it.
            if store.fillCount < before {
                fills[fill] = nil
                heard(object, words.keys.contains(stamp) ? stamp : 0)
            } else if Bool.random(using: &random) {
                perform(
                    store.body(
                        fill,
                        ByteBuffer(
                            string: String(
                                repeating: "\(object)@\(versions[object] ?? 0);",
                                count: Int.random(in: 1...350, using: &random)))))
            }
        }

        /// The store knows of this word: nothing older passes for fresh.
        private mutating func heard(_ object: String, _ stamp: Int) { floor[object] = max(floor[object] ?? 0, stamp) }

        // MARK: What comes of it

        mutating func perform(_ effects: [CacheStore.Effect]) {
            for effect in effects {
                switch effect {
                case .deliver(let waiter, let response, let role):
                    guard let object = waiting.removeValue(forKey: waiter) else {
                        faults.append("\(waiter) was answered and did not wait")
                        continue
                    }
                    answer(waiter)
                    check(response, is: object, role)
                case .again(let waiter):
                    guard let object = waiting.removeValue(forKey: waiter) else {
                        faults.append("\(waiter) did not wait")
                        continue
                    }
                    answer(waiter)
                    self.waiter += 1
                    look(up: RequestHead(target: HTTPBytes(object)), object)
                case .pass(let waiter), .fail(let waiter):
                    if waiting.removeValue(forKey: waiter) == nil { faults.append("\(waiter) did not wait") }
                    answer(waiter)
                case .grew: break
                }
            }
        }

        mutating func check(_ response: StoredResponse, is object: String, _ role: CacheStore.ServedAs) {
            check(head: response.head, is: object, role)
            let bytes = response.body.chunks.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
            check(bytes, of: response.head, isWhole: response.body.isComplete)
        }

        private mutating func check(head: ResponseHead, is object: String, _ role: CacheStore.ServedAs) {
            if role == .disk { diskAnswers += 1 }
            guard head.fields.first("x-object")?.text == object else {
                return faults.append("\(object) was answered with another's head")
            }
            guard role == .hit || role == .disk, let stamp = head.fields.first("x-stamp").flatMap({ Int($0.text) }),
                let word = words[stamp]
            else { return }
            if word.at.duration(to: now) >= .seconds(word.lifetime) { faults.append("\(object) was stale") }
            if stamp < floor[object] ?? 0 { faults.append("\(object) was overtaken or purged") }
        }

        private mutating func check(_ bytes: ByteBuffer, of head: ResponseHead, isWhole: Bool) {
            guard let object = head.fields.first("x-object")?.text, let tag = head.fields.first("etag")?.text else {
                return
            }
            let unit = "\(object)@\(tag.dropFirst().dropLast());"
            let text = String(buffer: bytes)
            if text != String(repeating: unit, count: text.utf8.count / unit.utf8.count) {
                faults.append("\(object) has other bytes than \(unit): \(text.prefix(60))")
            }
        }

        // MARK: The disk

        mutating func advanceDisk() {
            disk.add(store.takeDiskWork(at: now, unixMicroseconds: unixMicroseconds))
            if let report = disk.step(&random, at: now, unixMicroseconds: unixMicroseconds) { store.disk(report) }
            for index in purges.indices { purges[index].steps -= 1 }
            settlePurges()
            // What is written behind a removal that fails is there before it is known.
            let allowed = budget + (store.disk?.isSettled == true && disk.mood == .working ? 0 : 30_000)
            if disk.used > allowed { faults.append("\(disk.used) bytes lie on the disk of \(allowed)") }
            faults += disk.faults
        }

        mutating func advanceLoad() {
            guard !loads.isEmpty else { return }
            let (fill, object) = loads.remove(at: Int.random(in: loads.indices, using: &random))
            switch disk.read(object, &random) {
            case .success(let bytes):
                check(bytes, of: object.response.head, isWhole: true)
                if let fill {
                    perform(store.loaded(fill, [bytes], at: now))
                } else {
                    store.released(object, wasServed: true)
                }
            case .failure(let failure):
                if failure.kind == .missing { faults.append("file \(object.file) went while it was read") }
                store.disk { $0.failed(.read(object.file), failure.kind, at: now) }
                if let fill {
                    perform(store.loaded(fill, nil, at: now))
                } else {
                    store.released(object, wasServed: false)
                }
            }
        }

        mutating func purge() {
            let object = Self.object(Int.random(in: 0..<12, using: &random))
            let selector: PurgeSelector
            let hit: [String]
            let all = (0..<12).map(Self.object)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: (selector, hit) = (.target(HTTPBytes(object)), [object])
            case 1: (selector, hit) = (.prefix(HTTPBytes("/vod/")), all.filter { $0.hasPrefix("/vod/") })
            default: (selector, hit) = (.surrogateKey(HTTPBytes("live")), all.filter { !$0.hasPrefix("/vod") })
            }
            _ = store.purge(selector, Bool.random(using: &random) ? .hard : .soft, at: now)
            disk.add(store.takeDiskWork(at: now, unixMicroseconds: unixMicroseconds))
            // At once for this process; for the next when the disk has done what it was given.
            for object in hit {
                floor[object] = max(floor[object] ?? 0, stamp + 1)
                purges.append((object, stamp + 1, disk.queue.count))
            }
            stamp += 1
            settlePurges()
        }

        /// What the disk did not fail to do outlives the process.
        private mutating func settlePurges() {
            for purge in purges where purge.steps <= 0 {
                if store.disk?.isSettled == true, disk.mood == .working, store.disk?.isOpen == true {
                    durable[purge.object] = max(durable[purge.object] ?? 0, purge.stamp)
                }
            }
            purges.removeAll { $0.steps <= 0 }
        }

        private var durable: [String: Int] = [:]

        mutating func restart() {
            restarts += 1
            disk.crash(&random)
            store = Self.store(budget, memory)
            waiting = [:]
            fills = [:]
            loads = []
            purges = []
            // Files may tell of what was known before the last words.
            floor = durable
        }

        // MARK: Time

        mutating func step() {
            switch Int.random(in: 0..<40, using: &random) {
            case 0...9: ask(Self.object(Int.random(in: 0..<12, using: &random)))
            case 10: leave()
            case 11...22: advanceFill()
            case 23...30: advanceDisk()
            case 31...34: advanceLoad()
            case 35: if Int.random(in: 0..<4, using: &random) == 0 { purge() }
            case 36: if Int.random(in: 0..<12, using: &random) == 0 { restart() }
            case 37:
                if Int.random(in: 0..<8, using: &random) == 0 {
                    disk.mood = disk.mood == .working ? .failing : .working
                }
            default:
                let seconds = Int.random(in: 0...3, using: &random)
                now += .seconds(seconds)
                unixMicroseconds += Int64(seconds) * 1_000_000
            }
            if store.storedBytes > memory { faults.append("\(store.storedBytes) bytes are held of \(memory)") }
            if store.waitingCount != waiting.count { faults.append("the store waits for other clients than wait") }
        }

        /// Everything ends: nobody is left waiting, and the disk works again and holds what the store says.
        mutating func drain() {
            disk.mood = .working
            while !loads.isEmpty { advanceLoad() }
            for fill in fills.keys.sorted() { perform(store.fail(fill, at: now)) }
            fills = [:]
            while !loads.isEmpty { advanceLoad() }
            if !waiting.isEmpty {
                for fill in fills.keys.sorted() { perform(store.fail(fill, at: now)) }
            }
            if !waiting.isEmpty { faults.append("\(waiting.count) were never answered") }
            settleDisk()
            // One write is the trial after a failure.
            for attempt in 0..<10 where attempt == 0 || store.disk?.isWorking != true {
                now += .seconds(100)
                store.adopt(
                    RequestHead(target: HTTPBytes("/trial\(attempt)")), Self.trial, body: [ByteBuffer(string: "x")],
                    at: now, unixSeconds: 1_000)
                settleDisk()
            }
            if store.disk?.isWorking != true { faults.append("the disk is not used again") }
            if disk.files.count != store.disk?.count {
                faults.append("\(disk.files.count) files, \(store.disk?.count ?? 0) known")
            }
            if disk.used != store.disk?.bytes { faults.append("\(disk.used) bytes, \(store.disk?.bytes ?? 0) known") }
        }

        private static let trial: ResponseHead = {
            var head = ResponseHead(status: 200)
            head.fields.append("cache-control", "max-age=600")
            return head
        }()

        private mutating func settleDisk() {
            while true {
                disk.add(store.takeDiskWork(at: now, unixMicroseconds: unixMicroseconds))
                if disk.queue.isEmpty { return }
                if let report = disk.step(&random, at: now, unixMicroseconds: unixMicroseconds) { store.disk(report) }
            }
        }
    }

    @Test(arguments: 0..<8) func whatLiesInFilesIsWhatWasKept(block: Int) {
        var diskAnswers = 0
        for seed in 0..<Search.rounds(25) {
            var world = World(seed: UInt64(block * 1_000_000 + seed))
            for _ in 0..<600 {
                world.step()
                if !world.faults.isEmpty { break }
            }
            if world.faults.isEmpty { world.drain() }
            diskAnswers += world.diskAnswers
            #expect(world.faults.isEmpty, "block \(block), seed \(seed): \(world.faults.prefix(3))")
            if !world.faults.isEmpty { return }
        }
        // It is a simulation of a disk that is used.
        #expect(diskAnswers > 50, "\(diskAnswers) answers from files")
    }
}
