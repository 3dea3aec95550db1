import HTTP
import NIOCore
import Seeded

@testable import Cache

/// What the outside of a store is: clients that wait and read, upstreams that are slow and die, pushes, restarts. Its
/// clock goes from one word of an upstream to the next.
struct CacheWorld {
    enum Event: CaseIterable, Sendable {
        case led, joined, followed, hit, refreshed, passed, sentAgain, left, readerLeft
        case headLate, bodyTrickled, silenceBeforeHead, silenceInBody, diedBeforeHead, diedInBody, retried
        case notModified, changed, invalidated
        case pushOfHeld, pushOfFilling, pushTookOver, pushDied, joinedPush
        case fillCancelled, wordOfTheDead
        case upstreamRestarted, edgeRestarted
    }

    /// Who waits for an answer.
    struct Client {
        let asset: Asset
        let request: RequestHead
        let since: ContinuousClock.Instant
        var waitsFor: Source
        /// How often it was told to ask again.
        var repeats = 0

        enum Source: Equatable { case fill(FillID), push(Int) }
    }

    /// Who reads a body that still grows.
    struct Reader {
        let asset: Asset
        let response: StoredResponse
    }

    var random: SeededGenerator
    var now = ContinuousClock.now
    private let budget: Int
    private let mutation: StoreUnderTest.Mutation?
    var subject: StoreUnderTest
    var store: CacheStore { subject.store }

    private var lastWaiter: WaiterID = 0
    var waiting: [WaiterID: Client] = [:]
    private var answered: Set<WaiterID> = []
    var readers: [WaiterID: Reader] = [:]
    var fetches: [FillID: SimulatedFetch] = [:]
    var pushes: [Int: SimulatedFetch] = [:]
    var lastPush = 0
    /// Fetches that are over, of which words may still be on their way.
    var departed: [FillID] = []
    /// Rises with every upstream that begins anew: all that it brings from then on is new.
    var epoch = 0
    private var changes: [String: Int] = [:]
    private var texts: [String: ByteBuffer] = [:]
    private static let targets = (0..<Asset.count).map { HTTPBytes(Asset.path($0)) }

    private(set) var tally = Tally<Event>()
    var faults: [Fault] = []

    init(seed: UInt64, mutation: StoreUnderTest.Mutation? = nil) {
        random = SeededGenerator(seed: seed)
        self.mutation = mutation
        budget = Int.random(in: 4_000...60_000, using: &random)
        subject = StoreUnderTest(CacheStore(budgetBytes: budget, objectBytes: 8_000), mutation)
    }

    mutating func note(_ event: Event) { tally.note(event) }
    mutating func fault(_ invariant: Invariant, _ text: String) { faults.append(Fault(invariant, text)) }
    mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    // MARK: Clients

    mutating func ask() {
        let number = Int.random(in: 0..<Asset.count, using: &random)
        let path = Asset.path(number)
        let kind = Asset.varies(path) ? Int.random(in: 0...1, using: &random) : 0
        var request = RequestHead(target: Self.targets[number])
        if Asset.varies(path) { request.fields.append("x-kind", decimal: kind) }
        switch Int.random(in: 0..<30, using: &random) {
        case 0: request.fields.append("cache-control", "no-cache")
        case 1: request.fields.append("cache-control", "only-if-cached")
        case 2...3: request.fields.append("range", "bytes=0-9")
        default: break
        }
        lastWaiter += 1
        look(up: Asset(path: path, kind: kind), request, lastWaiter, repeats: 0)
    }

    mutating func look(up asset: Asset, _ request: RequestHead, _ waiter: WaiterID, repeats: Int) {
        // Who asks for what is being pushed waits for that.
        if let push = pushes.first(where: { $0.value.asset == asset })?.key {
            note(.joinedPush)
            return wait(waiter, asset, request, .push(push), repeats)
        }
        switch subject.look(up: request, waiter: waiter, at: now) {
        case .serve(let response, let role):
            note(role == .collapsed ? .followed : .hit)
            serve(response, asset, to: waiter)
        case .refresh(let response, let fill, let upstream):
            note(.refreshed)
            serve(response, asset, to: waiter)
            begin(fill, asset, upstream)
        case .joined(let fill):
            note(.joined)
            if fetches[fill]?.asset.path != asset.path { fault(.ownBytes, "\(waiter) joined another object's fill") }
            wait(waiter, asset, request, .fill(fill), repeats)
        case .lead(let fill, let upstream):
            note(.led)
            begin(fill, asset, upstream)
            wait(waiter, asset, request, .fill(fill), repeats)
        case .pass, .notCached:
            note(.passed)
            finish(waiter, since: now)
        case .load, .file: fault(.bookkeeping, "there is no disk")
        }
    }

