/// The origin's configuration, checked whole.
package struct OriginConfiguration: Equatable, Sendable {
    /// Listeners for publishers in the clear; empty when off.
    package var rtmpListen = [ListenAddress(host: "127.0.0.1", port: 1935)]
    /// Listeners for publishers over TLS; empty unless configured.
    package var rtmpsListen: [ListenAddress] = []
    package var rtmpLimits = RTMPLimits()
    /// A key that no channel lists publishes the channel of its own name.
    package var anyKey = false
    /// Listeners for HTTP/1.1 and HTTP/2 in the clear; empty when off.
    package var httpListen = [ListenAddress(host: "127.0.0.1", port: 8080)]
    /// Listeners for both over TLS; empty when there is no `tls`.
    package var httpsListen: [ListenAddress] = []
    package var httpLimits = HTTPLimits()
    /// Set when any TLS listener is.
    package var tls: TLSFiles?
    package var packaging = PackagingConfiguration()
    package var reconnect = ReconnectConfiguration()
    /// By name. Empty only with `anyKey`.
    package var channels: [String: ChannelConfiguration] = [:]
    /// Directory for what must outlive a restart, relative to the working directory.
    package var stateDirectory = ".needletail/state"
    /// Directory in which twin origins agree on epochs; nil when there is no twin.
    package var epochBook: String?
    /// What requests under way have to end in when the node is told to stop.
    package var drainTimeout = Duration.seconds(10)
    package var log = LogConfiguration()
    package var accessLog = AccessLogConfiguration()

    package init() {}

    /// Reads a file, if any, lays the overrides over it and checks everything.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package static func decode(
        _ file: ConfigurationFile?, overrides: [ConfigurationOverride] = [], files: FileProbe = .disk
    ) throws(ConfigurationError) -> OriginConfiguration {
        try Decoding.decode(file, overrides: overrides, files: files, OriginConfiguration.init)
    }

    /// Every key, in the order of the sample file.
    package static var keys: [KeyDescription] { Decoding.describe(OriginConfiguration.init) }

    private init(_ root: Section) {
        self.init()
        let rtmp = root.section("rtmp") { section in
            (
                listen: section.listen(standard: rtmpListen),
                anyKey: section.value("any_key", .truth, standard: false),
                limits: section.section("limits", RTMPLimits.init).value
            )
        }.value
        let rtmps = root.section("rtmps") { $0.listen(standard: []) }.value
        let http = root.section("http") { section in
            (
                listen: section.listen(standard: httpListen),
                limits: section.section("limits", HTTPLimits.init(_:)).value
            )
        }.value
        var https = root.section("https") { section in
            section.listen(
                standard: [ListenAddress(host: "127.0.0.1", port: 8443)], note: "127.0.0.1:8443, or off without tls")
        }.value
        tls = root.optionalSection("tls", TLSFiles.init)
        if https.place == nil, tls == nil { https.value = [] }
        root.checkListeners(clear: [rtmp.listen, http.listen], secure: [rtmps, https], tls: tls)
        (rtmpListen, rtmpsListen, rtmpLimits) = (rtmp.listen.value, rtmps.value, rtmp.limits)
        (httpListen, httpsListen, httpLimits) = (http.listen.value, https.value, http.limits)
        anyKey = rtmp.anyKey.value
        packaging = root.section("packaging", PackagingConfiguration.init).value
        reconnect = root.section("reconnect") { ReconnectConfiguration($0) }.value
        readChannels(root, mayBeEmpty: anyKey || !rtmp.anyKey.isSound)
        stateDirectory =
            root.value("state_dir", .path("the path of a directory"), standard: stateDirectory).value
        epochBook = root.optional("epoch_book", .path("the path of a directory")).value
        drainTimeout =
            root.value("drain_timeout", .duration(.zero ... .seconds(600)), standard: drainTimeout).value
        log = root.section("log", LogConfiguration.init).value
        accessLog = root.section("access_log", AccessLogConfiguration.init).value
    }

    private mutating func readChannels(_ root: Section, mayBeEmpty: Bool) {
        let rule = rtmpLimits.keyRule
        let found = root.sections("channels", named: .name("a channel's name")) { section in
            ChannelConfiguration.read(section, rule: rule, packaging: packaging, reconnect: reconnect)
        }
        if let found, found.isEmpty, !mayBeEmpty, root.isSound {
            root.decoding.report(
                root.place, .missingKey("channels", expected: "at least one channel"),
                hint: "Add \"channels: {demo: {key: SECRET}}\", or set rtmp.any_key to true.")
        }
        var owners: [String: String] = [:]
        for (name, (channel, keysPlace)) in found ?? [] {
            channels[name] = channel
            for key in channel.keys {
                if let owner = owners[key] {
                    // The key is a secret: the message names channels only.
                    let sentence =
                        owner == name
                        ? "channel \"\(name)\" lists one stream key twice"
                        : "channel \"\(name)\" has a stream key of channel \"\(owner)\""
                    root.decoding.report(keysPlace, .conflict(sentence), hint: "A key leads to one channel.")
                }
                owners[key] = name
            }
        }
    }
}

extension OriginConfiguration {
    /// The channel that a stream key publishes, nil when the key is unknown.
    ///
    /// With `anyKey`, a key that no channel lists publishes the channel of its own name; a configured channel is never
    /// reached by its name alone. Such a name has 1 to 64 ASCII letters, digits, `-` and `_`.
    package func channel(forKey key: String) -> (name: String, channel: ChannelConfiguration)? {
        for (name, channel) in channels where channel.keys.contains(key) { return (name, channel) }
        guard anyKey, channels[key] == nil, (1...64).contains(key.utf8.count),
            key.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        return (key, ChannelConfiguration(keys: [key], packaging: packaging, reconnect: reconnect))
    }
}
