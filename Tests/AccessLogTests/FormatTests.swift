import Foundation
import HTTP
import Seeded
import Testing

@testable import AccessLog

/// Lines of the access log, byte by byte.
@Suite("A line of the access log")
struct FormatTests {
    /// A request as a client sent it; `agent` and `referer` may hold anything.
    static func request(
        _ target: [UInt8] = Array("/live/demo/index.m3u8".utf8), method: HTTP.Method = .get,
        host: [UInt8] = Array("a.example:8081".utf8), agent: [UInt8]? = Array("curl/8".utf8), referer: [UInt8]? = nil,
        version: HTTPVersion = .http2
    ) -> RequestHead {
        var fields = HTTPFields()
        if let agent { fields.append(name: "user-agent".utf8, value: agent) }
        if let referer { fields.append(name: "referer".utf8, value: referer) }
        return RequestHead(
            method: method, target: target[...], authority: host[...], fields: fields, version: version)
    }

    static func entry(_ request: RequestHead?, status: UInt16 = 200, cache: CacheResult = .pushed) -> AccessEntry {
        AccessEntry(
            startedAt: 1_700_000_000_123_456, peer: Array("192.0.2.7".utf8), peerPort: 4_711, request: request,
            version: request?.version ?? .http11, isSecure: true, status: status, bodyBytes: 1_234, cache: cache,
            held: 334_012, upstream: nil)
    }

    static func line(
        _ format: AccessLogFormat, _ entry: AccessEntry, duration: Int64 = 335_001, _ ending: AccessEnding = .whole
    ) -> [UInt8] {
        var formatter = AccessFormatter(format)
        var line: [UInt8] = []
        formatter.begin(entry, ending, into: &line)
        formatter.end(duration: duration, ending, into: &line)
        return line
    }

    static func object(_ line: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test("JSON tells everything, in this order")
    func json() {
        let line = Self.line(.json, Self.entry(Self.request(referer: Array("https://b.example/".utf8))))
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"time":"2023-11-14T22:13:20.123456Z","peer":"192.0.2.7","port":4711,"method":"GET","#
                + #""host":"a.example:8081","target":"/live/demo/index.m3u8","protocol":"h2","tls":true,"status":200,"#
                + #""bytes":1234,"cache":"hit; detail=pushed","hold_ms":334.012,"upstream_ms":null,"#
                + #""referer":"https://b.example/","user_agent":"curl/8","duration_ms":335.001,"end":"whole"}"# + "\n")
    }

    @Test("combined is Apache's and nginx's, and more behind it")
    func combined() {
        let line = Self.line(.combined, Self.entry(Self.request(referer: Array("https://b.example/".utf8))))
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "GET /live/demo/index.m3u8 HTTP/2.0" 200 1234 "#
                + #""https://b.example/" "curl/8" host="a.example:8081" tls=1 cache="hit; detail=pushed" hold=334.012 "#
                + "upstream=- time=335.001 end=whole\n")
    }

    @Test("what is no request has no words of one")
    func refused() throws {
        let entry = Self.entry(nil, status: 400, cache: .none)
        let object = try Self.object(Self.line(.json, entry))
        for key in ["method", "host", "target", "cache", "referer", "user_agent"] { #expect(object[key] is NSNull) }
        #expect(object["status"] as? Int == 400)
        #expect(
            String(decoding: Self.line(.combined, entry), as: UTF8.self)
                == #"192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "-" 400 1234 "-" "-" host="-" tls=1 cache="-" "#
                + "hold=334.012 upstream=- time=335.001 end=whole\n")
    }

    @Test("an exchange without an answer has no status, in combined nginx's", arguments: [AccessEnding.gone, .cut])
    func unanswered(ending: AccessEnding) throws {
        let entry = Self.entry(Self.request(), status: 0)
        #expect(try Self.object(Self.line(.json, entry, ending))["status"] is NSNull)
        let text = String(decoding: Self.line(.combined, entry, ending), as: UTF8.self)
        #expect(text.contains(ending == .gone ? #"" 499 1234 "# : #"" 444 1234 "#))
        #expect(text.hasSuffix(ending == .gone ? "end=gone\n" : "end=cut\n"))
    }

