import HTTP
import NIOCore
import Seeded
import Testing

@testable import Cache

/// The disk tier rule by rule, with a disk that is stepped by hand.
@Suite struct DiskTierTests {
    /// A store with a disk, told what to do one line after the other.
    private final class Stage {
        var store: CacheStore
        var disk: SimulatedDisk
        var now = ContinuousClock.now
        var unixMicroseconds: Int64 = 1_000_000_000_000
        private var random = SeededGenerator(seed: 1)
        private let memory: Int
        private let budget: Int
        private(set) var notices: [String] = []
        private var waiter: WaiterID = 0

        init(memory: Int = 100_000, budget: Int = 1 << 20, capacity: Int = .max) {
            (self.memory, self.budget) = (memory, budget)
            disk = SimulatedDisk(capacity: capacity)
            store = Self.store(memory, budget)
            settle()
        }

        private static func store(_ memory: Int, _ budget: Int) -> CacheStore {
            CacheStore(
                budgetBytes: memory, objectBytes: 50_000,
                disk: DiskTier(budgetBytes: budget, objectBytes: 50_000, queueBytes: 100_000))
        }

        func settle() {
            while true {
                let work = store.takeDiskWork(at: now, unixMicroseconds: unixMicroseconds)
                for step in work {
                    switch step {
                    case .fails(let failure): notices.append("fails: \(failure)")
                    case .works: notices.append("works")
                    case .recovered(let objects, _): notices.append("recovered \(objects)")
                    default: break
                    }
                }
                disk.add(work)
                if disk.queue.isEmpty { return }
                while !disk.queue.isEmpty {
                    if let report = disk.step(&random, at: now, unixMicroseconds: unixMicroseconds) {
                        store.disk(report)
                    }
                }
            }
        }

        /// The process is killed, and one after it begins so many seconds later.
        func restart(after seconds: Int = 0, budget: Int? = nil, opens: Bool = true) {
            pass(seconds)
            store = Self.store(memory, budget ?? self.budget)
            if opens { settle() }
        }

        func pass(_ seconds: Int) {
            now += .seconds(seconds)
            unixMicroseconds += Int64(seconds) * 1_000_000
        }

        func look(_ target: String, _ fields: [String] = []) -> CacheStore.Lookup {
            waiter += 1
            return store.look(
                up: RequestHead(target: HTTPBytes(target), fields: CacheScript.fields(fields)), waiter: waiter, at: now)
        }

        /// What a request is answered from: `hit`, `stale`, `disk`, `file` or `upstream`, with the request's validator.
        func ask(_ target: String, _ fields: [String] = []) -> String {
            switch look(target, fields) {
            case .serve(_, let role): return "\(role)"
            case .file(let object):
                store.released(object, wasServed: true)
                return "file"
            case .load(let fill, let object):
                switch disk.read(object, &random) {
                case .success(let body): return outcome(store.loaded(fill, [body], at: now), target, fields)
                case .failure(let failure):
                    store.disk { $0.failed(.read(object.file), failure.kind, at: now) }
                    return outcome(store.loaded(fill, nil, at: now), target, fields)
                }
            case .lead(let fill, let request):
                _ = store.fail(fill, at: now)
                return "upstream" + (request.fields.first("if-none-match").map { " \($0.text)" } ?? "")
            case let other: return "\(other)"
            }
        }

        private func outcome(_ effects: [CacheStore.Effect], _ target: String, _ fields: [String]) -> String {
            switch effects.first {
            case .deliver(_, _, let role): "\(role)"
            case .again: ask(target, fields)
            default: "\(effects)"
            }
        }

        func fill(_ target: String, _ fields: [String] = ["Cache-Control: max-age=600"], bytes: Int = 10_000) {
            guard case .lead(let fill, _) = look(target, ["Cache-Control: no-cache"]) else { return }
            _ = store.head(
                fill, ResponseHead(status: 200, fields: CacheScript.fields(fields + ["ETag: \"1\""])), at: now,
                unixSeconds: 1_000)
            _ = store.body(fill, ByteBuffer(repeating: 0x61, count: bytes))
            _ = store.finish(fill, at: now)
        }
    }

