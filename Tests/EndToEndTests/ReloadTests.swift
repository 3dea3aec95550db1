import Foundation
import Harness
import Testing

/// A configuration that is read again while viewers watch: whole, or not at all.
extension EndToEnd {
    @Suite(.serialized) struct ReloadTests {
        /// Writes a node's configuration anew and asks the node to read it.
        private func reload(_ node: ChildProcess, _ file: URL, _ text: String) throws {
            try text.write(to: file, atomically: true, encoding: .utf8)
            kill(node.processIdentifier, SIGHUP)
        }

        private func isSuccessful(_ port: Int) throws -> Bool {
            try metrics(of: "http://127.0.0.1:\(port)", "needletail_config_last_reload_successful") == 1
        }

        @Test func anEdgeTakesWhatIsSoundAndKeepsItsOwnOtherwise() throws {
            let fleet = try Fleet()
            let file = fleet.directory.appendingPathComponent("edge.yaml")
            let first = try String(contentsOf: file, encoding: .utf8)
            let player = "http://127.0.0.1:\(fleet.edgePort)/watch/assets/hls.js"
            #expect(try curl(player).status == 200)
            #expect(try isSuccessful(fleet.edgePort))

            // Two mistakes, each with its place; nothing changes, not even what is sound.
            let mistaken = first.replacingOccurrences(
                of: "watch: {hls_js: \"\(Fleet.fetched("hls.js"))\"}",
                with: "watch: {hls_js: \"https://example.net/hls.js\"}\ncache: {memory: lots}\nnme: x")
            try reload(fleet.edge, file, mistaken)
            _ = try fleet.edge.line(with: "configuration not reloaded", "edge.yaml:7:")
            _ = try fleet.edge.line(with: "configuration not reloaded", "edge.yaml:8:")
            #expect(try curl(player).status == 200)
            #expect(try !isSuccessful(fleet.edgePort))

            // Sound: in force for the next request; what needs a restart is named.
            let sound = first.replacingOccurrences(
                of: "watch: {hls_js: \"\(Fleet.fetched("hls.js"))\"}",
                with: """
                    watch: {hls_js: "https://example.net/hls.js"}
                    retry: {first: 50ms}
                    log: {level: debug}
                    cache: {memory: 16MiB, object: 1MiB, channel: 16MiB}
                    """)
            try reload(fleet.edge, file, sound)
            _ = try fleet.edge.line(with: "configuration reloaded")
            let line = try fleet.edge.line(with: "need a restart")
            #expect(line.contains("retry") && line.contains("cache.channel") && !line.contains("watch"), "\(line)")
            let moved = try curl(player)
            #expect(moved.status == 302 && moved.headers["location"] == "https://example.net/hls.js")
            #expect(try isSuccessful(fleet.edgePort))

            // A certificate that cannot be used is a mistake like any other.
            try "nonsense".write(
                to: fleet.directory.appendingPathComponent("new.pem"), atomically: true, encoding: .utf8)
            try reload(
                fleet.edge, file,
                first.replacingOccurrences(of: "certificate: cert.pem", with: "certificate: new.pem"))
            _ = try fleet.edge.line(with: "configuration not reloaded", "new.pem")
            #expect(try curl("https://127.0.0.1:\(fleet.edgeTLSPort)/healthz").status == 200)
            #expect(try curl(player).status == 302)
        }

        @Test func anOriginTakesNewKeysAndChannels() throws {
            let fleet = try Fleet(channels: "{demo: {key: demo}}")
            let file = fleet.directory.appendingPathComponent("origin.yaml")
            let first = try String(contentsOf: file, encoding: .utf8)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            try reload(
                fleet.origin, file,
                first.replacingOccurrences(
                    of: "channels: {demo: {key: demo}}",
                    with: "channels: {demo: {key: secret}, third: {key: third-key}}\nstate_dir: elsewhere"))
            _ = try fleet.origin.line(with: "configuration reloaded")
            #expect(try fleet.origin.line(with: "need a restart").contains("state_dir"))
            let third = try fleet.publish(key: "third-key", name: "third")
            defer { third.stop() }
            _ = try fleet.waitForChannel("third")
            // The old key opens nothing; who came by it goes on.
            let late = try fleet.publish(key: "demo", name: "late")
            #expect(late.waitForExit() != 0)
            #expect(publisher.isRunning)
            #expect(try isSuccessful(fleet.originPort))
        }
    }
}