    @Test(
        "milliseconds have microseconds",
        arguments: [
            (Int64(0), "0.000"), (1, "0.001"), (999, "0.999"), (1_000, "1.000"), (12_345, "12.345"),
            (10_000_000, "10000.000"), (-5, "0.000"), (.max, "9223372036854775.807"), (.min, "0.000"),
        ])
    func milliseconds(microseconds: Int64, expected: String) {
        let text = String(
            decoding: Self.line(.json, Self.entry(nil), duration: microseconds), as: UTF8.self)
        #expect(text.hasSuffix(#""duration_ms":\#(expected),"end":"whole"}"# + "\n"))
    }

    @Test(
        "time, also where the formatter has just told another second",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000000Z", "01/Jan/1970:00:00:00 +0000"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z", "29/Feb/2000:00:00:00 +0000"),
            (1_735_689_599_999_999, "2024-12-31T23:59:59.999999Z", "31/Dec/2024:23:59:59 +0000"),
        ])
    func time(unixMicroseconds: Int64, json: String, combined: String) {
        for (format, expected) in [(AccessLogFormat.json, "\"\(json)\""), (.combined, "[\(combined)]")] {
            var formatter = AccessFormatter(format)
            var line: [UInt8] = []
            for moment in [unixMicroseconds + 1_000_000, unixMicroseconds, unixMicroseconds] {
                line = []
                var entry = Self.entry(nil)
                entry.startedAt = moment
                formatter.begin(entry, .whole, into: &line)
            }
            #expect(String(decoding: line, as: UTF8.self).contains(expected))
        }
    }

    /// What a client can send in a field, and how it stands in either format.
    static let hostile: [(name: String, bytes: [UInt8], json: String, combined: String)] = [
        ("a quote", Array(#"a"b"#.utf8), #"a\"b"#, #"a\x22b"#),
        ("a backslash", Array(#"a\b"#.utf8), #"a\\b"#, #"a\x5Cb"#),
        ("a forged line", Array("x\n{\"status\":200}".utf8), #"x\n{\"status\":200}"#, #"x\x0A{\x22status\x22:200}"#),
        ("a carriage return", [0x0d], #"\r"#, #"\x0D"#),
        ("a tab", [0x09], #"\t"#, #"\x09"#),
        ("a null", [0x00], #"\u0000"#, #"\x00"#),
        ("an escape", [0x1b, 0x5b, 0x33, 0x31, 0x6d], #"\u001b[31m"#, #"\x1B[31m"#),
        ("a delete", [0x7f], #"\u007f"#, #"\x7F"#),
        ("an umlaut", Array("ä".utf8), "ä", #"\xC3\xA4"#),
        ("an emoji", Array("🎬".utf8), "🎬", #"\xF0\x9F\x8E\xAC"#),
        ("a line separator", Array("\u{2028}".utf8), #"\u2028"#, #"\xE2\x80\xA8"#),
        ("a mark of direction", Array("\u{202e}".utf8), #"\u202e"#, #"\xE2\x80\xAE"#),
        ("a next line of C1", Array("\u{85}".utf8), #"\u0085"#, #"\xC2\x85"#),
        ("a byte alone", [0x61, 0xff, 0x62], #"a\ufffdb"#, #"a\xFFb"#),
        ("a character cut short", [0xe2, 0x82], #"\ufffd\ufffd"#, #"\xE2\x82"#),
        ("a long form of a quote", [0xc0, 0xa2], #"\ufffd\ufffd"#, #"\xC0\xA2"#),
        ("a long form of a line feed", [0xe0, 0x80, 0x8a], #"\ufffd\ufffd\ufffd"#, #"\xE0\x80\x8A"#),
        ("half a pair", [0xed, 0xa0, 0x80], #"\ufffd\ufffd\ufffd"#, #"\xED\xA0\x80"#),
        ("beyond Unicode", [0xf4, 0x90, 0x80, 0x80], #"\ufffd\ufffd\ufffd\ufffd"#, #"\xF4\x90\x80\x80"#),
        (
            "the last of two, three and four bytes", Array("\u{7ff}\u{ffff}\u{10ffff}".utf8),
            "\u{7ff}\u{ffff}\u{10ffff}",
            #"\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF"#
        ),
    ]

    @Test("no byte of a stranger's gets out of its place", arguments: hostile.indices)
    func escapes(index: Int) throws {
        let row = Self.hostile[index]
        var json: [UInt8] = []
        row.bytes.withUnsafeBytes { AccessText.appendJSON($0, to: &json) }
        #expect(String(decoding: json, as: UTF8.self) == row.json, "\(row.name)")
        var combined: [UInt8] = []
        row.bytes.withUnsafeBytes { AccessText.appendQuotable($0, to: &combined) }
        #expect(String(decoding: combined, as: UTF8.self) == row.combined, "\(row.name)")
    }

    @Test("longer values are cut, and say so")
    func long() throws {
        let agent = [UInt8](repeating: UInt8(ascii: "a"), count: 20_000)
        let entry = Self.entry(Self.request(agent: agent))
        let text = try #require(Self.object(Self.line(.json, entry))["user_agent"] as? String)
        #expect(text == String(repeating: "a", count: 8_192) + "…")
        let combined = String(decoding: Self.line(.combined, entry), as: UTF8.self)
        #expect(combined.contains(#" ""# + String(repeating: "a", count: 8_192) + #"..." host="#))
        // Nor does a character that stands across the cut make something else of the line.
        let across = [UInt8](repeating: UInt8(ascii: "a"), count: 8_191) + Array("ä\"".utf8)
        #expect(try Self.object(Self.line(.json, Self.entry(Self.request(agent: across)))).count == 17)
    }

    @Test("whatever the bytes: one line, and every value where it belongs", arguments: 0..<Search.rounds(20))
    func mutants(block: Int) throws {
        let morsels: [[UInt8]] =
            Self.hostile.map(\.bytes) + [Array(#"","status":1,""#.utf8), Array(#"" 200 "#.utf8), Array(" ".utf8)]
        let shape = try Regex(
            #"192\.0\.2\.7 - - \[14/Nov/2023:22:13:20 \+0000\] "[^"\\]*(?:\\x[0-9A-F]{2}[^"\\]*)*" 200 1234 "#
                + #""[^"]*" "[^"]*" host="[^"]*" tls=1 cache="fwd=miss" hold=334\.012 upstream=- time=335\.001 end=whole"#
        )
        for seed in block * 50..<(block + 1) * 50 {
            var random = SeededGenerator(seed: UInt64(seed))
            func bytes() -> [UInt8] {
                (0..<Int.random(in: 1...8, using: &random)).flatMap { _ in
                    Bool.random(using: &random)
                        ? morsels.randomElement(using: &random) ?? []
                        : (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                            UInt8.random(in: 0...255, using: &random)
                        }
                }
            }
            let (target, host, agent, referer) = (bytes(), bytes(), bytes(), bytes())
            let method = Method.other(String(decoding: bytes(), as: UTF8.self))
            let request = Self.request(target, method: method, host: host, agent: agent, referer: referer)
            let entry = Self.entry(request, cache: .miss)
            let json = Self.line(.json, entry)
            #expect(json.count { $0 < 0x20 } == 1 && json.last == 0x0a, "seed \(seed)")
            let object = try Self.object(json)
            #expect(object.count == 17, "seed \(seed)")
            #expect(object["target"] as? String == Self.decoded(target), "seed \(seed)")
            #expect(object["host"] as? String == Self.decoded(host), "seed \(seed)")
            #expect(object["method"] as? String == method.name, "seed \(seed)")
            #expect(object["status"] as? Int == 200, "seed \(seed)")
            let combined = Self.line(.combined, entry)
            #expect(combined.allSatisfy { 0x20..<0x7f ~= $0 || $0 == 0x0a }, "seed \(seed)")
            #expect(combined.count { $0 == 0x0a } == 1, "seed \(seed)")
            let text = String(decoding: combined.dropLast(), as: UTF8.self)
            #expect(text.wholeMatch(of: shape) != nil, "seed \(seed): \(text)")
        }
    }

    /// With U+FFFD for each byte that is in no character.
    private static func decoded(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        bytes.withUnsafeBytes { raw in
            var index = 0
            while index < raw.count {
                let found = [1, 2, 3, 4].lazy.compactMap { count -> (Unicode.Scalar, Int)? in
                    guard index + count <= raw.count,
                        let whole = String(validating: raw[index..<index + count], as: UTF8.self),
                        whole.unicodeScalars.count == 1, let scalar = whole.unicodeScalars.first
                    else { return nil }
                    return (scalar, count)
                }.first
                text.append(found?.0 ?? "\u{fffd}")
                index += found?.1 ?? 1
            }
        }
        return String(text)
    }
}
