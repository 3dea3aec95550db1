import HTTP
import NIOCore

@testable import Cache

/// A story of one client, the cache and its upstream, told in steps: what is asked, whether it is asked upstream, what
/// comes of it.
struct CacheScript {
    enum Step: Sendable {
        /// A request with these fields, and what the cache is to do with it.
        case get(_ fields: [String], _ expected: Expected)
        case head(_ fields: [String], _ expected: Expected)
        case wait(seconds: Double)
        /// An unsafe method succeeded.
        case invalidate
        /// A HEAD went past the cache, and this was its answer.
        case headed(_ fields: [String], status: UInt16 = 200)

        static func ask(_ expected: Expected) -> Step { .get([], expected) }
        static func peek(_ expected: Expected) -> Step { .head([], expected) }
    }

    enum Expected: Sendable {
        /// Served as it is held: with this age, as text of the body where one is told.
        case hit(age: Int? = nil, body: String? = nil)
        case stale(body: String? = nil)
        /// Served stale, while this is fetched behind it.
        case refresh(Upstream)
        /// Fetched: the request that goes upstream has these fields, and this answer comes.
        case send(has: [String] = [], lacks: [String] = [], Upstream)
        case pass(CacheStore.PassReason)
        case notCached

        static func fetch(_ upstream: Upstream) -> Expected { .send(upstream) }
    }

    enum Upstream: Sendable {
        case answer(
            _ fields: [String] = [], status: UInt16 = 200, body: String = "", served: CacheStore.ServedAs = .miss)
        /// The upstream goes away before its head; what is served then, or nothing.
        case dies(served: CacheStore.ServedAs?)
    }

    private let store = CacheStore(budgetBytes: 1 << 20, objectBytes: 1 << 18)
    private var now = ContinuousClock.now
    private var unixSeconds: Int64 = 1_000_000
    private var waiter: WaiterID = 0
    private let target: String
    /// What went otherwise than told.
    private(set) var faults: [String] = []

    init(target: String = "/x") { self.target = target }

    static func faults(of steps: [Step], target: String = "/x") -> [String] {
        var script = CacheScript(target: target)
        for (index, step) in steps.enumerated() {
            script.run(step)
            if let fault = script.faults.first { return ["step \(index): \(fault)"] }
        }
        return []
    }

    static func fields(_ lines: [String]) -> HTTPFields {
        var fields = HTTPFields()
        for line in lines {
            let pair = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let value = pair.count > 1 ? pair[1] : ""
            fields.append(name: HTTPBytes(pair[0]), value: HTTPBytes(value).trimmingBlanks())
        }
        return fields
    }

    private mutating func run(_ step: Step) {
        switch step {
        case .get(let fields, let expected): ask(.get, fields, expected)
        case .head(let fields, let expected): ask(.head, fields, expected)
        case .wait(let seconds):
            now += .seconds(seconds)
            unixSeconds += Int64(seconds)
        case .invalidate: store.invalidate(HTTPBytes(target))
        case .headed(let fields, let status):
            store.headed(
                RequestHead(method: .head, target: HTTPBytes(target)),
                ResponseHead(status: status, fields: Self.fields(fields)), at: now, unixSeconds: unixSeconds)
        }
    }

    private mutating func ask(_ method: Method, _ fields: [String], _ expected: Expected) {
        waiter += 1
        let request = RequestHead(method: method, target: HTTPBytes(target), fields: Self.fields(fields))
        switch (store.look(up: request, waiter: waiter, at: now), expected) {
        case (.serve(let response, .hit), .hit(let age, let body)):
            if let age, response.age(at: now) != age { faults.append("age \(response.age(at: now)), not \(age)") }
            check(response, body)
        case (.serve(let response, .stale), .stale(let body)): check(response, body)
        case (.refresh(_, let fill, _), .refresh(let upstream)): play(upstream, fill, waits: false)
        case (.lead(let fill, let sent), .send(let has, let lacks, let upstream)):
            for (name, value) in Self.fields(has) where sent.fields.first(named: name) != value {
                faults.append("\(name.text) is \(sent.fields.first(named: name)?.text ?? "not") sent upstream")
            }
            for name in lacks where sent.fields.first(named: Array(name.utf8)) != nil {
                faults.append("\(name) is sent upstream")
            }
            play(upstream, fill, waits: true)
        case (.pass(let reason), .pass(let expected)) where reason == expected: break
        case (.notCached, .notCached): break
        case (let lookup, let expected): faults.append("\(lookup), not \(expected)")
        }
    }

    private mutating func check(_ response: StoredResponse, _ body: String?) {
        let held = response.body.chunks.reduce(into: "") { $0 += String(buffer: $1) }
        if let body, held != body { faults.append("the body is \(held), not \(body)") }
    }

    private mutating func play(_ upstream: Upstream, _ fill: FillID, waits: Bool) {
        var effects: [CacheStore.Effect]
        let expected: CacheStore.ServedAs?
        switch upstream {
        case .answer(let fields, let status, let body, let served):
            effects = store.head(
                fill, ResponseHead(status: status, fields: Self.fields(fields)), at: now, unixSeconds: unixSeconds)
            effects += store.body(fill, ByteBuffer(string: body)) + store.finish(fill, at: now)
            expected = served
        case .dies(let served):
            effects = store.fail(fill, at: now)
            expected = served
        }
        guard waits else { return }
        let waiter = waiter
        let served = effects.compactMap { effect -> CacheStore.ServedAs?? in
            switch effect {
            case .deliver(waiter, _, let role): .some(role)
            case .fail(waiter): .some(nil)
            default: nil
            }
        }
        if served.count != 1 || served.first != .some(expected) {
            faults.append("served \(served), not \(String(describing: expected))")
        }
    }
}
