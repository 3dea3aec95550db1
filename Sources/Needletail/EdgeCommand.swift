import ArgumentParser
import Configuration
import Cryptography
import Edge
import Foundation
import Logging
import Metrics
import NIOCore
import Node
import Prometheus
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
        let configuration: EdgeConfiguration
        do throws(ConfigurationError) {
            configuration = try EdgeConfiguration.decode(try flags.file(), overrides: try flags.overrides())
        } catch {
            exitForConfiguration(error)
        }
        let logger = configuration.log.logger("edge")
        let prometheus = PrometheusFactory()
        MetricsSystem.bootstrap(prometheus)
        var settings = configuration.settings
        if let admin = configuration.admin { settings.admin = try admin.settings() }
        settings.accessLog = try configuration.accessLog.writer(logger: logger)
        var player: ByteBuffer?
        if case .file(let path) = settings.player {
            player = FileManager.default.contents(atPath: path).map { ByteBuffer(bytes: $0) }
            if player == nil {
                logger.warning("the watch page has no player", metadata: ["file": "\(path)", "fix": "./dev demo"])
            }
        }
        let identity = try configuration.tls.map { try $0.identity(logger: logger) }
        let service = EdgeService(
            settings: settings, player: player, identity: identity,
            takeOver: takeOver ? try predecessor(at: settings.handoverSocket, logger: logger) : nil,
            prometheus: prometheus, logger: logger)
        try await withRotation(of: settings.accessLog) {
            try await NodeRunner.run(
                service, identity: identity, drainTimeout: configuration.drainTimeout, logger: logger)
        }
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

extension AdminConfiguration {
    /// Reads the token, once.
    func settings() throws -> EdgeSettings.Admin {
        let text = String(decoding: FileManager.default.contents(atPath: tokenPath) ?? Data(), as: UTF8.self)
        let token = Array((text.split(whereSeparator: \.isNewline).first ?? "").utf8)
        guard token.count >= 16, token.allSatisfy({ 0x21...0x7e ~= $0 }) else {
            throw ValidationError(
                "\(tokenPath): the first line of admin.token_file must be a token of 16 or more letters, digits and signs. "
                    + "Make one: openssl rand -hex 32 > \(tokenPath)")
        }
        return EdgeSettings.Admin(
            listeners: listen.map { .init(host: $0.host, port: Int($0.port), isSecure: false) },
            isToken: { ConstantTime.areEqual($0, token) })
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
                timeout: upstream.timeout, takesPush: upstream.push == .auto)
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
