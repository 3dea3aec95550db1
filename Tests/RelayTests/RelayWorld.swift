import Cache
import HLS
import HTTP
import NIOCore
import Relay
import Seeded

/// A simulated channel: an origin, shields that it pushes, an edge that they push, and viewers. Everything that goes
/// between them may be late, stop in the middle, or be lost with its connection.
struct RelayWorld {
    enum Event: CaseIterable, Sendable {
        case answered, held, pulled, refused, left
        case pushHeadLate, pushTrickled, pushSilent, pushDiedBeforeHead, pushDiedInBody, pushCancelled
        case pushOfHeld, pushOfShown, pushOfDeparted, pushOfFetched, pushOfFilling
        case fillHeadLate, fillSilent, fillDiedBeforeHead, fillDiedInBody, fillCancelled, filled
        case upstreamPaused, upstreamDied, upstreamRestarted, publisherRestarted, publisherDied
        case interestLost, edgeRestarted
    }

    /// How an upstream brings something.
    enum Course { case prompt, lateHead, trickling, silent, diesBeforeHead, diesInBody }

    /// One push on its way over a connection.
    struct Transfer {
        let object: RelayObject
        let id: PushID
        var course: Course
        /// When it goes on.
        var due: ContinuousClock.Instant
        var sentBytes = 0
        var hasHead = false
    }

    /// One fetch of what is listed and was not pushed.
    struct Fill {
        var course: Course
        var due: ContinuousClock.Instant
        var hasBegun = false
        /// The edge's receiver has let go of the rendition since.
        var isForgotten = false
    }

    /// A shield, and the connection between it and the edge.
    struct Shield {
        var sender: RelaySender?
        /// What has come to it, and it has not passed on yet.
        var inbox: [RelayObject] = []
        /// It has just begun: all that it knows is still in its inbox.
        var isNew = false
        var transfers: [Transfer] = []
        var isUp = true
        var isPaused = false
    }

    /// Who waits: since when, and for which target.
    struct Viewer {
        let since: ContinuousClock.Instant
        let path: HTTPBytes
    }

    var random: SeededGenerator
    var now = ContinuousClock.now
    var origin = LiveOrigin()
    /// What every shield holds, and what is still to be put there: it is looked at when someone subscribes.
    var upper = RelayReceiver(channel: "demo")
    var unread: [RelayObject] = []
    var shields: [Shield]
    let mutation: EdgeUnderTest.Mutation?
    var edge: EdgeUnderTest
    var choice: FeedChoice
    var nextPart: ContinuousClock.Instant
    /// Nothing goes wrong any more.
    var isCalm = false
    /// The edge has viewers for the rendition.
    var isWatched = true
    var lastWaiter: WaiterID = 0
    var waiting: [WaiterID: Viewer] = [:]
    var answered: Set<WaiterID> = []
    var fills: [HTTPBytes: Fill] = [:]
    /// What fills have brought, which the edge's cache holds.
    var cached: Set<HTTPBytes> = []
    /// Parts that were pushed whole to the edge.
    var arrivals: Set<HTTPBytes> = []
    /// The step in which each state's parts were last looked at.
    var looked: [UInt64: Int] = [:]
    var steps = 0
    private(set) var tally = Tally<Event>()
    var faults: [Fault] = []

    /// Three target durations, and the time of one step.
    static let longestWait = Duration.milliseconds(3_100)

