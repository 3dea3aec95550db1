extension EdgeConfiguration {
    /// The keys that differ from a former configuration and are in force from the next start on only.
    package func keysForNextStart(since former: EdgeConfiguration) -> [String] {
        var keys: [String] = []
        func compare<Value: Equatable>(_ key: String, _ value: (EdgeConfiguration) -> Value) {
            if value(self) != value(former) { keys.append(key) }
        }
        compare("name") { $0.name }
        compare("http.listen") { $0.httpListen }
        compare("https.listen") { $0.httpsListen }
        compare("tls") { $0.tls == nil }
        compare("upstreams") { $0.upstreams }
        compare("retry") { $0.retry }
        compare("push") { $0.push }
        compare("cache.channel") { $0.cache.channelBytes }
        compare("cache.disk") { $0.cache.disk }
        compare("cores") { $0.cores }
        compare("admin.listen") { $0.admin?.listen }
        compare("access_log") { $0.accessLog }
        compare("log.format") { $0.log.format }
        compare("handover_socket") { $0.handoverSocket }
        return keys
    }
}

extension OriginConfiguration {
    /// The keys that differ from a former configuration and are in force from the next start on only.
    package func keysForNextStart(since former: OriginConfiguration) -> [String] {
        var keys: [String] = []
        func compare<Value: Equatable>(_ key: String, _ value: (OriginConfiguration) -> Value) {
            if value(self) != value(former) { keys.append(key) }
        }
        compare("rtmp.listen") { $0.rtmpListen }
        compare("rtmps.listen") { $0.rtmpsListen }
        compare("rtmp.any_key") { $0.anyKey }
        compare("rtmp.limits") { $0.rtmpLimits }
        compare("http.listen") { $0.httpListen }
        compare("https.listen") { $0.httpsListen }
        compare("http.limits.parked_requests_per_channel") { $0.httpLimits.parkedRequestsPerChannel }
        compare("tls") { $0.tls == nil }
        compare("packaging") { $0.packaging }
        compare("reconnect") { $0.reconnect }
        for (name, channel) in channels.sorted(by: { $0.key < $1.key }) {
            guard var before = former.channels[name] else { continue }
            // Keys are in force at once.
            before.keys = channel.keys
            if channel != before { keys.append("channels.\(name)") }
        }
        compare("state_dir") { $0.stateDirectory }
        compare("epoch_book") { $0.epochBook }
        compare("access_log") { $0.accessLog }
        compare("log.format") { $0.log.format }
        return keys
    }
}
