import HTTP
import LoadtestCore
import NIOCore
import NIOSSL
import Wire

/// The viewers of a round on the one event loop that may touch them.
struct ViewerRoom: Sendable {
    private let loop: any EventLoop
    private let inside: NIOLoopBound<(pool: ViewerPool, schedule: ViewerSchedule)>

    init(loop: any EventLoop, seed: Int, tls: (http1: NIOSSLContext, http2: NIOSSLContext)) throws {
        self.loop = loop
        inside = try loop.submit {
            let pool = ViewerPool(loop: loop, seed: seed)
            return NIOLoopBound((pool, ViewerSchedule(pool: pool, tls: tls)), eventLoop: loop)
        }.wait()
    }

    /// Runs `body` on the loop and waits for it.
    func run<Result: Sendable>(_ body: @escaping @Sendable (ViewerPool, ViewerSchedule) throws -> Result) throws
        -> Result
    {
        let inside = inside
        return try loop.submit { try body(inside.value.pool, inside.value.schedule) }.wait()
    }
}

/// Lets viewers come and go at the times that were drawn for them, over the connections that they share.
final class ViewerSchedule {
    struct Server: Sendable {
        var host: String
        var port: Int
        var isSecure: Bool
    }

    private let pool: ViewerPool
    private let tls: (http1: NIOSSLContext, http2: NIOSSLContext)
    private var clients: [HTTPClient] = []

    init(pool: ViewerPool, tls: (http1: NIOSSLContext, http2: NIOSSLContext)) {
        self.pool = pool
        self.tls = tls
    }

    private func client(_ server: Server, _ version: ViewerPlan.Version) -> HTTPClient {
        var limits = ClientLimits()
        limits.clearHTTP2 = version == .http1 ? .never : .always
        // What browsers open to one server.
        limits.http1Connections = 6
        limits.connectTimeout = .seconds(10)
        limits.longestBackoff = .seconds(1)
        return HTTPClient(
            address: UpstreamAddress(isSecure: server.isSecure, host: server.host, port: server.port),
            tls: server.isSecure ? (version == .http1 ? tls.http1 : tls.http2) : nil, limits: limits,
            eventLoop: pool.loop)
    }

    /// A follower of each stream at the origin.
    func addProbe(_ path: String, at server: Server) {
        let client = client(server, .http2)
        clients.append(client)
        LiveViewer(
            .init(name: "probe", path: path, rendition: .highest, sampled: 1, region: nil, isProbe: true), pool: pool,
            client: client
        ).come(intended: RunClock.now())
    }

    /// `start` is the run's, in microseconds since 1970; `paths` the streams that the group watches.
    func add(_ plan: ViewerPlan, paths: [String], servers: [Server], start: Int64, end: Duration, seed: Int) {
        guard !paths.isEmpty, !servers.isEmpty else { return }
        let clock = NIODeadline.now()
        let wall = RunClock.now()
        for visit in Visit.draw(plan, end: end, seed: seed) {
            let connection = visit.viewer / plan.perConnection
            let intended = start + visit.from.microseconds
            let setting = LiveViewer.Setting(
                name: "\(plan.name) \(visit.viewer + 1)", path: paths[visit.viewer % paths.count],
                rendition: plan.rendition, sampled: plan.sampled,
                region: plan.regions.isEmpty ? nil : plan.regions[visit.viewer % plan.regions.count])
            let server = servers[connection % servers.count]
            let begin = clock + .microseconds(intended - wall)
            let leave = clock + .microseconds(start + visit.until.microseconds - wall)
            let box = NIOLoopBound(Coming(schedule: self, setting: setting), eventLoop: pool.loop)
            pool.loop.scheduleTask(deadline: begin) {
                let coming = box.value
                let schedule = coming.schedule
                let client: HTTPClient
                if plan.perConnection > 1 {
                    client = schedule.sharedClient(plan, connection, server)
                } else {
                    client = schedule.client(server, plan.version)
                }
                let viewer = LiveViewer(coming.setting, pool: schedule.pool, client: client) {
                    if plan.perConnection == 1 { client.stop() }
                }
                coming.viewer = viewer
                viewer.come(intended: intended)
            }
            if visit.until < end { pool.loop.scheduleTask(deadline: leave) { box.value.viewer?.leave() } }
        }
    }

    private final class Coming {
        let schedule: ViewerSchedule
        let setting: LiveViewer.Setting
        weak var viewer: LiveViewer?
        init(schedule: ViewerSchedule, setting: LiveViewer.Setting) {
            self.schedule = schedule
            self.setting = setting
        }
    }

    private var sharedClients: [String: HTTPClient] = [:]

    private func sharedClient(_ plan: ViewerPlan, _ connection: Int, _ server: Server) -> HTTPClient {
        let name = "\(plan.name)/\(connection)"
        if let known = sharedClients[name] { return known }
        let made = client(server, plan.version)
        sharedClients[name] = made
        clients.append(made)
        return made
    }

    func stop() { for client in clients { client.stop() } }
}