    @Test func whatWasKeptIsThereAfterARestart() {
        let stage = Stage()
        stage.fill("/vod/a")
        #expect(stage.ask("/vod/a") == "hit")
        stage.settle()
        stage.restart(after: 100)
        #expect(stage.notices.last == "recovered 1")
        #expect(stage.ask("/vod/a") == "disk")
        #expect(stage.ask("/vod/a") == "hit", "it is promoted")
        stage.restart(after: 600)
        #expect(stage.ask("/vod/a") == "upstream \"1\"", "what is stale is asked about")
    }

    @Test func whatIsOnItsWayIsServedFromMemory() {
        let stage = Stage(memory: 30_000)
        for name in ["a", "b", "c", "d"] { stage.fill("/vod/\(name)") }
        #expect(stage.ask("/vod/a") == "hit")
        stage.settle()
        for name in ["b", "c", "d"] { #expect(["hit", "disk"].contains(stage.ask("/vod/\(name)"))) }
        #expect(stage.store.storedBytes <= 30_000)
    }

    @Test func oneReadServesAllWhoWait() throws {
        let stage = Stage()
        stage.fill("/vod/a")
        stage.settle()
        stage.restart()
        guard case .load(let fill, _) = stage.look("/vod/a") else { Issue.record("not loaded"); return }
        for _ in 0..<3 {
            guard case .joined(fill) = stage.look("/vod/a") else { Issue.record("not joined"); return }
        }
        let effects = stage.store.loaded(fill, [ByteBuffer(repeating: 0x61, count: 10_000)], at: stage.now)
        #expect(effects.count == 4)
    }

    @Test func rangesComeFromTheFile() {
        let stage = Stage()
        stage.fill("/vod/a")
        stage.settle()
        stage.restart()
        #expect(stage.ask("/vod/a", ["Range: bytes=0-9"]) == "file")
        #expect(stage.ask("/vod/a", ["Range: bytes=0-1,4-5"]) == "disk", "several are cut from memory")
        #expect(stage.ask("/vod/a", ["Range: bytes=0-9"]) == "hit")
    }

    @Test func onlyWhatIsWorthAFileGoesThere() {
        let stage = Stage()
        stage.fill("/short", ["Cache-Control: max-age=5"])
        stage.fill("/none", ["Cache-Control: no-store"])
        stage.fill("/empty", bytes: 0)
        stage.settle()
        // The first has a validator.
        #expect(stage.disk.files.count == 1)
    }

    @Test(arguments: [
        PurgeSelector.target(HTTPBytes("/vod/a")), .prefix(HTTPBytes("/vod/")), .surrogateKey(HTTPBytes("k")),
    ])
    func purgesReachFiles(selector: PurgeSelector) {
        for mode in [PurgeMode.hard, .soft] {
            for isRestarted in [false, true] {
                let stage = Stage()
                stage.fill("/vod/a", ["Cache-Control: max-age=600", "Surrogate-Key: j k"])
                stage.fill("/other", ["Cache-Control: max-age=600", "Surrogate-Key: j"])
                stage.settle()
                stage.restart()
                #expect(stage.store.purge(selector, mode, at: stage.now).count == 1)
                stage.settle()
                if isRestarted { stage.restart(after: 1) }
                #expect(stage.ask("/vod/a") == (mode == .hard ? "upstream" : "upstream \"1\""))
                #expect(stage.ask("/other") == "disk")
            }
        }
    }

    @Test func purgesBeforeTheFilesAreReadReachThemToo() {
        for mode in [PurgeMode.hard, .soft] {
            let stage = Stage()
            stage.fill("/vod/a")
            stage.settle()
            stage.restart(opens: false)
            _ = stage.store.purge(.target(HTTPBytes("/vod/a")), mode, at: stage.now)
            stage.settle()
            #expect(stage.ask("/vod/a") == (mode == .hard ? "upstream" : "upstream \"1\""))
            stage.restart()
            #expect(stage.ask("/vod/a") == (mode == .hard ? "upstream" : "upstream \"1\""))
        }
    }

    @Test func aFileThatIsReadStays() throws {
        let stage = Stage()
        stage.fill("/vod/a")
        stage.settle()
        stage.restart()
        guard case .file(let object) = stage.look("/vod/a", ["Range: bytes=0-9"]) else {
            Issue.record("not from its file")
            return
        }
        #expect(stage.store.purge(.target(HTTPBytes("/vod/a")), .hard, at: stage.now).count == 1)
        stage.settle()
        #expect(stage.disk.files.count == 1)
        #expect(stage.ask("/vod/a") == "upstream")
        // Killed now, the next process does not find it.
        let reader = stage.store
        stage.restart()
        #expect(stage.ask("/vod/a") == "upstream" && stage.disk.files.isEmpty)
        reader.released(object, wasServed: true)
    }

    @Test func theBudgetHoldsAndASmallerOneToo() {
        let stage = Stage(memory: 12_000, budget: 50_000)
        for index in 0..<12 {
            stage.fill("/vod/\(index)")
            stage.settle()
            #expect(stage.disk.used <= 50_000)
        }
        #expect(stage.store.disk?.count == 4)
        #expect(stage.store.disk?.counters.evicted == 8)
        stage.restart(budget: 30_000)
        #expect(stage.disk.used <= 30_000)
        #expect(stage.ask("/vod/11") == "disk")
        stage.restart(budget: 1_000)
        #expect(stage.disk.files.isEmpty)
    }

    @Test func aFullDiskServesWhatItHoldsAndIsTriedAgain() {
        let stage = Stage(memory: 12_000, capacity: 26_000)
        for index in 0..<4 {
            stage.fill("/vod/\(index)")
            stage.settle()
        }
        #expect(stage.notices.suffix(1) == ["fails: full"])
        #expect(stage.ask("/vod/0") == "disk" && stage.ask("/vod/1") == "disk")
        stage.pass(3)
        stage.fill("/vod/4")
        stage.settle()
        #expect(stage.notices.last == "works")
        // It goes on within the room that there is.
        stage.fill("/vod/5")
        stage.settle()
        #expect(stage.notices.last == "works" && stage.disk.files.count == 2)
    }

    @Test func aBrokenDiskIsLeftAloneAndTriedAgain() {
        let stage = Stage(memory: 25_000)
        for index in 0..<3 {
            stage.fill("/vod/\(index)")
            stage.settle()
        }
        stage.disk.mood = .failing
        stage.pass(1)
        for index in 3..<8 {
            stage.fill("/vod/\(index)")
            stage.settle()
        }
        #expect(stage.notices.last == "fails: broken")
        #expect(stage.ask("/vod/0") == "upstream", "memory is all there is")
        #expect(stage.store.purge(.target(HTTPBytes("/vod/0")), .hard, at: stage.now).count == 1)
        stage.disk.mood = .working
        stage.pass(61)
        for index in 8..<11 {
            stage.fill("/vod/\(index)")
            stage.settle()
        }
        #expect(stage.notices.last == "works")
        #expect(stage.ask("/vod/1") == "disk")
        #expect(stage.ask("/vod/0") == "upstream", "the purge is made up for")
        #expect(stage.disk.files.count == stage.store.disk?.count)
    }

    @Test func aFileThatCannotBeReadIsFetched() {
        let stage = Stage()
        stage.fill("/vod/a")
        stage.settle()
        stage.restart()
        stage.disk.mood = .failing
        var answers: Set<String> = []
        for _ in 0..<8 { answers.insert(stage.ask("/vod/a")) }
        #expect(answers.isSubset(of: ["upstream", "disk", "hit"]))
        #expect(stage.store.waitingCount == 0 && stage.store.fillCount == 0)
    }

    @Test func whatTheDiskDoesNotKeepUpWithGoesThereLater() {
        let stage = Stage(memory: 150_000)
        // More than may wait.
        for index in 0..<12 { stage.fill("/vod/\(index)") }
        #expect(stage.store.disk?.counters.dropped == 2)
        stage.settle()
        #expect(stage.disk.files.count == 10)
        for index in 12..<30 {
            stage.fill("/vod/\(index)")
            stage.settle()
        }
        #expect(stage.ask("/vod/10") == "disk", "written when memory let go of it")
    }
}