    private mutating func wait(
        _ waiter: WaiterID, _ asset: Asset, _ request: RequestHead, _ source: Client.Source, _ repeats: Int
    ) {
        waiting[waiter] = Client(asset: asset, request: request, since: now, waitsFor: source, repeats: repeats)
    }

    private mutating func begin(_ fill: FillID, _ asset: Asset, _ upstream: RequestHead) {
        if fetches.values.contains(where: { $0.asset == asset && (!$0.hasHead || $0.isShared) }) {
            fault(.oneFill, "two fills of \(asset.name)")
        }
        if !upstream.target.elementsEqual(asset.path.utf8) { fault(.ownBytes, "asked for another object") }
        fetches[fill] = fetch(asset, upstream.fields.first("if-none-match")?.text)
    }

    mutating func fetch(_ asset: Asset, _ validator: String?) -> SimulatedFetch {
        let course = Course.random(using: &random)
        return SimulatedFetch(
            asset: asset, validator: validator, course: course, due: now + course.timeToHead(using: &random))
    }

    mutating func leave() {
        guard let gone = waiting.keys.sorted().randomElement(using: &random) else { return }
        note(.left)
        if case .fill = waiting.removeValue(forKey: gone)?.waitsFor { store.leave(gone) }
    }

    mutating func readerLeaves() {
        guard let gone = readers.keys.sorted().randomElement(using: &random) else { return }
        note(.readerLeft)
        readers.removeValue(forKey: gone)?.response.body.leave(gone)
    }

    // MARK: Answers

    mutating func perform(_ effects: [CacheStore.Effect]) {
        for effect in effects {
            switch effect {
            case .deliver(let waiter, let response, _):
                guard let client = take(waiter) else { continue }
                finish(waiter, since: client.since)
                serve(response, client.asset, to: waiter, isFinished: true)
            case .pass(let waiter):
                note(.passed)
                if let client = take(waiter) { finish(waiter, since: client.since) }
            case .fail(let waiter):
                if let client = take(waiter) { finish(waiter, since: client.since) }
            case .again(let waiter):
                guard let client = take(waiter) else { continue }
                note(.sentAgain)
                finish(waiter, since: client.since)
                if client.repeats == 3 { fault(.boundedWait, "\(waiter) is sent from one fill to the next") }
                lastWaiter += 1
                look(up: client.asset, client.request, lastWaiter, repeats: client.repeats + 1)
            case .grew(let followers):
                for follower in followers.sorted() { read(follower) }
            }
        }
    }

    private mutating func take(_ waiter: WaiterID) -> Client? {
        guard let client = waiting.removeValue(forKey: waiter) else {
            fault(.answeredOnce, "\(waiter) was answered and did not wait")
            return nil
        }
        return client
    }

    mutating func finish(_ waiter: WaiterID, since: ContinuousClock.Instant) {
        if !answered.insert(waiter).inserted { fault(.answeredOnce, "\(waiter) was answered twice") }
        if since.duration(to: now) > SimulatedFetch.longestWait { fault(.boundedWait, "\(waiter) waited too long") }
    }

    private mutating func serve(
        _ response: StoredResponse, _ asset: Asset, to waiter: WaiterID, isFinished: Bool = false
    ) {
        if !isFinished { finish(waiter, since: now) }
        check(response, asset)
        if asset.isLive, !response.body.isComplete { fault(.ownBytes, "\(asset.name) is live and was not whole") }
        guard !response.body.isComplete else { return }
        response.body.follow(waiter)
        readers[waiter] = Reader(asset: asset, response: response)
    }

    private mutating func read(_ waiter: WaiterID) {
        guard let reader = readers[waiter] else { return fault(.bookkeeping, "\(waiter) reads no more") }
        check(reader.response, reader.asset)
        if reader.response.body.isComplete || reader.response.body.isFailed { readers[waiter] = nil }
    }

    /// Head and bytes are this object's, of one version, and all of them where the body is complete.
    private mutating func check(_ response: StoredResponse, _ asset: Asset) {
        guard response.head.fields.first("x-asset")?.text == asset.name, let tag = response.head.fields.first("etag")
        else { return fault(.ownBytes, "\(asset.name) was answered with another's head") }
        let text = text(asset, version: Int(tag.dropFirst().dropLast().text) ?? -1)
        var offset = 0
        for chunk in response.body.chunks {
            if text.getSlice(at: offset, length: chunk.readableBytes) != chunk {
                return fault(.ownBytes, "\(asset.name) has another's bytes")
            }
            offset += chunk.readableBytes
        }
        if response.body.isComplete, offset != text.readableBytes {
            fault(.ownBytes, "\(asset.name) is whole with \(offset) bytes of \(text.readableBytes)")
        }
    }

