import Testing

@testable import Configuration

@Suite("What a sound configuration means")
struct MeaningTests {
    private func origin(_ text: String) throws -> OriginConfiguration {
        try OriginConfiguration.decode(ConfigurationFile(path: "o.yaml", text: text), files: .trusting)
    }

    @Test("TLS listeners are on only with a certificate")
    func standardListeners() throws {
        let clear = try origin("channels: {a: {key: k}}")
        #expect(clear.httpsListen.isEmpty)
        #expect(clear.rtmpsListen.isEmpty)
        let secure = try origin("channels: {a: {key: k}}\ntls: {certificate: c, key: k}")
        #expect(secure.httpsListen == [ListenAddress(host: "127.0.0.1", port: 8443)])
        #expect(secure.rtmpsListen.isEmpty)
        let off = try origin("channels: {a: {key: k}}\ntls: {certificate: c, key: k}\nhttps: {listen: off}")
        #expect(off.httpsListen.isEmpty)
    }

    @Test("the certificate of clients that ask for no name comes first, then those of the list")
    func certificates() throws {
        let origin = try origin(
            """
            channels: {a: {key: k}}
            tls:
              certificate: c0
              key: k0
              certificates: [{certificate: c1, key: k1}, {certificate: c2, key: k2}]
            """)
        #expect(origin.tls?.pairs.map(\.certificate) == ["c0", "c1", "c2"])
        #expect(origin.tls?.pairs.map(\.key) == ["k0", "k1", "k2"])
        #expect(throws: ConfigurationError.self) {
            try self.origin("channels: {a: {key: k}}\ntls: {certificate: c, key: k, certificates: [{key: l}]}")
        }
    }

    @Test(
        "HTTP/2 towards an upstream is found out, or told",
        arguments: [("", .auto), (", http2: auto", .auto), (", http2: always", .always), (", http2: off", .off)]
            as [(String, UpstreamConfiguration.HTTP2Policy)])
    func clearHTTP2(setting: String, policy: UpstreamConfiguration.HTTP2Policy) throws {
        let text = "upstreams: [{url: \"http://127.0.0.1:8080\"\(setting)}]"
        let edge = try EdgeConfiguration.decode(ConfigurationFile(path: "e.yaml", text: text), files: .trusting)
        #expect(edge.upstreams.map(\.http2) == [policy])
    }

    @Test("a channel takes the packaging of all and overrides its own")
    func channelPackaging() throws {
        let origin = try origin(
            """
            packaging: {part: 500ms, segment: 3s, maximum_segment: 5s}
            channels:
              a: {key: k}
              b: {keys: [l, m], policy: takeover, part: 200ms, segment: 8s}
            """)
        #expect(origin.channels["a"]?.packaging == origin.packaging)
        #expect(origin.channels["a"]?.policy == .refuse)
        let b = try #require(origin.channels["b"])
        #expect(b.keys == ["l", "m"])
        #expect(b.policy == .takeover)
        #expect(b.packaging.part == .milliseconds(200))
        #expect(b.packaging.segment == .seconds(8))
        #expect(b.packaging.maximumSegment == .seconds(8))
        #expect(b.packaging.window >= b.packaging.maximumSegment * 3)
    }

    @Test("aliases spare an operator repetition")
    func aliases() throws {
        let origin = try origin("packaging: &p {part: 200ms}\nlog: {level: &l debug}\nchannels: {a: {key: *l}}")
        #expect(origin.channels["a"]?.keys == ["debug"])
    }

    @Test("only a listed key publishes, unless any key may")
    func openMode() throws {
        let closed = try origin("channels: {a: {key: secret}}")
        #expect(closed.channel(forKey: "secret")?.name == "a")
        #expect(closed.channel(forKey: "a") == nil)
        #expect(closed.channel(forKey: "other") == nil)
        let open = try origin("rtmp: {any_key: true}\nchannels: {a: {key: secret}}")
        #expect(open.channel(forKey: "other")?.name == "other")
        // Its name alone must not open a channel that has a secret.
        #expect(open.channel(forKey: "a") == nil)
        #expect(open.channel(forKey: "../a") == nil)
        #expect(open.channel(forKey: "") == nil)
    }

    @Test(
        "a stream key is of the alphabet and not too long",
        arguments: [
            ("abc-1", true), ("a b", false), ("a/b", false), ("", false), ("12345678", true), ("123456789", false),
        ])
    func keyRule(key: String, isAllowed: Bool) {
        #expect(StreamKeyRule(maximumLength: 8, symbols: "-").allows(key.utf8) == isAllowed)
    }

    /// The bounds that the table of keys tells, as two texts.
    private static func ends(of key: KeyDescription) -> (lower: String, upper: String)? {
        guard let words = key.allowed?.split(separator: " "), words.count == 3, words[1] == "to" else { return nil }
        return (String(words[0]), String(words[2]))
    }

    /// Whether the key's value is reported as out of range, whatever else is wrong.
    private func isOutOfRange(_ path: String, _ value: String, isOrigin: Bool) -> Bool {
        let overrides = [ConfigurationOverride(path: path, value: value)]
        do {
            if isOrigin {
                _ = try OriginConfiguration.decode(nil, overrides: overrides, files: .trusting)
            } else {
                _ = try EdgeConfiguration.decode(nil, overrides: overrides, files: .trusting)
            }
            return false
        } catch {
            return error.problems.contains { problem in
                if case .outOfRange(path, _, _) = problem.cause { true } else { false }
            }
        }
    }

    @Test("the ends of every range are in it, and what is far beyond is not", arguments: [true, false])
    func bounds(isOrigin: Bool) throws {
        let keys = isOrigin ? OriginConfiguration.keys : EdgeConfiguration.keys
        var checked = 0
        for key in keys {
            guard let (lower, upper) = Self.ends(of: key) else { continue }
            let path = key.path.replacing("*", with: key.path.hasPrefix("channels") ? "demo" : "0")
            #expect(!isOutOfRange(path, lower, isOrigin: isOrigin), "\(path) = \(lower)")
            #expect(!isOutOfRange(path, upper, isOrigin: isOrigin), "\(path) = \(upper)")
            let unit = upper.drop { $0.isNumber }
            #expect(isOutOfRange(path, "99999999\(unit)", isOrigin: isOrigin), "\(path) beyond \(upper)")
            checked += 1
        }
        #expect(checked >= 15)
    }
}
