/// An edge's configuration, checked whole.
package struct EdgeConfiguration: Equatable, Sendable {
    /// The edge's name in logs, metrics and the Via and Cache-Status fields.
    package var name = "edge"
    package var cores = CoreCount.auto
    /// Listeners for HTTP/1.1 and HTTP/2 in the clear; empty when off.
    package var httpListen = [ListenAddress(host: "127.0.0.1", port: 8081)]
    /// Listeners for both over TLS; empty when there is no `tls`.
    package var httpsListen: [ListenAddress] = []
    package var httpLimits = HTTPLimits()
    /// Set when there is a TLS listener.
    package var tls: TLSFiles?
    /// In order of preference, at least one.
    package var upstreams: [UpstreamConfiguration] = []
    package var retry = RetryConfiguration()
    package var push = PushConfiguration()
    package var cache = CacheConfiguration()
    /// Nil when there is none.
    package var admin: AdminConfiguration?
    package var watch = WatchConfiguration()
    /// Where the next edge takes the listening sockets from; nil where it cannot.
    package var handoverSocket: String?
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
    ) throws(ConfigurationError) -> EdgeConfiguration {
        try Decoding.decode(file, overrides: overrides, files: files, EdgeConfiguration.init)
    }

    /// Every key, in the order of the sample file.
    package static var keys: [KeyDescription] { Decoding.describe(EdgeConfiguration.init) }

    private init(_ root: Section) {
        self.init()
        name = root.value("name", .name("an edge's name"), standard: name).value
        cores = root.value("cores", CoreCount.kind, standard: cores).value
        let http = root.section("http") { section in
            (listen: section.listen(standard: httpListen), limits: section.section("limits") { HTTPLimits($0) }.value)
        }.value
        var https = root.section("https") { section in
            section.listen(
                standard: [ListenAddress(host: "127.0.0.1", port: 8444)], note: "127.0.0.1:8444, or off without tls")
        }.value
        tls = root.optionalSection("tls", TLSFiles.init)
        if https.place == nil, tls == nil { https.value = [] }
        let admin = root.optionalSection("admin") { section in
            let listen = section.listen(standard: [ListenAddress(host: "127.0.0.1", port: 9081)])
            return (listen, AdminConfiguration(section, listen))
        }
        self.admin = admin?.1
        root.checkListeners(clear: [http.listen] + (admin.map { [$0.0] } ?? []), secure: [https], tls: tls)
        if http.listen.isSound, https.isSound, http.listen.value.isEmpty, https.value.isEmpty {
            root.decoding.report(
                http.listen.place ?? root.place, .conflict("neither \"http.listen\" nor \"https.listen\" is on"),
                hint: "An edge that listens nowhere serves nobody: give one of them an address.")
        }
        (httpListen, httpsListen, httpLimits) = (http.listen.value, https.value, http.limits)
        readUpstreams(root)
        retry = root.section("retry", RetryConfiguration.init).value
        push = root.section("push", PushConfiguration.init).value
        cache = root.section("cache", CacheConfiguration.init).value
        watch = root.section("watch", WatchConfiguration.init).value
        handoverSocket = root.optional("handover_socket", .path("the path of a Unix socket")).value
        drainTimeout =
            root.value("drain_timeout", .duration(.zero ... .seconds(600)), standard: drainTimeout).value
        log = root.section("log", LogConfiguration.init).value
        accessLog = root.section("access_log", AccessLogConfiguration.init).value
    }

    private mutating func readUpstreams(_ root: Section) {
        let found = root.list("upstreams") { section in
            UpstreamConfiguration.read(section)
        }
        upstreams = (found ?? []).map(\.upstream)
        if let found, found.isEmpty, root.isSound {
            root.decoding.report(
                root.place, .missingKey("upstreams", expected: "at least one upstream"),
                hint: "Add \"upstreams: [{url: https://127.0.0.1:8443}]\".")
        }
        var urls: [HTTPURL: String] = [:]
        for (upstream, url) in found ?? [] where url.isSound {
            if let other = urls[upstream.url], let place = url.place {
                root.decoding.report(
                    place, .conflict("\"\(url.path)\" is the same upstream as \"\(other)\""), hint: "Remove one.")
            }
            urls[upstream.url] = url.path
        }
    }
}
