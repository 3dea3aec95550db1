import Testing

@testable import Configuration

@Suite("Values with units")
struct ValueTests {
    @Test(
        "durations are read exactly",
        arguments: [
            ("200ms", Duration.milliseconds(200)), ("2s", .seconds(2)), ("1.5s", .milliseconds(1500)),
            ("1m", .seconds(60)), ("6h", .seconds(21_600)), ("250us", .microseconds(250)), ("0s", .zero),
            ("1/3s", Duration(attoseconds: 333_333_333_333_333_333)), ("1001/30s", Duration.seconds(1001) / 30),
            ("0.000001ms", .nanoseconds(1)),
        ])
    func duration(text: String, expected: Duration) throws {
        #expect(try DurationText.read(text) == expected)
    }

    @Test(
        "what is not a duration is refused with a hint",
        arguments: [
            "", "s", "5", "5 s", "-1s", "+1s", "1/0s", "1//3s", "1/3", "1.s", ".5s", "1.5.5s", "5x", "5S", "5sec",
            "1e3s", "0x5s", "9999999999s", "0.0000001s", "1/9999999999s", "٣s", "1/2/3s",
        ])
    func notADuration(text: String) {
        #expect(throws: ValueFlaw.self) { try DurationText.read(text) }
    }

    @Test("the largest number that is read does not overflow", arguments: ["999999999h", "999999999.999999h"])
    func largestDuration(text: String) throws {
        #expect(try DurationText.read(text) > .seconds(3_000_000_000_000))
    }

    @Test(
        "durations are written as an operator would",
        arguments: [
            (Duration.seconds(2), "2s"), (.seconds(90), "90s"), (.seconds(120), "2m"), (.seconds(7200), "2h"),
            (.milliseconds(1500), "1500ms"), (.zero, "0s"),
            (Duration(attoseconds: 333_333_333_333_333_333), "1/3s"), (.microseconds(7), "7us"),
        ])
    func writtenDuration(value: Duration, expected: String) throws {
        #expect(DurationText.write(value) == expected)
        #expect(try DurationText.read(expected) == value)
    }

    @Test(
        "sizes are read in powers of 1000 and 1024",
        arguments: [
            ("512MiB", 512 << 20), ("8GiB", 8 << 30), ("10MB", 10_000_000), ("64KiB", 65_536), ("64kB", 64_000),
            ("1.5GiB", 3 << 29), ("100B", 100), ("2TB", 2_000_000_000_000), ("999999999TiB", .max),
        ])
    func size(text: String, expected: Int) throws {
        #expect(try ByteSizeText.read(text) == expected)
    }

    @Test(
        "what is not a size is refused with a hint", arguments: ["", "MiB", "512", "-1MiB", "5 MiB", "1/2MiB", "1XB"])
    func notASize(text: String) {
        #expect(throws: ValueFlaw.self) { try ByteSizeText.read(text) }
    }

    @Test("a unit of size in the wrong case is put right", arguments: [("512mib", "512MiB"), ("4KB", "4kB")])
    func sizeCase(text: String, expected: String) {
        #expect {
            try ByteSizeText.read(text)
        } throws: { error in
            guard case .malformed(_, let hint?)? = error as? ValueFlaw else { return false }
            return hint.contains("\"\(expected)\"")
        }
    }

    @Test(
        "addresses are IP literals with a port",
        arguments: [
            ("127.0.0.1:8080", ListenAddress(host: "127.0.0.1", port: 8080)),
            ("0.0.0.0:0", ListenAddress(host: "0.0.0.0", port: 0)),
            ("[::1]:8443", ListenAddress(host: "::1", port: 8443)),
            ("[::]:65535", ListenAddress(host: "::", port: 65535)),
        ])
    func address(text: String, expected: ListenAddress) throws {
        #expect(try ListenAddress.read(text) == expected)
        #expect(expected.description == text)
    }

    @Test(
        "what is not an address is refused",
        arguments: [
            "", "8080", ":8080", "*:8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
            "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:80x", "256.0.0.1:80", "127.1:80", "::1:8443", "[::1]",
            "[::1]8443",
            "[127.0.0.1]:80", "[::1:80", "[fe80::1%eth0]:80", "127.0.0.1:80:80", "example.net:80",
        ])
    func notAnAddress(text: String) {
        #expect(throws: ValueFlaw.self) { try ListenAddress.read(text) }
    }

    @Test(
        "URLs are taken apart and put together",
        arguments: [
            ("https://127.0.0.1:8443", "127.0.0.1", 8443, "/", "https://127.0.0.1:8443"),
            ("https://Origin.Example.net/", "origin.example.net", 443, "/", "https://origin.example.net"),
            ("http://[::1]:80/hls.js?v=1", "::1", 80, "/hls.js?v=1", "http://[::1]/hls.js?v=1"),
            ("HTTP://a_b.local?x", "a_b.local", 80, "/?x", "http://a_b.local/?x"),
        ])
    func url(text: String, host: String, port: UInt16, target: String, written: String) throws {
        let url = try HTTPURL.read(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.target == target)
        #expect(url.description == written)
    }

    @Test(
        "what is not an http URL is refused",
        arguments: [
            "", "127.0.0.1:8443", "ftp://a", "https://", "https://:443", "https://a:0", "https://a:65536", "https://a:",
            "https://user:pw@a", "https://a/#x", "https://-a", "https://a..b", "https://a b", "https://[::1",
            "https://[a]", "https://é.fr", "https://a:1:2", "https://" + String(repeating: "a", count: 64),
        ])
    func notAURL(text: String) {
        #expect(throws: ValueFlaw.self) { try HTTPURL.read(text) }
    }

    @Test(
        "a slip of the fingers finds the name that was meant",
        arguments: [
            ("listn", "listen"), ("lsiten", "listen"), ("Listen", "listen"), ("max-segment", nil),
            ("maximum-segment", "maximum_segment"), ("windwo", "window"), ("foo", nil), ("", nil),
        ])
    func nearest(name: String, expected: String?) {
        #expect(NearestName.match(name, among: ["listen", "maximum_segment", "window", "part"]) == expected)
    }
}
