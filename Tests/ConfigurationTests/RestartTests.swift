import Testing

@testable import Configuration

@Suite("What a reload can put in force, and what waits for the next start")
struct RestartTests {
    private func edge(_ text: String) throws -> EdgeConfiguration {
        try EdgeConfiguration.decode(
            ConfigurationFile(path: "e", text: "upstreams: [{url: http://127.0.0.1:1}]\n\(text)"), files: .trusting)
    }

    private func origin(_ text: String) throws -> OriginConfiguration {
        try OriginConfiguration.decode(ConfigurationFile(path: "o", text: text), files: .trusting)
    }

    @Test(
        "an edge",
        arguments: [
            ("", []), ("name: other", ["name"]), ("http: {listen: 127.0.0.1:1}", ["http.listen"]),
            ("http: {limits: {connections: 5, parked_requests: 7}}", []), ("log: {level: debug}", []),
            ("log: {format: json}", ["log.format"]), ("drain_timeout: 1s", []),
            ("handover_socket: s", ["handover_socket"]), ("retry: {first: 50ms}", ["retry"]),
            ("push: {offer: false}", ["push"]), ("cache: {object: 1MiB}", []),
            ("cache: {memory: 256MiB, channel: 1MiB}", ["cache.channel"]),
            ("watch: {hls_js: https://a.example/h.js}", []),
            ("tls: {certificate: c, key: k}\nhttps: {listen: off}", ["tls"]), ("access_log: {path: p}", ["access_log"]),
        ])
    func edgeKeys(text: String, keys: [String]) throws {
        #expect(try edge(text).keysForNextStart(since: edge("")) == keys)
        #expect(try edge("").keysForNextStart(since: edge(text)) == keys)
    }

    @Test("another path of a certificate is in force at once")
    func certificates() throws {
        let (a, b) = (try edge("tls: {certificate: a, key: k}"), try edge("tls: {certificate: b, key: k}"))
        #expect(b.keysForNextStart(since: a) == [])
    }

    @Test(
        "an origin",
        arguments: [
            ("channels: {a: {key: k}}", []), ("channels: {a: {key: other}, b: {key: l}}", []),
            ("channels: {a: {key: k, policy: takeover}}", ["channels.a"]),
            ("channels: {a: {key: k}}\nrtmp: {limits: {publishers: 3}}", ["rtmp.limits"]),
            ("channels: {a: {key: k}}\nstate_dir: s", ["state_dir"]),
            ("channels: {a: {key: k}}\nhttp: {limits: {idle_timeout: 9s}}", []),
            ("channels: {a: {key: k}}\nreconnect: {window: 5s}", ["reconnect", "channels.a"]),
        ])
    func originKeys(text: String, keys: [String]) throws {
        #expect(try origin(text).keysForNextStart(since: origin("channels: {a: {key: k}}")) == keys)
    }
}
