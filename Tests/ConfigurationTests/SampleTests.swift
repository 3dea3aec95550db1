import Foundation
import Testing

@testable import Configuration

/// The samples are the reference of every key: they must be right, and they must be whole.
@Suite("Samples in edge-config")
struct SampleTests {

    static func text(_ name: String) throws -> String {
        try String(contentsOf: resolved(name), encoding: .utf8)
    }

    /// The tests' folder may be reached through a link.
    private static func resolved(_ name: String) -> URL {
        let here = URL(filePath: #filePath).deletingLastPathComponent().resolvingSymlinksInPath()
        return here.deletingLastPathComponent().deletingLastPathComponent().appending(path: "edge-config/\(name)")
    }

    /// With every setting that is off turned on: `#key: value` has no space after its `#`, prose has one.
    static func everySetting(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let indent = line.prefix { $0 == " " }
            let rest = line.dropFirst(indent.count)
            guard rest.first == "#", let next = rest.dropFirst().first, next != " " else { return String(line) }
            return String(indent + rest.dropFirst())
        }.joined(separator: "\n")
    }

    @Test("every sample is valid", arguments: ["origin.yaml", "demo-origin.yaml"])
    func originIsValid(name: String) throws {
        let file = ConfigurationFile(path: name, text: try Self.text(name))
        let configuration = try OriginConfiguration.decode(file, files: .trusting)
        #expect(configuration.channel(forKey: "demo")?.name == "demo")
    }

    @Test("every sample is valid", arguments: ["edge.yaml", "demo-edge-1.yaml", "demo-edge-2.yaml"])
    func edgeIsValid(name: String) throws {
        let file = ConfigurationFile(path: name, text: try Self.text(name))
        #expect(try EdgeConfiguration.decode(file, files: .trusting).upstreams.count == 1)
    }

    @Test("no file of the folder is left out of these tests")
    func everySampleIsTested() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.resolved("").path(percentEncoded: false))
        let tested = ["origin.yaml", "demo-origin.yaml", "edge.yaml", "demo-edge-1.yaml", "demo-edge-2.yaml"]
        #expect(Set(names) == Set(tested))
    }

    @Test("the demo's nodes fit together")
    func demo() throws {
        let origin = try OriginConfiguration.decode(
            ConfigurationFile(path: "demo-origin.yaml", text: Self.text("demo-origin.yaml")), files: .trusting)
        #expect(origin.rtmpListen.map(\.description) == ["127.0.0.1:1935"])
        #expect(origin.httpListen.map(\.description) == ["127.0.0.1:8080"])
        #expect(origin.tls == TLSFiles(certificate: ".needletail/tls/cert.pem", key: ".needletail/tls/key.pem"))
        for (index, ports) in [(1, ["127.0.0.1:8081", "127.0.0.1:8444"]), (2, ["127.0.0.1:8082", "127.0.0.1:8445"])] {
            let name = "demo-edge-\(index).yaml"
            let edge = try EdgeConfiguration.decode(
                ConfigurationFile(path: name, text: Self.text(name)), files: .trusting)
            #expect((edge.httpListen + edge.httpsListen).map(\.description) == ports)
            #expect(edge.upstreams.map(\.url.authority) == origin.httpsListen.map(\.description))
            #expect(edge.upstreams.first?.authorityPath == origin.tls?.certificate)
            #expect(edge.name == "edge-\(index)")
        }
    }

    @Test("with every setting turned on, the sample is valid too")
    func everySettingIsValid() throws {
        let origin = ConfigurationFile(path: "origin.yaml", text: Self.everySetting(try Self.text("origin.yaml")))
        #expect(try OriginConfiguration.decode(origin, files: .trusting).channels.count == 2)
        let edge = ConfigurationFile(path: "edge.yaml", text: Self.everySetting(try Self.text("edge.yaml")))
        #expect(try EdgeConfiguration.decode(edge, files: .trusting).upstreams.count == 3)
    }

    @Test("what the samples leave on is the standard")
    func samplesAreStandard() throws {
        var origin = OriginConfiguration()
        origin.channels = ["demo": ChannelConfiguration(keys: ["demo"])]
        #expect(
            try OriginConfiguration.decode(ConfigurationFile(path: "o", text: Self.text("origin.yaml"))) == origin)
        var edge = EdgeConfiguration()
        edge.upstreams = [UpstreamConfiguration(url: HTTPURL(isSecure: false, host: "127.0.0.1", port: 8080))]
        #expect(try EdgeConfiguration.decode(ConfigurationFile(path: "e", text: Self.text("edge.yaml"))) == edge)
    }

    @Test(
        "every documented key is known and every known key is documented, with its bounds",
        arguments: [("origin.yaml", OriginConfiguration.keys), ("edge.yaml", EdgeConfiguration.keys)])
    func documentation(name: String, keys: [KeyDescription]) throws {
        let text = Self.everySetting(try Self.text(name))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let patterns = keys.map(\.path)
        var documented: [String: Int] = [:]
        collect(try YAMLDocument.parse(text, path: name), below: "", patterns: patterns, into: &documented)
        #expect(Set(documented.keys) == Set(patterns))
        for key in keys {
            guard let allowed = key.allowed, allowed.split(separator: " ").count == 3, allowed.contains(" to "),
                !key.path.contains("*")
            else { continue }
            let line = lines[try #require(documented[key.path]) - 1]
            #expect(line.contains(allowed), "\(name): \(key.path) allows \(allowed)")
            let standard = try #require(key.standard)
            #expect(line.contains("\(key.path.split(separator: ".").last ?? ""): \(standard) "), "\(line)")
        }
    }

    /// Leaves of the tree by the schema's pattern, with their lines.
    private func collect(
        _ node: ConfigurationNode, below path: String, patterns: [String], into leaves: inout [String: Int]
    ) {
        func descend(_ name: String, _ child: ConfigurationNode, _ place: ConfigurationPlace) {
            let exact = path.isEmpty ? name : "\(path).\(name)"
            let star = path.isEmpty ? "*" : "\(path).*"
            let isKnown = patterns.contains { $0 == exact || $0.hasPrefix("\(exact).") }
            let next = isKnown || !patterns.contains { $0.hasPrefix("\(star).") } ? exact : star
            if patterns.contains(next) {
                if case .file(_, let line, _) = place, leaves[next] == nil { leaves[next] = line }
            } else {
                collect(child, below: next, patterns: patterns, into: &leaves)
            }
        }
        switch node.content {
        case .map(let entries): for entry in entries { descend(entry.key, entry.value, entry.place) }
        case .list(let items): for item in items { descend("*", item, item.place) }
        case .nothing, .scalar: leaves["\(path) (unknown)"] = 0
        }
    }
}
