import Cache
import HLS
import HTTP
import NIOCore
import Relay
import Seeded

/// A simulated channel: an origin, shields that it pushes, an edge that they push, and viewers. Everything that goes
/// between them may be late, stop in the middle, or be lost with its connection.
struct RelayWorld {
    /// One push on its way over a connection.
    struct Transfer {
        let object: RelayObject
        let id: PushID?
        var sentBytes = 0
        var hasHead = false
    }

    /// A shield, and the connection between it and the edge.
    struct Shield {
        var receiver = RelayReceiver(channel: "demo")
        var sender: RelaySender?
        /// What the origin has sent it, and it has not taken in yet.
        var inbox: [RelayObject] = []
        var transfers: [Transfer] = []
        var isUp = true
        var isPaused = false
    }

    var random: SeededGenerator
    var now = ContinuousClock.now
    let start: ContinuousClock.Instant
    var origin = LiveOrigin()
    var shields: [Shield]
    var edge = RelayReceiver(channel: "demo")
    var choice: FeedChoice
    var nextPart: ContinuousClock.Instant
    var lastWaiter: WaiterID = 0
    /// Who waits: since when, for which target, and from where on in the stream.
    var waiting: [WaiterID: (since: ContinuousClock.Instant, path: HTTPBytes)] = [:]
    var answered: Set<WaiterID> = []
    var fills: [HTTPBytes] = []
    /// Parts that were pushed whole to the edge.
    var arrivals: Set<HTTPBytes> = []
    /// Playlists that have been read, which are kept so that no other takes their place in memory.
    private var texts: [ObjectIdentifier: (object: RelayObject, listed: [HTTPBytes])] = [:]
    var pulls = 0
    var answers = 0
    var faults: [String] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...3, using: &random)
        shields = Array(repeating: Shield(), count: count)
        choice = FeedChoice(count: count)
        start = now
        nextPart = now
        for index in shields.indices {
            _ = shields[index].receiver.touch("video", at: now)
            shields[index].receiver.opened(0)
        }
        _ = edge.touch("video", at: now)
        for index in shields.indices { offer(index, true) }
    }

    // MARK: Between origin and shields

    mutating func publish(_ objects: [RelayObject]) {
        for index in shields.indices { shields[index].inbox += objects }
    }

    mutating func feedShield(_ index: Int) {
        guard !shields[index].isPaused, !shields[index].inbox.isEmpty else { return }
        let object = shields[index].inbox.removeFirst()
        var effects: [RelayEffect] = []
        let id = shields[index].receiver.promised(object.promise, from: 0, at: now, effects: &effects)
        if let id {
            shields[index].receiver.head(id, object.head, at: now, effects: &effects)
            for chunk in object.body.chunks { shields[index].receiver.body(id, chunk, at: now, effects: &effects) }
            shields[index].receiver.ended(id, at: now, effects: &effects)
        }
        for effect in effects {
            if case .publish(let object) = effect { shields[index].sender?.offer(object) }
        }
    }

    // MARK: Between shields and the edge

    mutating func offer(_ index: Int, _ isUp: Bool) {
        shields[index].isUp = isUp
        if !isUp { cut(index) }
        var effects: [FeedChoice.Effect] = []
        choice.offers(index, isUp, at: now, effects: &effects)
        perform(effects)
    }

    /// The connection breaks: nothing more comes, what had begun is lost.
    mutating func cut(_ index: Int) {
        shields[index].sender = nil
        shields[index].transfers = []
        var effects: [RelayEffect] = []
        edge.closed(index, at: now, effects: &effects)
        perform(effects)
    }

    mutating func perform(_ effects: [FeedChoice.Effect]) {
        for effect in effects {
            switch effect {
            case .subscribe(let index):
                guard shields[index].isUp else { continue }
                edge.opened(index)
                var sender = RelaySender(wants: ["video"], openLimit: Int.random(in: 2...20, using: &random))
                let held = edge.request(for: ["video"]).wants["video"] ?? nil
                for object in shields[index].receiver.snapshot("video", after: held) { sender.offer(object) }
                shields[index].sender = sender
            case .unsubscribe(let index): cut(index)
            case .probe, .moved: break
            }
        }
    }

    /// One step of a connection: a promise, a head, some bytes or an end.
    mutating func transfer(_ index: Int) {
        guard shields[index].isUp, !shields[index].isPaused, shields[index].sender != nil else { return }
        if Bool.random(using: &random), let object = shields[index].sender?.next() {
            var effects: [RelayEffect] = []
            let id = edge.promised(object.promise, from: index, at: now, effects: &effects)
            if id == nil {
                shields[index].sender?.ended()
            } else {
                shields[index].transfers.append(Transfer(object: object, id: id))
            }
            perform(effects)
            var moves: [FeedChoice.Effect] = []
            choice.promised(by: index, isNew: id != nil, at: now, effects: &moves)
            perform(moves)
            return
        }
        guard let place = shields[index].transfers.indices.randomElement(using: &random) else { return }
        advance(place, of: index)
    }

    mutating func advance(_ place: Int, of index: Int) {
        var transfer = shields[index].transfers[place]
        guard let id = transfer.id else { return }
        var effects: [RelayEffect] = []
        let bytes = transfer.object.body.chunks.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        let left = bytes.readableBytes - transfer.sentBytes
        var isOver = false
        if Int.random(in: 0..<200, using: &random) == 0 {
            edge.failed(id, at: now, effects: &effects)
            isOver = true
        } else if !transfer.hasHead {
            transfer.hasHead = true
            edge.head(id, transfer.object.head, at: now, effects: &effects)
        } else if left > 0 {
            let count = Int.random(in: 1...max(1, left), using: &random)
            if let piece = bytes.getSlice(at: transfer.sentBytes, length: count) {
                edge.body(id, piece, at: now, effects: &effects)
            }
            transfer.sentBytes += count
        } else {
            if case .part = transfer.object.kind, !arrivals.insert(transfer.object.target).inserted {
                faults.append("\(transfer.object.target.text) came twice")
            }
            edge.ended(id, at: now, effects: &effects)
            isOver = true
        }
        shields[index].transfers[place] = transfer
        if isOver {
            shields[index].transfers.remove(at: place)
            shields[index].sender?.ended()
        }
        perform(effects)
    }

    // MARK: The edge

    mutating func perform(_ effects: [RelayEffect]) {
        for effect in effects {
            switch effect {
            case .answer(let waiter, let answer): self.answer(waiter, answer, isHeld: true)
            case .refuse(let waiter, _): finish(waiter)
            case .pull(let waiter):
                pulls += 1
                finish(waiter)
            case .fill(let target):
                if fills.contains(target) { faults.append("\(target.text) is fetched twice at once") }
                fills.append(target)
            case .cancel(let id):
                for index in shields.indices {
                    guard let place = shields[index].transfers.firstIndex(where: { $0.id == id }) else { continue }
                    shields[index].transfers.remove(at: place)
                    shields[index].sender?.ended()
                }
            case .grew, .publish, .warmed: break
            }
        }
    }

    mutating func finishFill() {
        guard !fills.isEmpty else { return }
        let target = fills.remove(at: Int.random(in: fills.indices, using: &random))
        guard let text = origin.media[target], Int.random(in: 0..<5, using: &random) > 0 else {
            return edge.fillFailed(target)
        }
        var effects: [RelayEffect] = []
        edge.filled(
            target, head: ResponseHead(status: 200), body: SharedBody(whole: [ByteBuffer(string: text)]), at: now,
            effects: &effects)
        perform(effects)
    }

    // MARK: Viewers

    mutating func ask() {
        guard let position = origin.timeline.position else { return }
        let (path, query): (String, String)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: (path, query) = ("playlist.m3u8", "")
        case 1: (path, query) = ("playlist.m3u8", "_HLS_msn=\(position.sequence)")
        case 2...4:
            (path, query) = (
                "playlist.m3u8",
                "_HLS_msn=\(position.sequence)&_HLS_part=\(position.part + Int.random(in: 0...2, using: &random))"
            )
        default:
            let hint = origin.timeline.hinted ?? position
            (path, query) = ("\(origin.epoch)/\(hint.sequence).\(hint.part).m4s", "")
        }
        request(HTTPBytes("/live/demo/video/\(path)"), HTTPBytes(query))
    }

    @discardableResult
    mutating func request(_ path: HTTPBytes, _ query: HTTPBytes) -> Bool {
        lastWaiter += 1
        guard let target = LiveTarget.read(path: path)?.target else { return false }
        let directives = Result { () throws(DirectiveError) in try DeliveryDirectives.parse(query: query) }
        waiting[lastWaiter] = (now, path)
        switch edge.ask(
            target, path: path, directives: directives, takesGzip: Bool.random(using: &random), waiter: lastWaiter,
            at: now, canPull: true)
        {
        case .answer(let answer):
            self.answer(lastWaiter, answer, isHeld: false)
            return true
        case .held: break
        case .refuse: finish(lastWaiter)
        case .pull:
            pulls += 1
            finish(lastWaiter)
        }
        return false
    }

    mutating func finish(_ waiter: WaiterID) {
        guard let entry = waiting.removeValue(forKey: waiter) else {
            return faults.append("\(waiter) was answered and did not wait")
        }
        if !answered.insert(waiter).inserted { faults.append("\(waiter) was answered twice") }
        if entry.since.duration(to: now) > .milliseconds(3_100) { faults.append("\(waiter) waited too long") }
    }

    mutating func answer(_ waiter: WaiterID, _ answer: RelayAnswer, isHeld: Bool) {
        let path = waiting[waiter]?.path
        finish(waiter)
        answers += 1
        switch answer {
        case .object(let object): check(object, is: path)
        case .segment(let parts): for part in parts { check(part, is: nil) }
        case .playlist(let object, _, _, _):
            guard let listed = listed(in: object) else { return faults.append("\(waiter) got half a playlist") }
            for target in listed {
                // The barrier: each part that is listed is answered at once.
                if !request(target, []) { faults.append("\(target.text) is listed and not held") }
            }
        }
    }

    /// The parts that a playlist lists; nil when it is not whole.
    private mutating func listed(in object: RelayObject) -> [HTTPBytes]? {
        if let known = texts[ObjectIdentifier(object)] { return known.listed }
        var text = ByteBuffer()
        for chunk in object.body.chunks { text.writeImmutableBuffer(chunk) }
        guard object.body.isComplete, let playlist = try? MediaPlaylist(parsing: text.readableBytesView) else {
            return nil
        }
        let listed = playlist.segments.flatMap(\.parts).map { HTTPBytes("/live/demo/video/\($0.uri)") }
        texts[ObjectIdentifier(object)] = (object, listed)
        return listed
    }

    mutating func check(_ object: RelayObject, is path: HTTPBytes?) {
        let bytes = object.body.chunks.reduce(into: "") { $0 += String(buffer: $1) }
        if let path, object.target != path { faults.append("\(path.text) was answered with \(object.target.text)") }
        if bytes != origin.media[object.target] { faults.append("\(object.target.text) has another's bytes") }
    }

    mutating func leave() {
        guard let gone = waiting.keys.sorted().randomElement(using: &random) else { return }
        waiting[gone] = nil
        edge.leave(gone)
    }

    // MARK: Time

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...12, using: &random))
        if now >= nextPart {
            publish(origin.advance(at: now))
            nextPart = now + .milliseconds(Int.random(in: 150...260, using: &random))
        }
        for index in shields.indices {
            for _ in 0..<4 { feedShield(index) }
            for _ in 0..<Int.random(in: 4...20, using: &random) { transfer(index) }
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0...24: ask()
        case 25...28: leave()
        case 29...40: finishFill()
        case 41: offer(Int.random(in: shields.indices, using: &random), false)
        case 42...48:
            if let index = shields.indices.first(where: { !shields[$0].isUp }) { offer(index, true) }
        case 49: shields[Int.random(in: shields.indices, using: &random)].isPaused = true
        case 50...55:
            if let index = shields.indices.first(where: { shields[$0].isPaused }) { shields[index].isPaused = false }
        case 56 where Int.random(in: 0..<10, using: &random) == 0: publish(origin.restart(at: now))
        default: break
        }
        tick()
    }

    mutating func tick() {
        var effects: [RelayEffect] = []
        edge.tick(at: now, canPull: true, effects: &effects)
        perform(effects)
        var moves: [FeedChoice.Effect] = []
        choice.tick(at: now, expected: edge.isLive ? .milliseconds(200) : nil, effects: &moves)
        perform(moves)
        if edge.heldCount != waiting.count { faults.append("\(edge.heldCount) are held, \(waiting.count) wait") }
    }

    /// Everything stops: whoever waits is answered all the same.
    mutating func drain() {
        for index in shields.indices { shields[index].isPaused = true }
        for _ in 0..<400 where !waiting.isEmpty {
            now += .milliseconds(10)
            tick()
        }
        if !waiting.isEmpty { faults.append("\(waiting.count) were never answered") }
    }
}