    // MARK: What is true

    func version(_ asset: Asset) -> Int { epoch * 1_000 + (changes[asset.path] ?? 0) }

    mutating func change() {
        note(.changed)
        changes[Asset.path(Int.random(in: 0..<Asset.count, using: &random)), default: 0] += 1
    }

    mutating func text(_ asset: Asset, version: Int) -> ByteBuffer {
        let unit = "\(asset.name)@\(version);"
        if let text = texts[unit] { return text }
        // Some are larger than the store takes, none is empty.
        let length = (version &* 7_919 &+ asset.path.utf8.reduce(0) { $0 &* 31 &+ Int($1) }) % 9_500 + 1
        let text = ByteBuffer(
            string: String(String(repeating: unit, count: length / unit.utf8.count + 1).prefix(length)))
        texts[unit] = text
        return text
    }

    // MARK: Time

    mutating func step() {
        switch Int.random(in: 0..<40, using: &random) {
        case 0..<18: ask()
        case 18..<20: leave()
        case 20: readerLeaves()
        case 21..<24: push()
        case 24..<26: speakForTheDead()
        case 26: change()
        case 27: invalidate()
        case 28: if chance(6) { restartUpstream() }
        case 29: if chance(10) { restartEdge() }
        case 30: if chance(4) { run(for: .seconds(Int.random(in: 2...25, using: &random))) }
        default: break
        }
        run(for: .milliseconds(Int.random(in: 0...350, using: &random)))
        if store.storedBytes > budget { fault(.bookkeeping, "\(store.storedBytes) bytes are held of \(budget)") }
    }

    /// Words of upstreams in their order, up to the end of this time.
    mutating func run(for time: Duration) {
        let end = now + time
        while let next = nextWord(), next.due <= end {
            now = max(now, next.due)
            switch next.source {
            case .fill(let fill): advance(fill)
            case .push(let push): advancePush(push)
            }
        }
        now = end
    }

    private func nextWord() -> (due: ContinuousClock.Instant, source: Client.Source)? {
        var next: (due: ContinuousClock.Instant, source: Client.Source)?
        for fill in fetches.keys.sorted() {
            if let due = fetches[fill]?.due, next.map({ due < $0.due }) ?? true { next = (due, .fill(fill)) }
        }
        for push in pushes.keys.sorted() {
            if let due = pushes[push]?.due, next.map({ due < $0.due }) ?? true { next = (due, .push(push)) }
        }
        return next
    }

    private mutating func invalidate() {
        note(.invalidated)
        store.invalidate(Self.targets[Int.random(in: 0..<Asset.count, using: &random)])
    }

    private mutating func restartEdge() {
        note(.edgeRestarted)
        subject = StoreUnderTest(CacheStore(budgetBytes: budget, objectBytes: 8_000), mutation)
        waiting = [:]
        readers = [:]
        fetches = [:]
        pushes = [:]
        departed = []
    }

    /// Whoever waits, waits for something that is still to come.
    mutating func checkWaiters() {
        for (waiter, client) in waiting {
            switch client.waitsFor {
            case .push(let push):
                if pushes[push] == nil { fault(.answeredOnce, "\(waiter) waits for a push that is over") }
            case .fill(let fill):
                guard let fetch = fetches[fill] else {
                    fault(.answeredOnce, "\(waiter) waits for a fill that is over")
                    continue
                }
                if fetch.hasHead, !client.asset.isLive { fault(.boundedWait, "\(waiter) waits past the head") }
            }
        }
        for (waiter, reader) in readers where reader.response.body.isComplete || reader.response.body.isFailed {
            fault(.answeredOnce, "\(waiter) was not told that its body is over")
        }
        let parked = waiting.values.count { if case .fill = $0.waitsFor { true } else { false } }
        if store.waitingCount != parked { fault(.bookkeeping, "the store waits for other clients than wait") }
        if store.fillCount != fetches.count { fault(.bookkeeping, "\(store.fillCount) fills of \(fetches.count)") }
    }

    /// Nobody asks any more: within the time that a wait may last everyone is answered.
    mutating func drain() {
        let end = now + SimulatedFetch.longestWait
        while now < end, !(fetches.isEmpty && pushes.isEmpty) { run(for: .seconds(5)) }
        if !waiting.isEmpty { fault(.boundedWait, "\(waiting.count) were never answered") }
        if !readers.isEmpty { fault(.boundedWait, "\(readers.count) bodies have no end") }
        checkWaiters()
    }
}
