import Foundation
import Logging
import Testing

@testable import Logs

@Suite("A line of the log")
struct LogLineTests {
    private func line(
        _ format: LogFormat, _ message: String, _ metadata: Logger.Metadata = [:], logger: String = "origin"
    ) -> String {
        let line = LogLine(
            unixMicroseconds: 1_700_000_000_123_456, level: .info, logger: logger, message: message, metadata: metadata)
        return String(decoding: line.bytes(format), as: UTF8.self)
    }

    @Test(
        "time is ISO 8601 in UTC with milliseconds",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (1_700_000_000_123_999, "2023-11-14T22:13:20.123Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_999_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"), (1_735_603_200_000_000, "2024-12-31T00:00:00.000Z"),
        ])
    func time(unixMicroseconds: Int64, expected: String) {
        var bytes: [UInt8] = []
        LogTime.append(unixMicroseconds: unixMicroseconds, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test("no time traps", arguments: [Int64.min, .max])
    func extremeTime(unixMicroseconds: Int64) {
        var bytes: [UInt8] = []
        LogTime.append(unixMicroseconds: unixMicroseconds, to: &bytes)
        #expect(bytes.last == UInt8(ascii: "Z"))
    }

    @Test("text is time, level, logger, message, then metadata by key")
    func text() {
        let metadata: Logger.Metadata = [
            "peer": "127.0.0.1:5", "channel": "demo", "msn": .stringConvertible(7), "codecs": ["avc1", "mp4a"],
            "video": ["height": "720", "fps": "30"], "reason": "",
        ]
        #expect(
            line(.text, "publish accepted", metadata)
                == #"2023-11-14T22:13:20.123Z info origin: publish accepted channel=demo codecs=["avc1","mp4a"] msn=7 "#
                + #"peer=127.0.0.1:5 reason="" video={"fps":"30","height":"720"}"# + "\n")
    }

    @Test("JSON is one object with metadata inside")
    func json() {
        #expect(
            line(.json, "publish accepted", ["channel": "demo", "tracks": ["a", ["b": "c"]]])
                == #"{"time":"2023-11-14T22:13:20.123Z","level":"info","logger":"origin","message":"publish accepted","#
                + #""metadata":{"channel":"demo","tracks":["a",{"b":"c"}]}}"# + "\n")
        #expect(!line(.json, "x").contains("metadata"))
    }

    /// What strangers could send, and how it stands in a line of text.
    static let strangers = [
        ("plain", "plain"), ("two words", #""two words""#), ("a=b", #""a=b""#), ("say \"hi\"", #""say \"hi\"""#),
        ("back\\slash", #""back\\slash""#), ("line\nfeed", #""line\nfeed""#), ("\r\n", #""\r\n""#),
        ("\u{1B}[31mred", #""\u001b[31mred""#), ("nul\u{0}", #""nul\u0000""#), ("del\u{7F}", #""del\u007f""#),
        ("next\u{85}line", #""next\u0085line""#), ("sep\u{2028}", #""sep\u2028""#),
        ("turn\u{202E}ed", #""turn\u202eed""#), ("tag\u{E0041}", #""tag\udb40\udc41""#), ("채널-é", "채널-é"), ("", "\"\""),
    ]

    @Test("a value cannot leave its place in text", arguments: strangers)
    func textValue(value: String, expected: String) {
        #expect(line(.text, "m", ["k": .string(value)]) == "2023-11-14T22:13:20.123Z info origin: m k=\(expected)\n")
    }

    @Test("a value reads back from JSON as it was", arguments: strangers)
    func jsonValue(value: String, _: String) throws {
        struct Line: Decodable { let message: String, metadata: [String: String] }
        let text = line(.json, value, [value: .string(value)])
        #expect(text.filter { $0 == "\n" }.count == 1 && text.hasSuffix("}\n"))
        #expect(
            text.unicodeScalars.dropLast().allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0.value != 0x2028 })
        let read = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
        #expect(read.message == value)
        #expect(read.metadata == [value: value])
    }

    @Test("a message cannot pass for metadata, nor a key for another")
    func disguise() {
        #expect(line(.text, "ok channel=admin").contains(#": "ok channel=admin""#))
        #expect(line(.text, "m", ["a b=c\n": "v"]).hasSuffix(": m a_b_c_=v\n"))
        #expect(line(.text, "m", logger: "a b: c").contains(" info a_b__c: m"))
    }

    @Test("a line is bounded")
    func bounds() {
        let long = String(repeating: "é", count: 100_000)
        let text = line(.text, long, ["k": .string(long)])
        #expect(text.utf8.count < 3 * LogText.maximumBytes)
        #expect(text.contains("é…\""))
        var deep: Logger.MetadataValue = "bottom"
        for _ in 0..<10_000 { deep = .array([deep]) }
        #expect(line(.json, "m", ["deep": deep]).contains(#"[["…"]]"#))
        let wide = Logger.MetadataValue.array(Array(repeating: "x", count: 10_000))
        #expect(line(.text, "m", ["wide": wide]).utf8.count < 1000)
        var tree: Logger.MetadataValue = .string(String(long.prefix(1000)))
        for _ in 0..<3 { tree = .array(Array(repeating: .dictionary(["k": tree]), count: 64)) }
        let cut = line(.json, "m", ["tree": tree, "more": tree])
        #expect(cut.utf8.count < LogLine.maximumBytes + 3 * LogText.maximumBytes)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(cut.utf8)) }
    }
}