    init(seed: UInt64, mutation: EdgeUnderTest.Mutation? = nil) {
        random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...3, using: &random)
        shields = Array(repeating: Shield(), count: count)
        choice = FeedChoice(count: count)
        self.mutation = mutation
        edge = EdgeUnderTest(mutation)
        nextPart = now
        // The channel has gone on for a while: its window moves.
        for _ in 0..<20 { _ = origin.advance(at: now) }
        _ = upper.touch("video", at: now)
        upper.opened(0)
        publish(origin.current)
        edge.touch(at: now)
        for index in shields.indices { offer(index, true) }
    }

    mutating func note(_ event: Event) { tally.note(event) }
    mutating func fault(_ invariant: Invariant, _ text: String) { faults.append(Fault(invariant, text)) }
    mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
    mutating func wait(_ milliseconds: ClosedRange<Int>) -> ContinuousClock.Instant {
        now + .milliseconds(Int.random(in: milliseconds, using: &random))
    }

    mutating func course() -> Course {
        guard !isCalm else { return .prompt }
        return switch Int.random(in: 0..<60, using: &random) {
        case 0...1: .lateHead
        case 2...3: .trickling
        case 4: .silent
        case 5...6: .diesBeforeHead
        case 7...8: .diesInBody
        default: .prompt
        }
    }

    // MARK: Time

    mutating func step() {
        steps += 1
        now += .milliseconds(Int.random(in: 0...50, using: &random))
        if now >= nextPart {
            publish(origin.advance(at: now))
            nextPart = wait(150...260)
        }
        move()
        if isCalm {
            if chance(4) { ask() }
        } else {
            disturb()
        }
        tick()
    }

    /// What is on its way goes on.
    private mutating func move() {
        for index in shields.indices {
            passOn(index)
            for _ in 0..<Int.random(in: 3...12, using: &random) { transfer(index) }
        }
        advanceFills()
    }

    private mutating func disturb() {
        let place = Int.random(in: shields.indices, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0...27: ask()
        case 28...31: leave()
        case 32...36: pushAgain(place)
        case 41:
            note(.upstreamDied)
            offer(place, false)
        case 42...48:
            if let index = shields.indices.first(where: { !shields[$0].isUp }) { offer(index, true) }
        case 49:
            note(.upstreamPaused)
            shields[place].isPaused = true
        case 50...55:
            if let index = shields.indices.first(where: { shields[$0].isPaused }) { shields[index].isPaused = false }
        case 56 where chance(3):
            note(.upstreamRestarted)
            offer(place, false)
            shields[place].inbox = snapshot(after: nil)
            shields[place].isNew = true
            offer(place, true)
        case 57 where chance(3):
            let saysEnd = Bool.random(using: &random)
            note(saysEnd ? .publisherRestarted : .publisherDied)
            publish(origin.restart(saysEnd: saysEnd, at: now))
        case 58 where chance(3): restartEdge()
        case 59 where !fills.isEmpty || chance(3): loseInterest()
        default: break
        }
    }

    mutating func tick() {
        perform(edge.tick(at: now))
        var moves: [FeedChoice.Effect] = []
        choice.tick(at: now, expected: edge.receiver.isLive ? .milliseconds(200) : nil, effects: &moves)
        perform(moves)
        if edge.receiver.heldCount != waiting.count {
            fault(.bookkeeping, "\(edge.receiver.heldCount) are held, \(waiting.count) wait")
        }
    }

    /// All is well again: soon the edge shows the newest state.
    mutating func calm() {
        isCalm = true
        for index in shields.indices {
            shields[index].isPaused = false
            for place in shields[index].transfers.indices {
                shields[index].transfers[place].course = .prompt
                shields[index].transfers[place].due = now
            }
            if !shields[index].isUp { offer(index, true) }
        }
        for target in fills.keys { fills[target]?.course = .prompt }
        for target in fills.keys { fills[target]?.due = now }
        watch()
        for _ in 0..<50 { step() }
        nextPart = now + .seconds(60)
        for _ in 0..<20 { step() }
        if edge.shownRevision != origin.revision {
            let shown = edge.shownRevision.map { "\($0)" } ?? "nothing"
            fault(.boundedWait, "the edge shows \(shown), not \(origin.revision)")
        }
    }

    /// Everything stops: whoever waits is answered all the same.
    mutating func drain() {
        for index in shields.indices { shields[index].isPaused = true }
        for _ in 0..<160 where !waiting.isEmpty {
            now += .milliseconds(20)
            tick()
        }
        if !waiting.isEmpty { fault(.boundedWait, "\(waiting.count) were never answered") }
    }
}
