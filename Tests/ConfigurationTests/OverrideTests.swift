import Testing

@testable import Configuration

@Suite("Command-line overrides pass through the schema")
struct OverrideTests {
    static let file = ConfigurationFile(
        path: "e.yaml", text: "name: a\nhttp: {listen: 127.0.0.1:1}\nupstreams: [{url: http://a}]\n")

    private func edge(_ sets: String...) throws(ConfigurationError) -> EdgeConfiguration {
        var overrides: [ConfigurationOverride] = []
        for set in sets { overrides.append(try ConfigurationOverride(parsing: set)) }
        return try EdgeConfiguration.decode(Self.file, overrides: overrides, files: .trusting)
    }

    @Test("an override wins over the file, the last one over the others")
    func wins() throws {
        #expect(try edge("http.listen=127.0.0.1:2").httpListen.map(\.port) == [2])
        #expect(try edge("http.listen=127.0.0.1:2", "http.listen=127.0.0.1:3").httpListen.map(\.port) == [3])
        #expect(try edge("name=b").name == "b")
    }

    @Test("commas make a list, off makes none")
    func lists() throws {
        #expect(
            try edge("http.listen=127.0.0.1:2,[::1]:3").httpListen
                == [ListenAddress(host: "127.0.0.1", port: 2), ListenAddress(host: "::1", port: 3)])
        let tls = ["tls.certificate=c", "tls.key=k", "http.listen=off"]
        let overrides = try tls.map { try ConfigurationOverride(parsing: $0) }
        let edge = try EdgeConfiguration.decode(Self.file, overrides: overrides, files: .trusting)
        #expect(edge.httpListen.isEmpty)
        #expect(edge.httpsListen.map(\.port) == [8444])
    }

    @Test("sections on the way are made, items of lists named by index")
    func paths() throws {
        #expect(try edge("http.limits.idle_timeout=5s").httpLimits.idleTimeout == .seconds(5))
        let edge = try edge("upstreams.0.timeout=3s", "upstreams.1.url=https://b")
        #expect(edge.upstreams.map(\.url.description) == ["http://a", "https://b"])
        #expect(edge.upstreams.first?.timeout == .seconds(3))
    }

    @Test("flags alone make a configuration")
    func withoutFile() throws {
        let overrides = [
            ConfigurationOverride(path: "channels.demo.key", value: "secret"),
            ConfigurationOverride(path: "packaging.part", value: "0.5s"),
        ]
        let origin = try OriginConfiguration.decode(nil, overrides: overrides)
        #expect(origin.channels["demo"]?.keys == ["secret"])
        #expect(origin.channels["demo"]?.packaging.part == .milliseconds(500))
        let edge = try EdgeConfiguration.decode(nil, overrides: [.init(path: "upstreams.0.url", value: "http://a")])
        #expect(edge.upstreams.map(\.url.host) == ["a"])
    }

    @Test(
        "a mistake in a flag is told with the flag",
        arguments: [
            (
                "http.listen=nowhere",
                #"--set http.listen: "http.listen" is "nowhere": this is not an address and a port. Write for example 127.0.0.1:8080, or [::1]:8080 for IPv6."#
            ),
            ("htp.listen=1", #"--set htp.listen: unknown key "htp". Did you mean "http"?"#),
            (
                "http.limits.connections=lots",
                #"--set http.limits.connections: "http.limits.connections" is "lots": this is not a whole number. Write digits alone, such as 64."#
            ),
            (
                "name.first=x",
                #"--set name.first: unknown key "name.first". "name" is a plain value at e.yaml:1:7: nothing can be set below it."#
            ),
            (
                "upstreams.2.url=http://b",
                #"--set upstreams.2.url: unknown key "upstreams.2". "upstreams" is a list of 1: name an item by its index, from 0."#
            ),
            (
                "retry=5s",
                #"--set retry: "retry" must be a section of keys, not a plain value. Write "key: value" lines below it, indented."#
            ),
        ])
    func mistakes(set: String, line: String) {
        let error = #expect(throws: ConfigurationError.self) { try edge(set) }
        #expect(error?.description == line)
    }

    @Test("what is not path=value is refused", arguments: ["", "=", "=x", "http", "a..b=c", ".a=b", "a.=b"])
    func malformed(text: String) {
        #expect(throws: ConfigurationError.self) { try ConfigurationOverride(parsing: text) }
    }

    @Test("a value keeps every = but the first, and a named flag its name")
    func form() throws {
        let override = try ConfigurationOverride(parsing: "watch.hls_js=https://a/x?b=c")
        #expect(override.path == ["watch", "hls_js"])
        #expect(override.value == "https://a/x?b=c")
        let named = ConfigurationOverride(path: "name", value: "a b", flag: "--name")
        let error = #expect(throws: ConfigurationError.self) {
            try EdgeConfiguration.decode(Self.file, overrides: [named])
        }
        #expect(error?.description.hasPrefix("--name: ") == true)
    }

    @Test("problems of the file come before those of flags")
    func order() {
        let file = ConfigurationFile(path: "e.yaml", text: "nme: a\nupstreams: [{url: http://a}]\n")
        let error = #expect(throws: ConfigurationError.self) {
            try EdgeConfiguration.decode(file, overrides: [.init(path: "log.level", value: "loud")])
        }
        #expect(error?.problems.map(\.place) == [.file(path: "e.yaml", line: 1, column: 1), .flag("--set log.level")])
    }
}
