import ArgumentParser
import Configuration
import Cryptography
import Edge
import Foundation
import Logging
import Logs
import Metrics
import NIOCore
import Node
import Prometheus
import Synchronization
import Wire

struct EdgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edge",
        abstract: "Caches and serves what its upstreams have, nearest to the viewers.",
        discussion: """
            Example:
              needletail edge --config edge-config/edge.yaml --http 127.0.0.1:8081
            """)

    @OptionGroup var flags: ConfigurationFlags

    @Flag(
        name: .long,
        help: "Take the listening sockets of the edge that runs with the same handover_socket; it then ends.")
    var takeOver = false

    func run() async throws {
        let (file, overrides): (String?, [ConfigurationOverride])
        let configuration: EdgeConfiguration
        do throws(ConfigurationError) {
            (file, overrides) = (flags.config, try flags.overrides())
            configuration = try Self.read(file, overrides)
        } catch {
            exitForConfiguration(error)
        }
        let threshold = LogThreshold(configuration.log.threshold)
        let logger = configuration.log.logger("edge", threshold: threshold)
        flags.report(overrides, to: logger)
        let prometheus = PrometheusFactory()
        MetricsSystem.bootstrap(prometheus)
        var settings = configuration.settings
        let token = try configuration.admin.map { try AdminToken($0) }
        if let admin = configuration.admin, let token { settings.admin = admin.settings(token) }
        settings.accessLog = try configuration.accessLog.writer(logger: logger)
        let player = Self.player(settings, logger: logger)
        let identity = try configuration.tls.map { try $0.identity(logger: logger) }
        let control = EdgeControl(settings)
        let reloader = Reloader(
            configuration, identity: identity, logger: logger, read: { try Self.read(file, overrides) },
            tls: { $0.tls },
            keysForNextStart: { $0.keysForNextStart(since: $1) },
            prepare: { configuration in
                let renewed = try configuration.admin.map { try AdminToken.read($0) }
                return {
                    if let renewed { token?.renew(renewed) }
                    threshold.level = configuration.log.threshold
                    let settings = configuration.settings
                    await control.apply(settings, player: Self.player(settings, logger: logger))
                }
            })
        let service = EdgeService(
            settings: settings, player: player, identity: identity,
            takeOver: takeOver ? try predecessor(at: settings.handoverSocket, logger: logger) : nil, control: control,
            reloads: reloader.record, prometheus: prometheus, logger: logger)
        try await withRotation(of: settings.accessLog) {
            try await NodeRunner.run(
                service, identity: identity, drainTimeout: configuration.drainTimeout, logger: logger
            ) { await reloader.reload() }
        }
    }

    private static func read(
        _ file: String?, _ overrides: [ConfigurationOverride]
    ) throws(ConfigurationError) -> EdgeConfiguration {
        try EdgeConfiguration.decode(try ConfigurationFlags.file(file), overrides: overrides)
    }

    /// The text of hls.js, where it is a file.
    private static func player(_ settings: EdgeSettings, logger: Logger) -> ByteBuffer? {
        guard case .file(let path) = settings.player else { return nil }
        let player = FileManager.default.contents(atPath: path).map { ByteBuffer(bytes: $0) }
        if player == nil {
            logger.warning("the watch page has no player", metadata: ["file": "\(path)", "fix": "./dev demo"])
        }
        return player
    }
}

extension EdgeCommand {
    /// The edge that runs, whose listening sockets are taken. Nil where none does: this one is the first.
    private func predecessor(at path: String?, logger: Logger) throws -> TakeOver? {
        guard let path else {
            throw ValidationError("--take-over needs handover_socket in the configuration of both edges.")
        }
        do throws(TakeOverFailure) {
            if let takeOver = try TakeOver.ask(at: path) { return takeOver }
        } catch {
            throw NodeRunner.failure(error, logger: logger)
        }
        logger.notice("no edge runs that could be taken over from", metadata: ["socket": "\(path)"])
        return nil
    }
}

/// The token that operators bear, read from its file at the start and at each reload.
private final class AdminToken: Sendable {
    private let bytes: Mutex<[UInt8]>

    init(_ configuration: AdminConfiguration) throws { bytes = Mutex(try Self.read(configuration)) }

    func renew(_ renewed: [UInt8]) { bytes.withLock { $0 = renewed } }

    func isEqual(_ other: [UInt8]) -> Bool { ConstantTime.areEqual(other, bytes.withLock { $0 }) }

    static func read(_ configuration: AdminConfiguration) throws -> [UInt8] {
        let path = configuration.tokenPath
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        let token = Array((text.split(whereSeparator: \.isNewline).first ?? "").utf8)
        guard token.count >= 16, token.allSatisfy({ 0x21...0x7e ~= $0 }) else {
            throw ValidationError(
                "\(path): the first line of admin.token_file must be a token of 16 or more letters, digits and signs. "
                    + "Make one: openssl rand -hex 32 > \(path)")
        }
        return token
    }
}

extension AdminConfiguration {
    fileprivate func settings(_ token: AdminToken) -> EdgeSettings.Admin {
        EdgeSettings.Admin(
            listeners: listen.map { .init(host: $0.host, port: Int($0.port), isSecure: false) },
            isToken: { token.isEqual($0) })
    }
}

extension UpstreamConfiguration.HTTP2Policy {
    fileprivate var inTheClear: ClearHTTP2 {
        switch self {
        case .auto: .whereOffered
        case .always: .always
        case .off: .never
        }
    }
}

extension EdgeConfiguration {
    /// The configuration as the edge takes it.
    var settings: EdgeSettings {
        var settings = EdgeSettings()
        settings.name = name
        switch cores {
        case .auto: settings.eventLoops = UsableCores.count
        case .exactly(let count): settings.eventLoops = count
        }
        settings.http =
            httpListen.map { .init(host: $0.host, port: Int($0.port), isSecure: false) }
            + httpsListen.map { .init(host: $0.host, port: Int($0.port), isSecure: true) }
        settings.upstreams = upstreams.map { upstream in
            .init(
                address: UpstreamAddress(
                    isSecure: upstream.url.isSecure, host: upstream.url.host, port: Int(upstream.url.port)),
                authorityPath: upstream.authorityPath, verifiesCertificate: upstream.verifiesCertificate,
                timeout: upstream.timeout, takesPush: upstream.push == .auto, clearHTTP2: upstream.http2.inTheClear)
        }
        settings.firstBackoff = retry.first
        settings.longestBackoff = retry.maximum
        settings.offersPush = push.offer
        settings.pushGrace = push.grace
        settings.cacheBytes = cache.memoryBytes
        settings.objectBytes = cache.objectBytes
        settings.channelBytes = cache.channelBytes
        settings.disk = cache.disk.map { ($0.directory, $0.bytes) }
        settings.parkedRequests = httpLimits.parkedRequests
        settings.parkedRequestsPerChannel = httpLimits.parkedRequestsPerChannel
        settings.parkedRequestsPerAddress = httpLimits.parkedRequestsPerAddress
        switch watch.player {
        case .file(let path): settings.player = .file(path)
        case .url(let url): settings.player = .url(url.description)
        }
        settings.serverLimits = httpLimits.server
        settings.drainTimeout = drainTimeout
        settings.handoverSocket = handoverSocket
        return settings
    }
}
