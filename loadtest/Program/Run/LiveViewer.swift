import HTTP
import LoadtestCore
import NIOCore
import Wire

/// Drives one model of a viewer: sends what it asks for, hands it the answers and the time.
final class LiveViewer {
    struct Setting {
        var name: String
        var path: String
        var rendition: ViewerPlan.Rendition
        var sampled: Double
        /// For X-Forwarded-For.
        var region: String?
        /// Follows the origin to learn when parts are published; is no viewer in any figure.
        var isProbe = false
    }

    private let setting: Setting
    private unowned let pool: ViewerPool
    private let client: HTTPClient
    private var model: ViewerModel
    private var effects: [ViewerModel.Effect] = []
    private var fetches: [ViewerModel.Tag: Fetch] = [:]
    private var isHere = true
    private let onLeave: () -> Void

    init(_ setting: Setting, pool: ViewerPool, client: HTTPClient, onLeave: @escaping () -> Void = {}) {
        self.setting = setting
        self.pool = pool
        self.client = client
        self.onLeave = onLeave
        model = ViewerModel(path: setting.path, rendition: setting.rendition)
    }

    var isProbe: Bool { setting.isProbe }
    var isStalled: Bool { !isProbe && model.isStalled }

    /// The viewer comes, `intended` by plan.
    func come(intended: Int64) {
        pool.add(self)
        model.start(intended: intended, into: &effects)
        perform()
    }

    func leave() {
        guard isHere else { return }
        model.finish(at: RunClock.now(), into: &effects)
        perform()
        isHere = false
        for fetch in fetches.values { fetch.cancel() }
        fetches.removeAll()
        pool.remove(self)
        onLeave()
    }

    // MARK: Effects

    private func perform() {
        var index = 0
        // Performing one may append more.
        while index < effects.count {
            perform(effects[index])
            index += 1
        }
        effects.removeAll(keepingCapacity: true)
    }

    private func perform(_ effect: ViewerModel.Effect) {
        switch effect {
        case .fetch(let tag, let path): send(tag, path)
        case .cancel(let tag): fetches.removeValue(forKey: tag)?.cancel()
        case .wake(let at): wake(at)
        case .ended: comeAgain()
        case .arrived(let path, let follows):
            guard isProbe, let follows else { return }
            if let violation = pool.book.continuity(of: path, after: follows) { broken(violation) }
        case .violation(let violation): broken(violation)
        case .shown(let part): if !isProbe { pool.statistics.shown(part, of: pool.book[part.path]) }
        case .joined(let after): if !isProbe { pool.statistics.joined(after: after, at: RunClock.now()) }
        case .skipped(let count): if !isProbe { pool.statistics.skipped(count) }
        case .stalled(let from, let until):
            if !isProbe { pool.statistics.stalled(from: from, until: until, viewer: setting.name) }
        }
    }

    private func broken(_ violation: Violation) {
        pool.statistics.broken(violation, at: RunClock.now())
    }

    private func wake(_ at: Int64) {
        let delay = TimeAmount.microseconds(max(1_000, at - RunClock.now()))
        let bound = NIOLoopBound(Weak(viewer: self), eventLoop: pool.loop)
        pool.loop.scheduleTask(in: delay) {
            guard let viewer = bound.value.viewer, viewer.isHere else { return }
            viewer.model.tick(at: RunClock.now(), into: &viewer.effects)
            viewer.perform()
        }
    }

    private struct Weak { weak var viewer: LiveViewer? }

    /// The stream ended: a player's page asks again after a second.
    private func comeAgain() {
        for fetch in fetches.values { fetch.cancel() }
        fetches.removeAll()
        model = ViewerModel(path: setting.path, rendition: setting.rendition)
        let intended = RunClock.now() + 1_000_000
        let bound = NIOLoopBound(Weak(viewer: self), eventLoop: pool.loop)
        pool.loop.scheduleTask(in: .seconds(1)) {
            guard let viewer = bound.value.viewer, viewer.isHere else { return }
            viewer.model.start(intended: intended, into: &viewer.effects)
            viewer.perform()
        }
    }

    // MARK: Requests

    private func send(_ tag: ViewerModel.Tag, _ path: String) {
        fetches.removeValue(forKey: tag)?.cancel()
        var head = RequestHead()
        head.target = HTTPBytes(path)
        if let region = setting.region { head.fields.append("x-forwarded-for", region) }
        let keeps: Bool
        if case .media = tag {
            keeps = isProbe ? pool.keepsBody(of: path, share: 1) : pool.keepsBody(of: path, share: setting.sampled)
        } else {
            keeps = true
        }
        let receiver = Receiver(viewer: self, tag: tag, path: path, keepsBody: keeps)
        fetches[tag] = client.fetch(head, receiver: receiver)
    }

