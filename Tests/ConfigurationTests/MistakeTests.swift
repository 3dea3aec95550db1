import Testing

@testable import Configuration

/// What a mistake's line looks like. `channels` stands in front where a row is about something else.
struct Mistake: CustomTestStringConvertible, Sendable {
    let rule: String
    let yaml: String
    let lines: [String]

    init(_ rule: String, _ yaml: String, _ lines: String...) {
        (self.rule, self.yaml, self.lines) = (rule, yaml, lines)
    }

    var testDescription: String { rule }

    /// What is printed for a file `o.yaml` of this text.
    func printed<Value>(
        by decode: (ConfigurationFile) throws(ConfigurationError) -> Value
    ) -> [String] {
        do {
            _ = try decode(ConfigurationFile(path: "o.yaml", text: yaml))
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }
}

@Suite("Mistakes are told with place and hint")
struct MistakeTests {
    static let originMistakes = [
        Mistake(
            "an unknown key names its neighbour", "rtmp: {any_key: true, listn: 1}",
            #"o.yaml:1:23: unknown key "rtmp.listn". Did you mean "rtmp.listen"?"#),
        Mistake(
            "an unknown key names the section it belongs to", "rtmp: {any_key: true}\nmaximum_segment: 4s",
            #"o.yaml:2:1: unknown key "maximum_segment". It belongs at "packaging.maximum_segment"."#),
        Mistake(
            "an unknown key without a neighbour lists what is known", "rtmp: {any_key: true}\nlog:\n  zzz: 1",
            #"o.yaml:3:3: unknown key "log.zzz". Known here: format, level."#),
        Mistake(
            "a list is not a duration", "rtmp: {any_key: true}\npackaging:\n  part: [1s]",
            #"o.yaml:3:9: "packaging.part" must be a duration such as 200ms, 2s or 1m, not a list. Allowed: 100ms to 2s."#
        ),
        Mistake(
            "nothing is not a duration", "rtmp: {any_key: true}\npackaging:\n  part:",
            #"o.yaml:3:8: "packaging.part" must be a duration such as 200ms, 2s or 1m, not empty. Allowed: 100ms to 2s."#
        ),
        Mistake(
            "a unit is needed", "rtmp: {any_key: true}\npackaging: {part: 200}",
            #"o.yaml:2:19: "packaging.part" is "200": the unit is missing. Did you mean "200s" or "200ms"?"#),
        Mistake(
            "bounds are told", "rtmp: {any_key: true}\npackaging: {part: 50ms}",
            #"o.yaml:2:19: "packaging.part" is 50ms, which is out of range: allowed is 100ms to 2s."#),
        Mistake(
            "a quoted number is a text", "rtmp: {any_key: true, limits: {amf_depth: \"32\"}}",
            #"o.yaml:1:43: "rtmp.limits.amf_depth" must be a whole number, not a quoted text. Remove the quotes."#),
        Mistake(
            "yes is not true", "rtmp: {any_key: yes}",
            #"o.yaml:1:17: "rtmp.any_key" is "yes": this is neither true nor false. Write true or false."#),
        Mistake(
            "a word that is none of the choices names its neighbour", "channels: {a: {key: k, policy: takover}}",
            #"o.yaml:1:32: "channels.a.policy" is "takover": this is not one of refuse, takeover. Did you mean "takeover"?"#
        ),
        Mistake(
            "a section is not a value", "rtmp: 1935\nchannels: {a: {key: k}}",
            #"o.yaml:1:7: "rtmp" must be a section of keys, not a plain value. Write "key: value" lines below it, indented."#
        ),
        Mistake(
            "channels are needed", "log: {level: info}",
            #"o.yaml:1:1: "channels" is missing: at least one channel is required. Add "channels: {demo: {key: SECRET}}", or set rtmp.any_key to true."#
        ),
        Mistake(
            "a channel needs a key", "channels:\n  a: {}",
            #"o.yaml:2:3: "channels.a.key" is missing: a stream key is required. Add "key: …", or "keys: [… , …]" for several."#
        ),
        Mistake(
            "key and keys exclude each other", "channels: {a: {key: k, keys: [l]}}",
            #"o.yaml:1:30: "channels.a.key" and "channels.a.keys" are both set. Put every key into "keys"."#),
        Mistake(
            "two channels cannot share a key, which is not printed",
            "channels:\n  a: {key: hunter2}\n  b: {key: hunter2}",
            #"o.yaml:3:12: channel "b" has a stream key of channel "a". A key leads to one channel."#),
        Mistake(
            "a bad stream key is not printed", "channels: {a: {key: \"hunter 2\"}}",
            #"o.yaml:1:21: "channels.a.key": a character is not allowed here. Use only letters, digits and the rtmp.limits.key_symbols."#
        ),
        Mistake(
            "a channel's name goes into paths", "channels: {a/b: {key: k}}",
            #"o.yaml:1:12: "channels" is "a/b": it is not a channel's name: use 1 to 64 of letters, digits, "-" and "_"."#
        ),
        Mistake(
            "a duplicate key tells where the first is",
            "rtmp: {any_key: true}\nlog: {level: info}\nlog: {format: json}",
            #"o.yaml:3:1: key "log" is here a second time, first at o.yaml:2:1. Remove one of them."#),
        Mistake(
            "TLS listeners need a certificate", "rtmp: {any_key: true}\nhttps: {listen: 127.0.0.1:1}",
            #"o.yaml:2:17: "tls" is missing: a certificate for "https.listen" is required. Add "tls: {certificate: PATH, key: PATH}", or set "https.listen" to off."#
        ),
        Mistake(
            "a certificate that does not exist dangles",
            "rtmp: {any_key: true}\ntls: {certificate: a.pem, key: missing.pem}",
            #"o.yaml:2:32: "tls.key" names "missing.pem", which does not exist. Paths are relative to the working directory."#
        ),
        Mistake(
            "a certificate without its key is half", "rtmp: {any_key: true}\ntls: {certificate: a.pem}",
            #"o.yaml:2:1: "tls.key" is missing: the path of a PEM private key is required. Add "key: …"."#),
        Mistake(
            "two listeners cannot take one address", "rtmp: {any_key: true}\nhttp: {listen: 127.0.0.1:1935}",
            #"o.yaml:2:16: "http.listen" takes 127.0.0.1:1935, as "rtmp.listen" does. Give each listener a port of its own."#
        ),
        Mistake(
            "a segment holds two parts", "rtmp: {any_key: true}\npackaging: {part: 1s, segment: 1.5s}",
            #"o.yaml:2:19: "packaging.part" is 1s, more than half of "packaging.segment" (1500ms). A segment holds two parts or more: shorten the part or lengthen the segment."#
        ),
        Mistake(
            "a channel's part fits its segment", "channels: {a: {key: k, segment: 1s, part: 600ms}}",
            #"o.yaml:1:43: "channels.a.part" is 600ms, more than half of "channels.a.segment" (1s). A segment holds two parts or more: shorten the part or lengthen the segment."#
        ),
        Mistake(
            "a window holds three target durations", "rtmp: {any_key: true}\npackaging: {window: 10s}",
            #"o.yaml:2:21: "packaging.window" is 10s, less than three times "packaging.maximum_segment" (4s). Set it to 12s or more."#
        ),
        Mistake(
            "one address has not more connections than all",
            "rtmp: {any_key: true}\nhttp: {limits: {connections: 10, connections_per_address: 11}}",
            #"o.yaml:2:59: "http.limits.connections_per_address" is larger than "http.limits.connections". Lower the one or raise the other."#
        ),
        Mistake(
            "a value cannot break the line that reports it", "rtmp: {any_key: true}\nlog: {level: \"a\\nb\\e[1m\"}",
            "o.yaml:2:14: \"log.level\" is \"a\u{FFFD}b\u{FFFD}[1m\": this is not one of trace, debug, info, notice, warning, error, critical."
        ),
        Mistake(
            "Windows' line ends and byte order mark move no place",
            "\u{FEFF}rtmp: {any_key: true}\r\nlog:\r\n  level: info\r\n  level: loud\r\n",
            #"o.yaml:4:3: key "log.level" is here a second time, first at o.yaml:3:3. Remove one of them."#,
            #"o.yaml:4:10: "log.level" is "loud": this is not one of trace, debug, info, notice, warning, error, critical."#
        ),
        Mistake(
            "letters beyond ASCII are one column each",
            "rtmp: {any_key: true}\nlog: {é한👩‍👧: 1, levl: x}",
            #"o.yaml:2:7: unknown key "log.é한👩‍👧". Known here: format, level."#,
            #"o.yaml:2:17: unknown key "log.levl". Did you mean "log.level"?"#),
        Mistake(
            "text that is not YAML is told with its place", "rtmp: {any_key: true\nlog: [",
            "o.yaml:2:4: this is not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'. Check indentation (spaces only), colons and quotes."
        ),
        Mistake(
            "tabs are told", "rtmp:\n\tany_key: true",
            "o.yaml:2:1: this is not valid YAML: while scanning for the next token, found character that cannot start any token. Check indentation (spaces only), colons and quotes."
        ),
        Mistake(
            "two documents are one too many", "rtmp: {any_key: true}\n---\nlog: {}",
            "o.yaml:2:1: this is not valid YAML: but found another document. Check indentation (spaces only), colons and quotes."
        ),
    ]

    @Test("origin", arguments: originMistakes)
    func origin(mistake: Mistake) {
        let files = FileProbe { $0.contains("missing") ? .missing : .readable }
        let printed = mistake.printed { file throws(ConfigurationError) in
            try OriginConfiguration.decode(file, files: files)
        }
        #expect(printed == mistake.lines)
    }

    static let edgeMistakes = [
        Mistake(
            "upstreams are needed", "name: kr-1",
            #"o.yaml:1:1: "upstreams" is missing: at least one upstream is required. Add "upstreams: [{url: https://127.0.0.1:8443}]"."#
        ),
        Mistake(
            "an upstream needs its URL", "upstreams:\n  - timeout: 2s",
            #"o.yaml:2:5: "upstreams.0.url" is missing: a URL such as https://127.0.0.1:8443 is required. Add "url: …"."#
        ),
        Mistake(
            "upstreams are a list", "upstreams: {url: https://a}",
            #"o.yaml:1:12: "upstreams" must be a list of sections, not a section of keys. Begin each item with "- "."#),
        Mistake(
            "an upstream has no path", "upstreams: [{url: https://a/live}]",
            #"o.yaml:1:19: "upstreams.0.url" is "https://a/live": a path cannot stand here. Write "https://a"."#),
        Mistake(
            "one upstream is named once", "upstreams: [{url: https://a}, {url: https://A:443/}]",
            #"o.yaml:1:37: "upstreams.1.url" is the same upstream as "upstreams.0.url". Remove one."#),
        Mistake(
            "ca and insecure contradict each other", "upstreams: [{url: https://a, ca: a.pem, insecure: true}]",
            #"o.yaml:1:51: "upstreams.0.ca" and "upstreams.0.insecure" are both set. Keep "ca": it is checked, "insecure" checks nothing."#
        ),
        Mistake(
            "ca needs https", "upstreams: [{url: http://a, ca: a.pem}]",
            #"o.yaml:1:33: "upstreams.0.ca" has no meaning for an http URL. Use https, or remove it."#),
        Mistake(
            "an edge listens somewhere", "http: {listen: off}\nupstreams: [{url: http://a}]",
            #"o.yaml:1:16: neither "http.listen" nor "https.listen" is on. An edge that listens nowhere serves nobody: give one of them an address."#
        ),
        Mistake(
            "an object fits into the cache", "cache: {memory: 16MiB, object: 17MiB}\nupstreams: [{url: http://a}]",
            #"o.yaml:1:32: "cache.object" is larger than "cache.memory". Lower the one or raise the other."#),
        Mistake(
            "files of the cache have a place",
            "cache: {disk: {bytes: 1GiB}}\nupstreams: [{url: http://a}]",
            #"o.yaml:1:9: "cache.disk.directory" is missing: the path of a directory is required. Add "directory: …"."#),
        Mistake(
            "retries grow", "retry: {first: 2s, maximum: 1s}\nupstreams: [{url: http://a}]",
            #"o.yaml:1:16: "retry.first" is larger than "retry.maximum". Lower the one or raise the other."#),
        Mistake(
            "hls.js must be there", "watch: {hls_js: missing.js}\nupstreams: [{url: http://a}]",
            #"o.yaml:1:17: "watch.hls_js" names "missing.js", which does not exist. Paths are relative to the working directory."#
        ),
        Mistake(
            "every mistake is told at once, in the order of the file",
            "nam: a\nname: b!\nname: c\nhttp: {listen: localhost:80}\nupstreams: [{url: ftp://x, tmeout: 5}, 7]\nretry: 1",
            #"o.yaml:1:1: unknown key "nam". Did you mean "name"?"#,
            #"o.yaml:3:1: key "name" is here a second time, first at o.yaml:2:1. Remove one of them."#,
            #"o.yaml:4:16: "http.listen" is "localhost:80": "localhost" is not an IP address. Write 127.0.0.1:80 or [::1]:80."#,
            #"o.yaml:5:19: "upstreams.0.url" is "ftp://x": this is not an http or https URL. Write for example https://origin.example.net:8443."#,
            #"o.yaml:5:28: unknown key "upstreams.0.tmeout". Did you mean "upstreams.0.timeout"?"#,
            #"o.yaml:5:40: "upstreams.1" must be a section of keys, not a plain value. Write "key: value" lines below it, indented."#,
            #"o.yaml:6:8: "retry" must be a section of keys, not a plain value. Write "key: value" lines below it, indented."#
        ),
        Mistake(
            "duplicates are told everywhere and do not move the columns of others",
            "upstreams: [{url: http://a}]\nlog: {level: info, \"level\": debug, level: x, frmat: json}\nretry:\n  first: 1s\n  first: 2s\n",
            #"o.yaml:2:20: key "log.level" is here a second time, first at o.yaml:2:7. Remove one of them."#,
            #"o.yaml:2:36: key "log.level" is here a second time, first at o.yaml:2:7. Remove one of them."#,
            #"o.yaml:2:43: "log.level" is "x": this is not one of trace, debug, info, notice, warning, error, critical."#,
            #"o.yaml:2:46: unknown key "log.frmat". Did you mean "log.format"?"#,
            #"o.yaml:5:3: key "retry.first" is here a second time, first at o.yaml:4:3. Remove one of them."#),
    ]

    @Test("edge", arguments: edgeMistakes)
    func edge(mistake: Mistake) {
        let files = FileProbe { $0.contains("missing") ? .missing : .readable }
        let printed = mistake.printed { file throws(ConfigurationError) in
            try EdgeConfiguration.decode(file, files: files)
        }
        #expect(printed == mistake.lines)
    }

    @Test("aliases that multiply, deep nesting and huge files are refused")
    func excess() {
        var bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        for level in 1...9 {
            bomb += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ","))]\n"
        }
        let deep = "a: " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        let huge = String(repeating: "#\n", count: YAMLDocument.maximumBytes / 2 + 1)
        for text in [bomb, deep, huge] {
            #expect {
                try EdgeConfiguration.decode(ConfigurationFile(path: "o.yaml", text: text))
            } throws: { error in
                guard case .excessive? = (error as? ConfigurationError)?.problems.first?.cause else { return false }
                return true
            }
        }
    }

    @Test("a file that cannot be read is told")
    func unreadable() {
        let missing = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile(readingFrom: "/nonexistent/o.yaml")
        }
        #expect(missing?.description.contains("No such file or directory") == true)
        #expect(throws: ConfigurationError.self) { try ConfigurationFile(readingFrom: "/") }
        #expect(FileProbe.disk.finding("/nonexistent") == .missing)
        #expect(FileProbe.disk.finding("/") == .unreadable(reason: "Is a directory"))
    }
}
