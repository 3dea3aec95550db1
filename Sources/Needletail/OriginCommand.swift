import ArgumentParser
import Configuration
import Logging
import Logs
import Media
import Metrics
import Origin
import Prometheus
import RTMP
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct OriginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin",
        abstract: "Takes publishers by RTMP and serves Low-Latency HLS.",
        discussion: """
            Example:
              needletail origin --config edge-config/origin.yaml --rtmp 127.0.0.1:1935
            """)

    @OptionGroup var flags: ConfigurationFlags

    @Option(name: .long, help: ArgumentHelp("Same as --set rtmp.listen=…", valueName: "address"))
    var rtmp: String?

    func run() async throws {
        let (file, overrides): (String?, [ConfigurationOverride])
        let configuration: OriginConfiguration
        do throws(ConfigurationError) {
            (file, overrides) = (flags.config, try flags.overrides([("rtmp.listen", "--rtmp", rtmp)]))
            configuration = try Self.read(file, overrides)
        } catch {
            exitForConfiguration(error)
        }
        let threshold = LogThreshold(configuration.log.threshold)
        let logger = configuration.log.logger("origin", threshold: threshold)
        flags.report(overrides, to: logger)
        let prometheus = PrometheusFactory()
        MetricsSystem.bootstrap(prometheus)
        let identity = try configuration.tls.map { try $0.identity(logger: logger) }
        var settings = configuration.settings(directory: configuration.mediaDirectory)
        settings.accessLog = try configuration.accessLog.writer(logger: logger)
        let control = OriginControl(settings)
        let directory = settings.mediaDirectory
        let reloader = Reloader(
            configuration, identity: identity, logger: logger, read: { try Self.read(file, overrides) },
            tls: { $0.tls },
            keysForNextStart: { $0.keysForNextStart(since: $1) },
            prepare: { configuration in
                {
                    threshold.level = configuration.log.threshold
                    await control.apply(configuration.settings(directory: directory))
                }
            })
        let service = OriginService(
            settings: settings, identity: identity, control: control, reloads: reloader.record, prometheus: prometheus,
            logger: logger)
        try await withRotation(of: settings.accessLog) {
            try await NodeRunner.run(
                service, identity: identity, drainTimeout: configuration.drainTimeout, logger: logger
            ) { await reloader.reload() }
        }
    }

    private static func read(
        _ file: String?, _ overrides: [ConfigurationOverride]
    ) throws(ConfigurationError) -> OriginConfiguration {
        try OriginConfiguration.decode(try ConfigurationFlags.file(file), overrides: overrides)
    }
}

extension OriginConfiguration {
    /// Where media lies in files; nil for nowhere.
    var mediaDirectory: MediaDirectory? {
        let place = packaging.storage.directory ?? "\(stateDirectory)/media"
        return place == StorageConfiguration.nowhere ? nil : MediaDirectory(path: place)
    }

    /// The configuration as the origin takes it. `directory` is the one of this process.
    func settings(directory: MediaDirectory?) -> OriginSettings {
        var settings = OriginSettings()
        settings.rtmp =
            rtmpListen.map { .init(host: $0.host, port: Int($0.port), isSecure: false) }
            + rtmpsListen.map { .init(host: $0.host, port: Int($0.port), isSecure: true) }
        settings.http =
            httpListen.map { .init(host: $0.host, port: Int($0.port), isSecure: false) }
            + httpsListen.map { .init(host: $0.host, port: Int($0.port), isSecure: true) }
        let parked = httpLimits.parkedRequestsPerChannel
        settings.parkedRequests = httpLimits.parkedRequests
        settings.parkedRequestsPerAddress = httpLimits.parkedRequestsPerAddress
        settings.stateDirectory = stateDirectory
        settings.epochBook = epochBook
        settings.mediaDirectory = directory
        settings.channels = channels.map {
            $0.value.settings(name: $0.key, parkedRequests: parked, directory: directory)
        }
        if anyKey {
            settings.openChannel = { [self] key in
                channel(forKey: key).map {
                    $0.channel.settings(name: $0.name, parkedRequests: parked, directory: directory)
                }
            }
        }
        settings.rtmpLimits = rtmpLimits.session
        settings.publishers = rtmpLimits.publishers
        settings.halfOpenPublishers = rtmpLimits.halfOpen
        settings.serverLimits = httpLimits.server
        settings.drainTimeout = drainTimeout
        return settings
    }
}

extension Configuration.RTMPLimits {
    /// The limits as the RTMP session takes them.
    var session: RTMP.RTMPLimits {
        var limits = RTMP.RTMPLimits()
        limits.handshakeTimeout = handshake
        limits.idleTimeout = idle
        limits.messageBytes = messageSize
        limits.chunkBytes = chunkSize
        limits.amfDepth = amfDepth
        limits.streamKeyBytes = keyLength
        limits.streamKeySymbols = keySymbols
        return limits
    }
}

extension ChannelConfiguration {
    /// The channel as the origin takes it.
    func settings(name: String, parkedRequests: Int, directory: MediaDirectory?) -> ChannelSettings {
        var packager = PackagerConfiguration()
        packager.partDuration = packaging.part
        packager.segmentDuration = packaging.segment
        packager.maximumSegmentDuration = packaging.maximumSegment
        packager.longGOP = packaging.longGOP == .cut ? .cut : .refuse
        var settings = ChannelSettings(
            name: name, keys: keys, policy: policy == .takeover ? .takeover : .refuse, packaging: packager,
            window: packaging.window, parkedRequests: parkedRequests,
            reconnectWindow: reconnect.window, waitsAfterEnd: reconnect.onEnd == .wait)
        settings.storage.memoryBytes = packaging.storage.memoryBytes
        settings.storage.diskBytes = packaging.storage.diskBytes
        settings.storage.directory = directory
        return settings
    }
}