    fileprivate func ended(_ receiver: Receiver, _ fetch: Fetch) {
        guard fetches[receiver.tag] === fetch else { return }
        fetches[receiver.tag] = nil
        let now = RunClock.now()
        if !isProbe { pool.statistics.answered(bytes: receiver.count, at: now) }
        guard receiver.status == 200 else {
            return failed(receiver, reason: "status \(receiver.status)", status: Int(receiver.status), at: now)
        }
        switch receiver.tag {
        case .multivariant, .playlist: receivedPlaylist(receiver, at: now)
        case .media(let index):
            let server = client.address.authority
            if isProbe { pool.book.published(receiver.path, at: now) }
            if receiver.keepsBody { pool.read(receiver.body, of: receiver.path, from: server) }
            if let violation = pool.book.counted(receiver.path, byteCount: receiver.count, from: server) {
                broken(violation)
            }
            model.mediaArrived(rendition: index, at: now, into: &effects)
            perform()
        }
    }

    private func receivedPlaylist(_ receiver: Receiver, at now: Int64) {
        let path = receiver.path.firstIndex(of: "?").map { String(receiver.path[..<$0]) } ?? receiver.path
        switch (pool.read(playlist: receiver.body, path: path), receiver.tag) {
        case (.multivariant(let playlist), .multivariant):
            model.received(multivariant: playlist, at: now, into: &effects)
        case (.media(let playlist), .multivariant): model.received(single: playlist, at: now, into: &effects)
        case (.media(let playlist), .playlist(let index)):
            model.received(playlist, rendition: index, at: now, into: &effects)
        case (.unreadable(let reason), _):
            broken(Violation(rule: .playlist, evidence: "\(path) cannot be read: \(reason)"))
            model.failed(receiver.tag, at: now, into: &effects)
        default: model.failed(receiver.tag, at: now, into: &effects)
        }
        perform()
    }

    fileprivate func failed(_ receiver: Receiver, _ fetch: Fetch, _ failure: FetchFailure) {
        guard fetches[receiver.tag] === fetch else { return }
        fetches[receiver.tag] = nil
        failed(receiver, reason: Self.word(failure), status: 0, at: RunClock.now())
    }

    private func failed(_ receiver: Receiver, reason: String, status: Int, at now: Int64) {
        if case .media = receiver.tag, receiver.keepsBody { pool.book.release(receiver.path) }
        // A stream that nobody publishes yet is no error of the server's, nor is a hint that did not come true.
        if !isProbe, status != 404 { pool.statistics.failed(reason, at: now) }
        model.failed(receiver.tag, status: status, at: now, into: &effects)
        perform()
    }

    /// Few words for many reasons, so that they can be counted.
    private static func word(_ failure: FetchFailure) -> String {
        switch failure {
        case .unreachable: "cannot connect"
        case .backingOff: "cannot connect, backing off"
        case .connectionLost: "connection lost"
        case .reset(let code): "reset with \(code)"
        case .malformed: "malformed answer"
        case .timedOut: "timed out"
        case .overloaded: "too many wait for a connection"
        case .cancelled: "cancelled"
        }
    }

    fileprivate final class Receiver: FetchReceiver {
        weak var viewer: LiveViewer?
        let tag: ViewerModel.Tag
        let path: String
        let keepsBody: Bool
        private(set) var status: UInt16 = 0
        private(set) var count = 0
        private(set) var body = ByteBuffer()

        init(viewer: LiveViewer, tag: ViewerModel.Tag, path: String, keepsBody: Bool) {
            self.viewer = viewer
            self.tag = tag
            self.path = path
            self.keepsBody = keepsBody
        }

        func fetch(_ fetch: Fetch, received head: ResponseHead) { status = head.status }

        func fetch(_ fetch: Fetch, received bytes: ByteBuffer) {
            count += bytes.readableBytes
            guard keepsBody else { return }
            if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
        }

        func fetchEnded(_ fetch: Fetch) { viewer?.ended(self, fetch) }
        func fetch(_ fetch: Fetch, failed failure: FetchFailure) { viewer?.failed(self, fetch, failure) }
    }
}
